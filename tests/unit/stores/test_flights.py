"""Who makes a call, and who waits for it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from onetake.cassettes.decisions import Replaced, Slot
from onetake.cassettes.fold import Take
from onetake.formats.document import Stored
from onetake.matching import Matcher
from onetake.messages import Body, Ended, Interaction, Request, Response
from onetake.stores import flights
from onetake.stores.flights import SharedFlights
from onetake.stores.port import Flight, Pause
from onetake.stores.rows.sqlite import SqliteStore
from onetake.stores.shared import SharedCassette

MATCHER = Matcher()
REQUEST = Request(method="GET", url="https://api.example.test/")
FLIGHT = Flight(Slot(MATCHER.key(REQUEST), 0))


def answer(status: int = 200, *, ended: Ended = Ended.COMPLETE, at: int = 1) -> Interaction:
    body = Body(data=b"the answer")
    return Interaction(
        request=REQUEST, response=Response(status=status, body=body), ended=ended, at=at
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(tmp_path / "store.sqlite")) as made:
        yield made


def opening(store: SqliteStore, wait_s: float = 30, scope: str = "") -> SharedFlights:
    cassette = SharedCassette(store, "c", fingerprint=MATCHER.fingerprint)
    if not scope:
        cassette.load(MATCHER.key, MATCHER.fingerprint)
    return SharedFlights(cassette, scope=scope, wait_s=wait_s)


def asked(one: SharedFlights) -> Stored | None:
    """What comes of asking until there is no more pause."""
    end = time.monotonic() + 20
    while isinstance(told := one.ask(FLIGHT), Pause):
        assert time.monotonic() < end
        time.sleep(told.s)
    return told


def test_one_makes_the_call_and_the_other_has_its_answer(store):
    one, other = opening(store), opening(store)

    assert one.ask(FLIGHT) is None
    assert isinstance(other.ask(FLIGHT), Pause)
    one.land(FLIGHT, answer())
    other.land(FLIGHT, answer())

    assert asked(other).answering(REQUEST) == answer()
    assert one.known_to_others() == {FLIGHT}
    assert other.known_to_others() == set()


@pytest.mark.parametrize(
    "worthless",
    [answer(429), answer(503), answer(ended=Ended.CUT), answer(ended=Ended.CLOSED)],
)
def test_an_answer_that_may_be_better_next_time_is_nobody_elses(store, worthless):
    one, other = opening(store), opening(store)
    one.ask(FLIGHT)
    other.ask(FLIGHT)

    one.land(FLIGHT, worthless)

    assert asked(other) is None
    assert one.known_to_others() == set()


def test_who_waits_too_long_makes_the_call(store):
    opening(store).ask(FLIGHT)

    assert asked(opening(store, wait_s=0.2)) is None


def test_a_claim_of_another_machine_ends_with_its_time(store):
    name, holder = "c\0\0" + FLIGHT.name, "elsewhere 1 x"
    store.claim(name, holder, 60)
    one = opening(store)

    assert isinstance(one.ask(FLIGHT), Pause)
    store.claim(name, holder, 0.05)
    time.sleep(0.1)
    assert one.ask(FLIGHT) is None


@pytest.mark.skipif(sys.platform == "win32", reason="processes cannot be asked for there")
def test_a_claim_of_a_dead_process_of_this_machine_ends_when_somebody_asks(store):
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    store.claim("c\0\0" + FLIGHT.name, f"{flights._MACHINE} {process.pid} x", 30)
    one = opening(store)

    assert one.ask(FLIGHT) == Pause(0.0)
    assert one.ask(FLIGHT) is None


def test_what_was_published_meanwhile_is_found(store):
    one, late = opening(store), opening(store)
    one.ask(FLIGHT)
    cassette = SharedCassette(store, "c", fingerprint=MATCHER.fingerprint)
    cassette.publish([Take(FLIGHT.slot, answer())], MATCHER.key, replacing_run=None)
    one.close(published=True)

    assert late.ask(FLIGHT).answering(REQUEST) == answer()
    assert opening(store).ask(Flight(Slot(FLIGHT.slot.key, 1))) is None


def test_what_was_published_instead_of_what_has_expired_is_found_and_the_old_is_not(store):
    cassette = SharedCassette(store, "c", fingerprint=MATCHER.fingerprint)
    cassette.publish([Take(FLIGHT.slot, answer(at=100))], MATCHER.key, replacing_run=None)
    anew = Flight(FLIGHT.slot, Replaced(FLIGHT.slot, 100))
    one, other, third = opening(store), opening(store), opening(store)

    assert one.ask(anew) is None
    one.close(published=False)
    assert other.ask(anew) is None
    cassette.load(MATCHER.key, MATCHER.fingerprint)
    take = Take(FLIGHT.slot, answer(at=200), anew.replaced)
    cassette.publish([take], MATCHER.key, replacing_run=None)
    other.close(published=True)

    assert third.ask(anew).at == 200


def test_a_run_that_records_anew_shares_its_own_answers_alone(store):
    one, same, another = (
        opening(store, scope="a"),
        opening(store, scope="a"),
        opening(store, scope="b"),
    )
    one.ask(FLIGHT)
    one.land(FLIGHT, answer())
    one.close(published=True)

    assert same.ask(FLIGHT).answering(REQUEST) == answer()
    assert another.ask(FLIGHT) is None


def test_what_failed_is_recorded_anew_by_the_next_attempt_of_the_run(store):
    one = opening(store, scope="a")
    one.ask(FLIGHT)
    one.land(FLIGHT, answer())
    one.close(published=False)

    assert opening(store, scope="a").ask(FLIGHT) is None


def test_without_the_store_each_makes_its_own_call(tmp_path):
    (tmp_path / "store.sqlite").write_text("no database, but long enough to be taken for one" * 9)
    cassette = SharedCassette(SqliteStore(tmp_path / "store.sqlite"), "c", fingerprint="")
    one = SharedFlights(cassette, scope="", wait_s=30)

    assert one.ask(FLIGHT) is None
    one.land(FLIGHT, answer())
    assert one.known_to_others() == set()
    one.close(published=True)

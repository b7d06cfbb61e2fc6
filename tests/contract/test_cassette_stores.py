"""What every store promises (stores/port.py), over every store."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from onetake.cassettes.decisions import Replaced, Slot
from onetake.cassettes.fold import Take
from onetake.cassettes.growth import RunLine
from onetake.matching import Matcher
from onetake.messages import Body, Headers, Interaction, Request, Response
from onetake.stores import history
from onetake.stores.files import FileCassette
from onetake.stores.memory import MemoryCassette
from onetake.stores.port import CassetteStore
from onetake.stores.rows.sqlite import SqliteStore
from onetake.stores.shared import SharedCassette

MATCHER = Matcher()


@pytest.fixture(params=["files", "memory", "shared"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CassetteStore]:
    with closing(SqliteStore(tmp_path / "store.sqlite")) as rows:
        if request.param == "memory":
            yield MemoryCassette(secrets.token_hex(8))
        elif request.param == "shared":
            yield SharedCassette(rows, "c", fingerprint=MATCHER.fingerprint)
        else:
            yield _file_cassette(tmp_path)


def _file_cassette(tmp_path: Path) -> FileCassette:
    return FileCassette(
        tmp_path / "cassettes" / "c.json",
        tmp_path / "cassettes" / "blobs",
        cache=tmp_path / ".onetake",
    )


def interaction(n: int, answer: bytes = b'{"ok": true}') -> Interaction:
    return Interaction(
        request=Request(
            method="POST",
            url="https://api.example.test/v1/x",
            headers=Headers((("content-type", "application/json"),)),
            body=b'{"n": %d}' % n,
        ),
        response=Response(
            status=200,
            reason="OK",
            headers=Headers((("content-type", "application/json"),)),
            body=Body(data=answer),
        ),
    )


def take(one: Interaction, n: int = 0, replaces: Replaced | None = None) -> Take:
    return Take(Slot(MATCHER.key(one.request), n), one, replaces)


def published_at(store: CassetteStore, *moments: int) -> None:
    """Equal requests with the answers `0`, `1`, ..., made at `moments`."""
    takes = [take(interaction(1, b"%d" % n).replace(at=at), n) for n, at in enumerate(moments)]
    store.publish(takes, MATCHER.key, replacing_run=None)


def answers(store: CassetteStore) -> list[bytes]:
    return [e.interaction.response.body.data for e in store.load(MATCHER.key, "").entries]


def instead(of: Interaction, n: int, at: float, answer: bytes, now: int = 900) -> Take:
    """Made instead of the n-th recording of an equal request, which was made at `at`."""
    one = interaction(1, answer).replace(at=now)
    return take(one, n, Replaced(Slot(MATCHER.key(of.request), n), at))


def bodies(store: CassetteStore) -> list[bytes]:
    return [e.interaction.request.body for e in store.load(MATCHER.key, "").entries]


def test_what_does_not_exist_is_empty(store):
    assert store.load(MATCHER.key, "").entries == ()


def test_what_is_published_is_there_in_order_and_equal(store):
    published = [interaction(n) for n in range(3)]

    done = store.publish([take(one) for one in published], MATCHER.key, replacing_run=None)

    opened = store.load(MATCHER.key, MATCHER.fingerprint)
    assert (done.added, done.paid_twice) == (3, 0)
    assert [entry.interaction for entry in opened.entries] == published
    assert list(opened.keys) == [MATCHER.key(one.request) for one in published]


def test_a_filled_slot_is_not_filled_again(store):
    store.publish([take(interaction(1))], MATCHER.key, replacing_run=None)

    done = store.publish(
        [take(interaction(1, b"another")), take(interaction(1, b"second"), 1)],
        MATCHER.key,
        replacing_run=None,
    )

    assert (done.added, done.paid_twice) == (1, 1)
    assert answers(store) == [b'{"ok": true}', b"second"]


def test_a_run_that_records_replaces_once_and_then_adds(store):
    store.publish([take(interaction(n)) for n in (1, 2)], MATCHER.key, replacing_run=None)

    store.publish([take(interaction(3))], MATCHER.key, replacing_run="run-a")
    store.publish([take(interaction(4))], MATCHER.key, replacing_run="run-a")
    assert bodies(store) == [b'{"n": 3}', b'{"n": 4}']

    store.publish([take(interaction(5))], MATCHER.key, replacing_run="run-b")
    assert bodies(store) == [b'{"n": 5}']


def test_a_large_body_comes_back_byte_for_byte(store):
    data = secrets.token_bytes(100_000)

    store.publish([take(interaction(1, data))], MATCHER.key, replacing_run=None)

    (entry,) = store.load(MATCHER.key, "").entries
    assert entry.interaction.response.body.data == data


def test_runs_are_remembered(store):
    assert store.history() == []
    for n in range(25):
        store.add_run(RunLine(run=f"run{n}", at=n, recorded=1, grew=("t",)))
        history.send()

    assert [line.run for line in store.history()] == [f"run{n}" for n in range(5, 25)]
    assert store.history()[-1] == RunLine(run="run24", at=24, recorded=1, grew=("t",))


def test_loading_is_a_pure_read(store):
    store.publish([take(interaction(n)) for n in range(150)], MATCHER.key, replacing_run=None)

    first = store.load(MATCHER.key, MATCHER.fingerprint)
    again = store.load(MATCHER.key, MATCHER.fingerprint)

    assert first.keys == again.keys
    assert len(set(first.keys)) == 150


def test_what_has_expired_gives_its_place_to_what_was_made_instead_of_it(store):
    published_at(store, 100, 200)
    store.load(MATCHER.key, "")

    done = store.publish(
        [instead(interaction(1), 0, 100, b"anew")], MATCHER.key, replacing_run=None
    )

    assert (done.added, done.paid_twice) == (1, 0)
    assert answers(store) == [b"anew", b"1"]

    done = store.publish(
        [instead(interaction(1), 0, 900, b"again", 990)], MATCHER.key, replacing_run=None
    )
    assert done.added == 1
    assert answers(store) == [b"again", b"1"]


def test_of_two_that_were_made_instead_of_one_the_first_wins(store):
    published_at(store, 100)
    store.load(MATCHER.key, "")
    store.publish([instead(interaction(1), 0, 100, b"first")], MATCHER.key, replacing_run=None)

    done = store.publish(
        [instead(interaction(1), 0, 100, b"late")], MATCHER.key, replacing_run=None
    )

    assert (done.added, done.paid_twice) == (0, 1)
    assert answers(store) == [b"first"]


def test_one_of_another_key_takes_the_place_too_and_is_found_under_its_own(store):
    published_at(store, 100)
    store.load(MATCHER.key, "")
    other = interaction(2).replace(at=900)
    old = Replaced(Slot(MATCHER.key(interaction(1).request), 0), 100)

    store.publish([take(other, 0, old)], MATCHER.key, replacing_run=None)

    opened = store.load(MATCHER.key, MATCHER.fingerprint)
    assert [entry.interaction for entry in opened.entries] == [other]
    assert opened.keys == (MATCHER.key(other.request),)

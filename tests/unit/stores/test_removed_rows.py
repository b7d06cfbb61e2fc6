"""Rows of a shared cassette after some were taken away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from onetake.cassettes.decisions import Slot
from onetake.cassettes.fold import Take
from onetake.matching import Matcher
from onetake.messages import Body, Interaction, Request, Response
from onetake.stores.rows.sqlite import SqliteStore
from onetake.stores.shared import SharedCassette

MATCHER = Matcher()
REQUEST = Request(method="GET", url="https://api.example.test/")
KEY = MATCHER.key(REQUEST)


def take(n: int, answer: bytes) -> Take:
    response = Response(status=200, body=Body(data=answer))
    return Take(Slot(KEY, n), Interaction(request=REQUEST, response=response))


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(tmp_path / "store.sqlite")) as made:
        yield made


def opened(rows: SqliteStore) -> tuple[SharedCassette, list[bytes]]:
    cassette = SharedCassette(rows, "c", fingerprint=MATCHER.fingerprint)
    found = cassette.load(MATCHER.key, MATCHER.fingerprint)
    answers = [one.interaction.response for one in found.entries]
    return cassette, [answer.body.data for answer in answers if answer is not None]


def publish(cassette: SharedCassette, *takes: Take) -> tuple[int, int]:
    done = cassette.publish(takes, MATCHER.key, replacing_run=None)
    return done.added, done.paid_twice


def test_a_slot_that_was_taken_away_is_filled_again(rows):
    cassette, _ = opened(rows)
    publish(cassette, take(0, b"0"), take(1, b"1"), take(2, b"2"))
    rows.remove("c", [f"{KEY.hex()}.0", f"{KEY.hex()}.1"])

    one, other = opened(rows)[0], opened(rows)[0]

    # The third call is answered with what stayed; the first and second are recorded.
    assert publish(one, take(0, b"3"), take(1, b"4")) == (2, 0)
    assert publish(other, take(0, b"5"), take(1, b"6")) == (0, 2)
    assert opened(rows)[1] == [b"3", b"4", b"2"]

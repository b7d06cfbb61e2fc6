"""Cassettes of rows: what was sent first is answered first, whoever wrote when and whatever got lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from onetake.cassettes.decisions import Slot
from onetake.cassettes.fold import FIRST_OF_CHILDREN, Take
from onetake.messages import Interaction, Request, Response
from onetake.stores import shared
from onetake.stores.rows.sqlite import SqliteStore
from onetake.stores.shared import SharedCassette

KEY = b"k" * 16


def take(n: int, status: int, key: bytes = KEY) -> Take:
    request = Request(method="GET", url="http://host/poll")
    return Take(Slot(key, n), Interaction(request=request, response=Response(status=status)))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(tmp_path / "store.sqlite")) as made:
        yield made


@pytest.fixture
def publish(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def one(*takes: Take, at: int, fingerprint: str = "f") -> None:
        monkeypatch.setattr(shared.time, "time_ns", lambda: at)
        cassette(store, fingerprint).publish(takes, lambda _: KEY, replacing_run=None)

    return one


def cassette(store: SqliteStore, fingerprint: str = "f") -> SharedCassette:
    return SharedCassette(store, "c", fingerprint=fingerprint)


def statuses(store: SqliteStore, fingerprint: str = "f") -> list[int]:
    entries = cassette(store, fingerprint).load(lambda _: KEY, fingerprint).entries
    return [one.interaction.response.status for one in entries if one.interaction.response]


def test_equal_requests_are_in_the_order_of_their_slots(store, publish):
    """One writer was slow: it had packed its rows before the other, and came second."""
    publish(take(0, 201), at=9)
    publish(take(0, 409), take(1, 202), at=5)

    assert statuses(store) == [201, 202]


def test_no_answer_is_given_in_the_place_of_one_that_was_lost(store, publish):
    publish(take(1, 202), at=5)
    opened = cassette(store).load(lambda _: KEY, "f")
    assert opened.slots == (Slot(KEY, 1),)

    publish(take(0, 201), at=9)
    assert statuses(store) == [201, 202]


def test_what_forked_children_sent_comes_last_and_leaves_no_gap(store, publish):
    publish(take(FIRST_OF_CHILDREN, 203), at=5)
    publish(take(0, 201), at=9)

    assert statuses(store) == [201, 203]


def test_recordings_under_other_settings_keep_their_order(store, publish):
    other = b"o" * 16
    publish(take(1, 202, other), at=5, fingerprint="old")
    publish(take(1, 203), at=9)

    assert statuses(store) == [202, 203]

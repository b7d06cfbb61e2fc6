"""Cassettes of rows: what was sent first is answered first, whoever wrote when and whatever got lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from onetake.cassettes.fold import FIRST_OF_CHILDREN, Take
from onetake.cassettes.sequence import Slot
from onetake.messages import Interaction, Request, Response
from onetake.stores import shared
from onetake.stores.shared import SharedCassette
from onetake.stores.sqlite import SqliteStore

KEY = b"k" * 16


def take(n: int, status: int, key: bytes = KEY) -> Take:
    request = Request(method="GET", url="http://host/poll")
    return Take(Slot(key, n), Interaction(request=request, response=Response(status=status)))


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def one(*takes: Take, at: int, fingerprint: str = "f") -> None:
        monkeypatch.setattr(shared.time, "time_ns", lambda: at)
        cassette(tmp_path, fingerprint).publish(takes, lambda _: KEY, replacing_run=None)

    return one


def cassette(folder: Path, fingerprint: str = "f") -> SharedCassette:
    return SharedCassette(SqliteStore(folder / "store.sqlite"), "c", fingerprint=fingerprint)


def statuses(folder: Path, fingerprint: str = "f") -> list[int]:
    entries = cassette(folder).load(lambda _: KEY, fingerprint).entries
    return [one.interaction.response.status for one in entries if one.interaction.response]


def test_equal_requests_are_in_the_order_of_their_slots(tmp_path, publish):
    """One writer was slow: it had packed its rows before the other, and came second."""
    publish(take(0, 201), at=9)
    publish(take(0, 409), take(1, 202), at=5)

    assert statuses(tmp_path) == [201, 202]


def test_no_answer_is_given_in_the_place_of_one_that_was_lost(tmp_path, publish):
    publish(take(1, 202), at=5)
    opened = cassette(tmp_path).load(lambda _: KEY, "f")
    assert opened.slots == (Slot(KEY, 1),)

    publish(take(0, 201), at=9)
    assert statuses(tmp_path) == [201, 202]


def test_what_forked_children_sent_comes_last_and_leaves_no_gap(tmp_path, publish):
    publish(take(FIRST_OF_CHILDREN, 203), at=5)
    publish(take(0, 201), at=9)

    assert statuses(tmp_path) == [201, 203]


def test_recordings_under_other_settings_keep_their_order(tmp_path, publish):
    other = b"o" * 16
    publish(take(1, 202, other), at=5, fingerprint="old")
    publish(take(1, 203), at=9)

    assert statuses(tmp_path) == [202, 203]

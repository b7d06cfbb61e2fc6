"""The cache and the spool in front of a store on another machine."""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from onetake.errors import StoreError
from onetake.stores.port import BLOBS, Held, Row, Trouble
from onetake.stores.rows.layered import LayeredStore
from onetake.stores.rows.sqlite import SqliteStore
from onetake.stores.rows.sqlite_file import SqliteFile

_LIMIT = 1 << 20
ROWS = [Row("a", b"1"), Row("b", b"2"), Row("c", b"3")]


class Remote(SqliteStore):
    """A store that can be told to be down."""

    is_down = False

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._file = RemoteFile(self, path)


class RemoteFile(SqliteFile):
    def __init__(self, store: Remote, path: Path) -> None:
        super().__init__(path, store.place, is_cache=False)
        self._store = store

    def _lent(self) -> Any:
        if self._store.is_down:
            raise StoreError("It is down.")
        return super()._lent()


@pytest.fixture
def remote(tmp_path: Path) -> Any:
    made = Remote(tmp_path / "remote.sqlite")
    yield made
    made.close()


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(tmp_path / "cache.sqlite", is_cache=True)) as made:
        yield made


@pytest.fixture
def layered(remote: Any, cache: SqliteStore, tmp_path: Path, monkeypatch: Any) -> Any:
    monkeypatch.setattr("onetake.stores.rows.layered._PAUSE_S", 0.0)
    made = LayeredStore(remote, cache, SqliteStore(tmp_path / "spool.sqlite"))
    yield made
    made.close()


def rows_of(held: Held) -> dict[str, bytes]:
    return {row.slot: row.data for row in held.rows}


def test_what_was_read_is_there_while_the_store_is_down(layered, remote):
    layered.append("c", ROWS)
    layered.read("c")
    remote.is_down = True

    assert rows_of(layered.read("c")) == {"a": b"1", "b": b"2", "c": b"3"}


def test_another_version_takes_the_place_of_what_was_read(layered, remote):
    layered.append("c", ROWS)
    layered.read("c")
    remote.remove("c", ["a"])
    layered.read("c")
    remote.is_down = True

    assert rows_of(layered.read("c")) == {"b": b"2", "c": b"3"}


def test_the_cache_is_written_only_where_something_changed(layered, remote, cache, monkeypatch):
    written: list[str] = []
    append = cache.append
    monkeypatch.setattr(
        cache,
        "append",
        lambda name, *args, **more: written.append(name) or append(name, *args, **more),
    )

    layered.read("none")
    layered.read("none")
    remote.append("c", ROWS)
    first = layered.read("c")
    again = layered.read("c")

    assert written == ["c"]
    assert rows_of(again) == rows_of(first)


def test_a_broken_cache_is_read_as_none(layered, remote, cache):
    remote.append("c", ROWS)
    cache.append("c", [Row("!held", b"broken")])

    assert len(layered.read("c").rows) == 3


def test_recordings_that_wait_are_counted(layered, remote):
    remote.is_down = True
    layered.append("c", ROWS)
    assert layered.drain_trouble().spooled == 3

    remote.is_down = False
    assert rows_of(layered.read("c")) == {"a": b"1", "b": b"2", "c": b"3"}
    assert layered.drain_trouble() == Trouble(layered.place, delivered=3)
    assert rows_of(remote.read("c")) == {"a": b"1", "b": b"2", "c": b"3"}


def test_blobs_that_were_delivered_are_not_brought_again(layered, remote, monkeypatch):
    remote.is_down = True
    layered.append(BLOBS, [Row("name", b"large")])
    layered.append("c", ROWS)
    remote.is_down = False
    brought = []
    append = remote.append
    monkeypatch.setattr(
        remote,
        "append",
        lambda name, rows, **more: brought.append(name) or append(name, rows, **more),
    )

    for name in "abc":
        layered.append(name, [Row("z", b"1")])

    assert brought.count(BLOBS) == 1


def used(path: Path) -> int:
    """The bytes of a SQLite file's pages that hold something."""
    with closing(sqlite3.connect(path)) as file:
        pages, free, size = (
            file.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
    return (pages - free) * size


def test_the_cache_stays_within_its_limit_and_what_it_forgets_is_read_again(tmp_path):
    remote, cache, spool = (SqliteStore(tmp_path / name) for name in ("remote", "cache", "spool"))
    rows = [Row("a", secrets.token_bytes(20_000)), Row("b", secrets.token_bytes(20_000))]
    names = [f"c{n}" for n in range(100)]
    blobs = {f"blob{n}": secrets.token_bytes(50_000) for n in range(30)}
    largest = 0
    with closing(LayeredStore(remote, cache, spool, cache_limit=_LIMIT)) as layered:
        for name in names:
            remote.append(name, rows)
        remote.append(BLOBS, [Row(name, data) for name, data in blobs.items()])
        for name in names:
            assert len(layered.read(name).rows) == 2
            largest = max(largest, used(tmp_path / "cache"))
        assert 0 < len(list(cache.names())) < 50
        for name, data in blobs.items():
            assert rows_of(layered.read(BLOBS, slots=[name])) == {name: data}
            largest = max(largest, used(tmp_path / "cache"))

        assert largest < 1.2 * _LIMIT
        assert {row.data for row in layered.read("c0").rows} == {row.data for row in rows}
        assert rows_of(layered.read(BLOBS, slots=list(blobs))) == blobs


def delivered(layered: LayeredStore, remote: Any) -> dict[str, bytes]:
    remote.is_down = False
    layered.read("another")
    return rows_of(remote.read("c"))


def test_what_is_recorded_behind_a_waiting_run_is_delivered_with_it(layered, remote):
    remote.append("c", [Row("a", b"old"), Row("b", b"old")])
    remote.is_down = True
    layered.append("c", [Row("a", b"new")], replacing_run="run")
    layered.append("c", [Row("x", b"later")])

    assert delivered(layered, remote) == {"a": b"new", "x": b"later"}


def test_of_two_waiting_runs_the_later_one_stays(layered, remote):
    remote.is_down = True
    layered.append("c", [Row("a", b"first")], replacing_run="z")
    layered.append("c", [Row("a", b"second")], replacing_run="a")

    assert delivered(layered, remote) == {"a": b"second"}


def test_an_old_run_does_not_replace_what_others_have_recorded_since(layered, remote, monkeypatch):
    remote.append("c", [Row("a", b"old")])
    layered.read("c")
    remote.is_down = True
    monkeypatch.setattr(
        "onetake.stores.rows.layered.time.time", lambda: time.time_ns() / 1e9 - 7 * 86_400
    )
    layered.append("c", [Row("a", b"laptop"), Row("b", b"laptop")], replacing_run="run")
    monkeypatch.undo()
    remote.is_down = False
    remote.append("c", [Row("a", b"CI")], replacing_run="of CI")

    assert delivered(layered, remote) == {"a": b"CI", "b": b"laptop"}


def test_an_old_run_replaces_what_nobody_has_changed_since(layered, remote, monkeypatch):
    remote.append("c", [Row("a", b"old"), Row("b", b"old")])
    layered.read("c")
    remote.is_down = True
    monkeypatch.setattr(
        "onetake.stores.rows.layered.time.time", lambda: time.time_ns() / 1e9 - 7 * 86_400
    )
    layered.append("c", [Row("a", b"laptop")], replacing_run="run")
    monkeypatch.undo()

    assert delivered(layered, remote) == {"a": b"laptop"}


def test_nothing_is_removed_while_what_may_stand_for_it_waits(layered, remote):
    remote.append("c", [Row("a.0", b"old")])
    remote.is_down = True
    layered.append("c", [Row("a.0.1", b"new")])
    remote.is_down = False

    with pytest.raises(StoreError, match="wait on this machine"):
        layered.remove("c", ["a.0"])
    assert rows_of(remote.read("c")) == {"a.0": b"old"}

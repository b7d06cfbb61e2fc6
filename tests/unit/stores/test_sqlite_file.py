"""Connections to a SQLite store's file: closed by the store, whatever becomes of threads and processes."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from onetake.errors import StoreError
from onetake.stores.port import Row
from onetake.stores.rows import sqlite_file
from onetake.stores.rows.sqlite import SqliteStore
from tests.support.runs import run_program

ROWS = [Row("a", b"1")]


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[sqlite3.Connection]:
    """Every connection that is made while a test runs."""
    made: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def remembered(*arguments: Any, **options: Any) -> sqlite3.Connection:
        made.append(connect(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(sqlite_file.sqlite3, "connect", remembered)
    return made


def is_open(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("SELECT 1")
    except sqlite3.ProgrammingError:
        return False
    return True


def in_thread(step: Callable[[], object]) -> None:
    thread = threading.Thread(target=step)
    thread.start()
    thread.join()


def test_threads_one_after_another_share_a_connection_and_close_closes_it(tmp_path, connections):
    store = SqliteStore(tmp_path / "store.sqlite")
    for n in range(5):
        in_thread(lambda n=n: store.append(f"c{n}", ROWS))

    assert [is_open(one) for one in connections] == [True]
    in_thread(store.close)
    assert [is_open(one) for one in connections] == [False]


def test_threads_at_once_have_a_connection_each_and_close_closes_all(tmp_path, connections):
    store, together = SqliteStore(tmp_path / "store.sqlite"), threading.Barrier(4)
    store.append("c", ROWS)

    def read() -> None:
        with store._file.reading():
            together.wait(timeout=20)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [is_open(one) for one in connections] == [True] * 4
    store.close()
    assert [is_open(one) for one in connections] == [False] * 4


def test_what_is_borrowed_while_the_store_is_closed_is_closed_when_it_comes_back(
    tmp_path, connections
):
    store = SqliteStore(tmp_path / "store.sqlite")
    store.append("c", ROWS)

    with store._file.reading() as connection:
        store.close()
        assert connection.execute("SELECT name FROM cassettes").fetchone() == ("c",)
    assert [is_open(one) for one in connections] == [False]


def test_a_closed_store_may_be_used_again(tmp_path, connections):
    store = SqliteStore(tmp_path / "store.sqlite")
    store.append("c", ROWS)
    store.close()

    assert list(store.read("c").rows) == ROWS
    store.close()
    assert [is_open(one) for one in connections] == [False, False]


def test_a_connection_that_met_an_error_is_closed(tmp_path, connections):
    store = SqliteStore(tmp_path / "store.sqlite")
    store.append("c", ROWS)

    with pytest.raises(StoreError, match="cannot be used"), store._file.writing() as connection:
        connection.execute("no SQL")
    assert [is_open(one) for one in connections] == [False]
    assert list(store.read("c").rows) == ROWS
    store.close()


# Nothing may be left to the garbage collector, which reports it from Python 3.13 on.
_LEFT = """
    import gc, sys

    left = []
    sys.unraisablehook = lambda told: left.append(repr(told.exc_value))

    def tell():
        gc.collect()
        print(left)
"""


_FORKED = f"""{_LEFT}
    import os, threading, time, warnings
    from pathlib import Path
    from onetake.errors import StoreError
    from onetake.stores.rows import sqlite_file
    from onetake.stores.port import Row
    from onetake.stores.rows.sqlite import SqliteStore

    warnings.filterwarnings("ignore", "This process .* is multi-threaded")
    store = SqliteStore(Path("store.sqlite"))
    store.append("parent", [Row("a", b"1")])
    reads, may_end = threading.Event(), threading.Event()

    def read():
        with store._file.reading() as connection:
            names = connection.execute("SELECT name FROM cassettes").fetchall()
            reads.set()
            may_end.wait(20)
            assert connection.execute("SELECT name FROM cassettes").fetchall() == names

    def fork():
        thread = threading.Thread(target=read)
        thread.start()
        reads.wait(20)
        pid = os.fork()
        if pid:
            may_end.set()
            assert os.waitpid(pid, 0)[1] == 0
            thread.join()
        return pid == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_waits_for_a_thread_that_reads_and_what_its_child_writes_is_kept(tmp_path: Path):
    program = f"""{_FORKED}
    wait_for = sqlite_file._lock.wait_for

    def told(*arguments):
        if sqlite_file._is_forking:  # and waits, for it has found the connection borrowed
            may_end.set()
        return wait_for(*arguments)

    sqlite_file._lock.wait_for = told
    if fork():
        for n in range(20):
            store.append(f"child{{n}}", [Row("a", b"2")])
        store.close()
        tell()
        sys.exit(0)
    print(len(list(store.names())))
    store.close()
    tell()
    """
    done = run_program(program, tmp_path)
    assert (done.stdout, done.stderr) == ("[]\n21\n[]\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_while_a_thread_goes_on_reading_is_told_that_it_has_no_store(tmp_path: Path):
    program = f"""{_FORKED}
    sqlite_file._FORK_WAIT_S = 0.01
    if fork():
        try:
            store.append("child", [Row("a", b"2")])
        except StoreError as error:
            print(error.message)
        sys.exit(0)
    print(list(store.names()))
    store.close()
    tell()
    """
    done = run_program(program, tmp_path)
    told, *rest = done.stdout.splitlines()
    assert told.endswith("it was forked while another thread was using the store.")
    assert (rest, done.stderr) == (["['parent']", "[]"], "")


@pytest.mark.parametrize("url", ["sqlite:store.sqlite", "redis://127.0.0.1:1/"])
def test_a_program_that_ends_leaves_no_connection_open(tmp_path: Path, url: str):
    program = f"""{_LEFT}
    import atexit, threading
    from pathlib import Path
    from onetake.errors import StoreError
    from onetake.stores import opening
    from onetake.stores.port import Row

    def end():
        opening._open.clear()
        tell()

    atexit.register(end)  # runs after what is registered later
    store = opening.open_store({url!r}, Path.cwd())
    for n in range(3):
        thread = threading.Thread(target=store.append, args=(f"c{{n}}", [Row("a", b"1")]))
        thread.start()
        thread.join()
    """
    done = run_program(program, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


def test_tables_that_cannot_all_be_made_are_not_there_at_all(tmp_path, monkeypatch):
    store = SqliteStore(tmp_path / "store.sqlite")
    with monkeypatch.context() as patched:
        patched.setattr(sqlite_file, "_SCHEMA", sqlite_file._SCHEMA + "; CREATE NONSENSE")
        with pytest.raises(StoreError):
            store.append("c", ROWS)

    assert store.append("c", ROWS) == {"a"}
    assert store.read("c").rows == tuple(ROWS)
    store.close()

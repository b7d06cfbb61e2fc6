"""The file of a SQLite store: its connections, transactions and tables, and SQLite's errors as ours.

A thread borrows a connection for one step and gives it back, so that none is left behind where a thread
ends. No connection may cross a fork: SQLite would take the locks of the parent for the child's, and what
the child writes would get lost. So a fork waits for the steps under way, and closes all connections first.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Condition
from weakref import WeakSet

from onetake.errors import StoreError
from onetake.stores.private import open_private

_APPLICATION = 0x6F6E6574  # "onet", told by file(1) and by us
_FORMAT = 1
_BUSY_S = 30.0
_FORK_WAIT_S = 5.0

_SCHEMA = """
CREATE TABLE cassettes (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, born TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 0, run TEXT);
CREATE TABLE rows (
    cassette INTEGER NOT NULL REFERENCES cassettes ON DELETE CASCADE, slot TEXT NOT NULL,
    data BLOB NOT NULL, UNIQUE (cassette, slot));
CREATE TABLE claims (
    name TEXT PRIMARY KEY, holder TEXT NOT NULL, until REAL NOT NULL, data BLOB NOT NULL);
CREATE INDEX claims_until ON claims (until);
"""
_RUNS_SOMETHING = (
    "SELECT 1 FROM sqlite_master WHERE type NOT IN ('table', 'index') "
    "OR sql LIKE '%GENERATED%' OR sql LIKE '% AS %'"
)

_files: WeakSet[SqliteFile] = WeakSet()
_lock = Condition()  # for what is idle and borrowed of every file; held while the process forks
_is_forking = False


class SqliteFile:
    """The store's file at `path`, which is made when something is first written."""

    def __init__(self, path: Path, place: str, *, is_cache: bool) -> None:
        self._path = path
        self._place = place  # the store's name in messages
        self._is_cache = (
            is_cache  # its last writes may be lost with the power, and are not waited for
        )
        self._idle: list[sqlite3.Connection] = []
        self._borrowed = 0
        self._is_lost = False  # to a child that was forked while a connection was borrowed
        with _lock:
            _files.add(self)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """One state of the file; None where there is no file yet. Raises `StoreError`."""
        with self._translated():
            if self._is_missing():
                yield None
                return
            with self._lent() as connection, _transaction(connection, "BEGIN"):
                yield connection

    @contextmanager
    def writing(self, *, synced: bool = True) -> Iterator[sqlite3.Connection]:
        """A transaction that writes. Raises `StoreError`.

        `synced` waits for the disk, which is not worth while for what means nothing after a power cut.
        """
        with self._translated(), self._lent() as connection:
            is_synced = synced and not self._is_cache
            connection.execute(f"PRAGMA synchronous = {'FULL' if is_synced else 'NORMAL'}")
            with _transaction(connection, "BEGIN IMMEDIATE"):
                yield connection

    def compact(self) -> None:
        """Leave nothing in the file of what was removed or rewritten. Raises `StoreError`."""
        with self._translated():
            if self._is_missing():
                return
            with self._lent() as connection:
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close every connection, a borrowed one when it is given back. The file may be used again."""
        with _lock:
            idle, self._idle = self._idle, []
            for connection in idle:
                connection.close()

    def _is_missing(self) -> bool:
        return not self._idle and not self._path.exists()

    @contextmanager
    def _lent(self) -> Iterator[sqlite3.Connection]:
        """A connection that no other thread uses meanwhile. After an error it is closed."""
        with _lock:
            _lock.wait_for(lambda: not _is_forking)
            self._check_fork()
            idle = self._idle
            connection = idle.pop() if idle else None
            self._borrowed += 1
        is_kept = False
        try:
            connection = connection or self._connected()
            yield connection
            is_kept = True
        finally:
            with _lock:
                if is_kept and connection and idle is self._idle:  # not closed meanwhile
                    idle.append(connection)
                elif connection:
                    connection.close()
                self._borrowed -= 1
                _lock.notify_all()

    def _check_fork(self) -> None:
        if self._is_lost:
            raise StoreError(
                f"The store {self._place} cannot be used in this process: it was forked while another "
                "thread was using the store.",
                remedy="Fork before threads make calls, or start processes by the method 'spawn'.",
                path=str(self._path),
            )

    def _connected(self) -> sqlite3.Connection:
        """A new connection to the file, which is made if need be. Raises `StoreError`."""
        self._make()
        connection = sqlite3.connect(
            self._path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """The border at which SQLite's errors become `StoreError`."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"The store {self._place} cannot be used: {error}.",
                remedy="Make the file and its folder writable (or free some space), or move a broken "
                "file away.",
                path=str(self._path),
            ) from error

    def _make(self) -> None:
        """Make the empty file, for its owner alone: SQLite makes those beside it alike. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._path.is_symlink():
            raise OSError(errno.ELOOP, "it is a symbolic link: name the file itself")
        with suppress(FileExistsError):
            os.close(open_private(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL))

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Check the marker, or make the tables in an empty file. Raises `StoreError`."""
        with _transaction(connection, "BEGIN"):  # what is asked is of one state of the file
            is_ready = self._is_ours(connection)
        if is_ready:
            connection.execute("PRAGMA foreign_keys = ON")
            return
        _patiently(lambda: connection.execute("PRAGMA journal_mode = WAL"))
        with _transaction(connection, "BEGIN IMMEDIATE"):
            if not self._is_ours(connection):  # nobody else was faster
                for statement in _SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                connection.execute(f"PRAGMA user_version = {_FORMAT}")
        connection.execute("PRAGMA foreign_keys = ON")

    def _is_ours(self, connection: sqlite3.Connection) -> bool:
        """Return whether the file has our tables, False for an empty one. Raises `StoreError` for any other."""
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if application == _APPLICATION and version == _FORMAT:
            # Views, triggers and computed columns would run what somebody else has written.
            if connection.execute(_RUNS_SOMETHING).fetchone():
                raise StoreError(
                    f"{self._place} has a view, a trigger or a computed column, which are not onetake's.",
                    remedy="Use another file.",
                    path=str(self._path),
                )
            return True
        if application == _APPLICATION:
            raise StoreError(
                f"{self._place} has the format {version}, which is newer than this onetake's {_FORMAT}.",
                remedy="Update onetake, or use another file.",
                path=str(self._path),
            )
        if application or connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise StoreError(
                f"{self._place} belongs to another program.",
                remedy="Use another file.",
                path=str(self._path),
            )
        return False


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
    except BaseException:
        with suppress(sqlite3.Error):
            connection.rollback()
        raise
    connection.commit()


def _patiently(step: Callable[[], object]) -> None:
    """Repeat `step` while the file is busy: SQLite's time-out does not cover the change to a WAL."""
    until = time.monotonic() + _BUSY_S
    while True:
        try:
            step()
            return
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def _before_fork() -> None:
    global _is_forking
    _lock.acquire()
    _is_forking = True
    _lock.wait_for(lambda: not any(file._borrowed for file in _files), _FORK_WAIT_S)
    for file in _files:
        file.close()


def _after_fork() -> None:
    global _is_forking
    _is_forking = False
    _lock.notify_all()
    _lock.release()


def _after_fork_in_child() -> None:
    for file in _files:
        file._is_lost = file._borrowed > 0
    _after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child
    )

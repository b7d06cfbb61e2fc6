"""Recordings in one SQLite file (write-ahead log): a local store of many cassettes for many processes.

It is also the read-through cache and the spool in front of a store on another machine.
"""

from __future__ import annotations

import errno
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import local

from onetake.errors import StoreError
from onetake.stores.port import COMPANION, Capacity, Claim, Held, Row, kept_lines
from onetake.stores.private import open_private

_APPLICATION = 0x6F6E6574  # "onet", told by file(1) and by us
_FORMAT = 1
_BUSY_S = 30.0
_TRIMMED = 20  # cassettes and blobs that are forgotten in one step
_BATCH = 500  # names in one statement; SQLite allows 999 variables in old builds

_SCHEMA = """
CREATE TABLE cassettes (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, born TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 0, run TEXT);
CREATE TABLE rows (
    cassette INTEGER NOT NULL REFERENCES cassettes ON DELETE CASCADE, slot TEXT NOT NULL,
    data BLOB NOT NULL, UNIQUE (cassette, slot));
CREATE TABLE blobs (name TEXT PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE claims (
    name TEXT PRIMARY KEY, holder TEXT NOT NULL, until REAL NOT NULL, data BLOB NOT NULL);
CREATE INDEX claims_until ON claims (until);
CREATE TABLE history (
    id INTEGER PRIMARY KEY, cassette INTEGER NOT NULL REFERENCES cassettes ON DELETE CASCADE,
    line BLOB NOT NULL);
CREATE INDEX history_of ON history (cassette, id);
CREATE TABLE tokens (token TEXT PRIMARY KEY);
"""

# When each blob was put for the last time; a file may be older than this table.
_PUTS = "CREATE TABLE IF NOT EXISTS puts (name TEXT PRIMARY KEY, at REAL NOT NULL)"
_RUNS_SOMETHING = (
    "SELECT 1 FROM sqlite_master WHERE type NOT IN ('table', 'index') "
    "OR sql LIKE '%GENERATED%' OR sql LIKE '% AS %'"
)
_HAS_PUTS = "SELECT 1 FROM sqlite_master WHERE name = 'puts'"


class SqliteStore:
    """Every cassette in the file `path`, which is made when something is first written."""

    def __init__(self, path: Path, *, is_cache: bool = False) -> None:
        """What a cache has written last may be lost with the power, and is not waited for."""
        self._path = path
        self._is_cache = is_cache
        self.place = f"sqlite:{path}"
        self._own = _Own()

    # Reading.

    def read(self, cassette: str, *, known: str = "") -> Held:
        with self._reading() as connection:
            if connection is None:
                return Held()
            # One statement sees one state of the file.
            rows = connection.execute(
                "SELECT c.born || '.' || c.version, r.slot, r.data FROM cassettes c "
                "LEFT JOIN rows r ON r.cassette = c.id AND c.born || '.' || c.version <> ? "
                "WHERE c.name = ?",
                (known, cassette),
            ).fetchall()
        if not rows:
            return Held()
        version = str(rows[0][0])
        if version == known:
            return Held((), version, True)
        found = [(slot, data) for _, slot, data in rows if slot is not None]
        return Held(tuple(Row(slot, data) for slot, data in self._checked(found)), version)

    def blobs(self, names: Sequence[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        with self._reading() as connection:
            if connection is None:
                return found
            for at in range(0, len(names), _BATCH):
                some = names[at : at + _BATCH]
                marks = ",".join("?" * len(some))
                there = connection.execute(
                    f"SELECT name, data FROM blobs WHERE name IN ({marks})",  # noqa: S608
                    some,
                )
                found.update(self._checked(there))
        return found

    def cassettes(self) -> Iterator[str]:
        with self._reading() as connection:
            names = (
                connection.execute("SELECT name FROM cassettes ORDER BY id").fetchall()
                if connection
                else []
            )
        for name, _ in self._checked([(name, b"") for (name,) in names]):
            yield name

    def history(self, cassette: str) -> list[bytes]:
        with self._reading() as connection:
            if connection is None:
                return []
            lines = connection.execute(
                "SELECT line FROM history WHERE cassette = "
                "(SELECT id FROM cassettes WHERE name = ?) ORDER BY id",
                (cassette,),
            )
            return [line for _, line in self._checked([("", line) for (line,) in lines])]

    def capacity(self) -> Capacity | None:
        return None  # as large as the disk

    # Writing.

    def append(
        self,
        cassette: str,
        rows: Sequence[Row],
        *,
        replacing_run: str | None = None,
        keep_s: float | None = None,  # noqa: ARG002  # rows go by `remove`
    ) -> frozenset[str]:
        with self._writing() as connection:
            number = _number(connection, cassette)
            if replacing_run is not None:
                changed = connection.execute(
                    "UPDATE cassettes SET run = ? WHERE id = ? AND run IS NOT ?",
                    (replacing_run, number, replacing_run),
                )
                if changed.rowcount:
                    connection.execute("DELETE FROM rows WHERE cassette = ?", (number,))
            added = frozenset(
                row.slot
                for row in rows
                if connection.execute(
                    "INSERT OR IGNORE INTO rows VALUES (?, ?, ?)", (number, row.slot, row.data)
                ).rowcount
            )
            connection.execute("UPDATE cassettes SET version = version + 1 WHERE id = ?", (number,))
        return added

    def put_blobs(self, blobs: Mapping[str, bytes]) -> None:
        now_s = time.time()
        with self._writing() as connection:
            connection.executemany("INSERT OR IGNORE INTO blobs VALUES (?, ?)", blobs.items())
            connection.execute(_PUTS)
            connection.executemany(
                "INSERT OR REPLACE INTO puts VALUES (?, ?)", [(name, now_s) for name in blobs]
            )

    def old_blobs(self, older_than_s: float) -> list[str]:
        with self._reading() as connection:
            if connection is None or not connection.execute(_HAS_PUTS).fetchone():
                return []
            names = connection.execute(
                "SELECT name FROM blobs JOIN puts USING (name) WHERE at <= ?",
                (time.time() - older_than_s,),
            )
            return [name for (name,) in names]

    def blob_names(self) -> list[str]:
        with self._reading() as connection:
            names = connection.execute("SELECT name FROM blobs").fetchall() if connection else []
        return [name for (name,) in names]

    def remove_blobs(self, names: Sequence[str], older_than_s: float) -> int:
        latest = time.time() - older_than_s
        gone = 0
        with self._writing() as connection:
            connection.execute(_PUTS)
            for name in names:
                old = connection.execute(
                    "DELETE FROM puts WHERE name = ? AND at <= ?", (name, latest)
                )
                if old.rowcount:
                    connection.execute("DELETE FROM blobs WHERE name = ?", (name,))
                    gone += 1
        return gone

    def remove(self, cassette: str, slots: Sequence[str] | None = None, *, known: str = "") -> int:
        with self._writing() as connection:
            found = connection.execute(
                "SELECT id, born || '.' || version FROM cassettes WHERE name = ?", (cassette,)
            )
            number, version = next(found, (None, ""))
            if known and version != known:
                return 0
            if slots is None:
                gone = connection.execute("DELETE FROM rows WHERE cassette = ?", (number,)).rowcount
                connection.execute("DELETE FROM cassettes WHERE id = ?", (number,))
                return gone
            gone = sum(
                connection.execute(
                    "DELETE FROM rows WHERE cassette = ? AND slot = ?", (number, slot)
                ).rowcount
                for slot in slots
            )
            companions = f"slot GLOB '{COMPANION}*'"
            connection.execute(
                f"DELETE FROM rows WHERE cassette = :number AND {companions} AND NOT EXISTS "  # noqa: S608
                f"(SELECT 1 FROM rows WHERE cassette = :number AND NOT {companions})",
                {"number": number},
            )
            connection.execute("UPDATE cassettes SET version = version + 1 WHERE id = ?", (number,))
            return gone

    def rewrite(self, cassette: str, rows: Sequence[Row], *, known: str) -> bool:
        with self._writing() as connection:
            changed = connection.execute(
                "UPDATE cassettes SET version = version + 1 "
                "WHERE name = ? AND born || '.' || version = ?",
                (cassette, known),
            )
            if not changed.rowcount:
                return False
            number = _number(connection, cassette)
            connection.executemany(
                "UPDATE rows SET data = ? WHERE cassette = ? AND slot = ?",
                [(row.data, number, row.slot) for row in rows],
            )
        return True

    def rewrite_blobs(self, blobs: Mapping[str, bytes]) -> None:
        with self._writing() as connection:
            connection.executemany(
                "UPDATE blobs SET data = ? WHERE name = ?",
                [(data, name) for name, data in blobs.items()],
            )

    def rewrite_histories(self, lines: Mapping[str, Mapping[bytes, bytes]]) -> None:
        with self._writing() as connection:
            connection.executemany(
                "UPDATE history SET line = ? WHERE line = ? AND cassette = "
                "(SELECT id FROM cassettes WHERE name = ?)",
                [(new, old, name) for name, some in lines.items() for old, new in some.items()],
            )

    def compact(self) -> None:
        """Leave nothing in the file of what was removed or rewritten."""
        with self._translated():
            if self._opened() is None and not self._path.exists():
                return
            connection = self._connection()
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def claim(self, name: str, holder: str, ttl_s: float) -> Claim:
        now_s = time.time()
        with self._writing(synced=False) as connection:
            connection.execute("DELETE FROM claims WHERE until <= ?", (now_s,))
            connection.execute(
                "INSERT INTO claims VALUES (?, ?, ?, x'') ON CONFLICT (name) DO UPDATE "
                "SET until = excluded.until WHERE holder = excluded.holder",
                (name, holder, now_s + ttl_s),
            )
            found = connection.execute("SELECT holder, data FROM claims WHERE name = ?", (name,))
            ((owner, data),) = self._checked([found.fetchone()])
        return Claim(owner == holder, data, owner)

    def settle(self, name: str, holder: str, data: bytes, ttl_s: float) -> None:
        with self._writing(synced=False) as connection:
            connection.execute(
                "INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?)",
                (name, holder, time.time() + ttl_s, data),
            )

    def release(self, names: Sequence[str], holder: str) -> None:
        with self._writing(synced=False) as connection:
            connection.executemany(
                "DELETE FROM claims WHERE name = ? AND holder = ?",
                [(name, holder) for name in names],
            )

    def add_histories(self, lines: Mapping[str, bytes]) -> None:
        with self._writing() as connection:
            for cassette, line in lines.items():
                number = _number(connection, cassette)
                connection.execute(
                    "INSERT INTO history (cassette, line) VALUES (?, ?)", (number, line)
                )
                connection.execute(
                    "DELETE FROM history WHERE cassette = :number AND id NOT IN "
                    "(SELECT id FROM history WHERE cassette = :number ORDER BY id DESC LIMIT :kept)",
                    {"number": number, "kept": kept_lines(cassette)},
                )

    def once(self, token: str) -> bool:
        with self._writing() as connection:
            return (
                connection.execute("INSERT OR IGNORE INTO tokens VALUES (?)", (token,)).rowcount > 0
            )

    def trim(self, limit: int) -> None:
        """Forget what was kept first until what is left takes at most three quarters of `limit` bytes.

        Does nothing below `limit`. For caches: nothing else of a cassette is looked at.
        """
        with self._translated():
            if self._used() <= limit:
                return
        with self._writing(synced=False) as connection:
            while self._used() > limit * 3 // 4:
                gone = sum(
                    connection.execute(
                        f"DELETE FROM {table} WHERE rowid IN "  # noqa: S608 - our own names
                        f"(SELECT rowid FROM {table} ORDER BY rowid LIMIT {_TRIMMED})"
                    ).rowcount
                    for table in ("cassettes", "blobs")
                )
                if not gone:
                    return

    def _used(self) -> int:
        """The bytes of pages that hold something."""
        pages, free, size = (
            self._connection().execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def close(self) -> None:
        connection, self._own.connection = self._opened(), None
        if connection is not None:
            connection.close()

    # The border: connections, transactions, errors.

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        """One state of the file; None where there is no file yet."""
        with self._translated():
            if self._opened() is None and not self._path.exists():
                yield None
                return
            with _transaction(self._connection(), "BEGIN") as connection:
                yield connection

    @contextmanager
    def _writing(self, *, synced: bool = True) -> Iterator[sqlite3.Connection]:
        """`synced` waits for the disk: not worth while for what means nothing after a power cut."""
        with self._translated():
            connection = self._connection()
            is_synced = synced and not self._is_cache
            connection.execute(f"PRAGMA synchronous = {'FULL' if is_synced else 'NORMAL'}")
            with _transaction(connection, "BEGIN IMMEDIATE"):
                yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """The border at which SQLite's errors become `StoreError`."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"The store {self.place} cannot be used: {error}.",
                remedy="Make the file and its folder writable (or free some space), or move a broken "
                "file away.",
                path=str(self._path),
            ) from error

    def _checked(self, rows: Iterable[tuple[object, object]]) -> Iterator[tuple[str, bytes]]:
        """SQLite keeps any type in any column. Raises `StoreError` for what we have not written."""
        for name, data in rows:
            if not isinstance(name, str) or not isinstance(data, bytes):
                raise StoreError(
                    f"The store {self.place} holds what onetake did not write.",
                    remedy="Move the file away, and record anew.",
                    path=str(self._path),
                )
            yield name, data

    def _opened(self) -> sqlite3.Connection | None:
        """This thread's own: SQLite connections cross neither threads nor forks."""
        return self._own.connection if self._own.pid == os.getpid() else None

    def _connection(self) -> sqlite3.Connection:
        """The same, opened if need be."""
        connection = self._opened()
        if connection is not None:
            return connection
        self._make()
        connection = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None)
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._own.connection, self._own.pid = connection, os.getpid()
        return connection

    def _make(self) -> None:
        """The empty file, for its owner alone: SQLite makes those beside it alike. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._path.is_symlink():
            raise OSError(errno.ELOOP, "it is a symbolic link: name the file itself")
        with suppress(FileExistsError):
            os.close(open_private(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL))

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Check the marker, or make the tables in an empty file. Raises `StoreError`."""
        connection.execute("BEGIN")  # what is asked below is of one state of the file
        try:
            is_ready = self._is_ours(connection)
        finally:
            connection.commit()
        if is_ready:
            connection.execute("PRAGMA foreign_keys = ON")
            return
        _patiently(lambda: connection.execute("PRAGMA journal_mode = WAL"))
        connection.execute("BEGIN IMMEDIATE")
        try:
            if not self._is_ours(connection):  # nobody else was faster
                for statement in _SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                connection.execute(f"PRAGMA user_version = {_FORMAT}")
        finally:
            connection.commit()
        connection.execute("PRAGMA foreign_keys = ON")

    def _is_ours(self, connection: sqlite3.Connection) -> bool:
        """Whether the file has our tables; False for an empty one. Raises `StoreError` for any other."""
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if application == _APPLICATION and version == _FORMAT:
            # Views, triggers and computed columns would run what somebody else has written.
            if connection.execute(_RUNS_SOMETHING).fetchone():
                raise StoreError(
                    f"{self.place} has a view, a trigger or a computed column, which are not onetake's.",
                    remedy="Use another file.",
                    path=str(self._path),
                )
            return True
        if application == _APPLICATION:
            raise StoreError(
                f"{self.place} has the format {version}, which is newer than this onetake's {_FORMAT}.",
                remedy="Update onetake, or use another file.",
                path=str(self._path),
            )
        if application or connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise StoreError(
                f"{self.place} belongs to another program.",
                remedy="Use another file.",
                path=str(self._path),
            )
        return False


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[sqlite3.Connection]:
    connection.execute(begin)
    try:
        yield connection
    except BaseException:
        with suppress(sqlite3.Error):
            connection.rollback()
        raise
    connection.commit()


class _Own(local):
    """What one thread has."""

    connection: sqlite3.Connection | None = None
    pid = 0


def _number(connection: sqlite3.Connection, cassette: str) -> int:
    connection.execute(
        "INSERT OR IGNORE INTO cassettes (name, born) VALUES (?, ?)",
        (cassette, secrets.token_hex(8)),
    )
    found = connection.execute("SELECT id FROM cassettes WHERE name = ?", (cassette,))
    return int(found.fetchone()[0])


def _patiently(step: Callable[[], object]) -> None:
    """SQLite's busy time-out does not cover the change to a write-ahead log."""
    until = time.monotonic() + _BUSY_S
    while True:
        try:
            step()
            return
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)

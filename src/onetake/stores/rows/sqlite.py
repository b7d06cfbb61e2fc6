"""Recordings in one SQLite file (write-ahead log): a local store of many cassettes for many processes.

It is also the read-through cache and the spool in front of a store on another machine.
"""

from __future__ import annotations

import math
import secrets
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from onetake.errors import StoreError
from onetake.stores.port import Claim, Held, Row
from onetake.stores.rows.sqlite_file import SqliteFile

_TRIMMED = 20  # rows that are forgotten in one step
_BATCH = 500  # names in one statement; SQLite allows 999 variables in old builds

# Of a cassette, its number and its version.
_FOUND = "SELECT id, born || '.' || version FROM cassettes WHERE name = ?"


class SqliteStore:
    """Every cassette in the file `path`, which is made when something is first written."""

    def __init__(self, path: Path, *, is_cache: bool = False) -> None:
        """`is_cache` says that the last writes may be lost with the power, and are not waited for."""
        self._path = path
        self.place = f"sqlite:{path}"
        self._file = SqliteFile(path, self.place, is_cache=is_cache)

    def read(self, cassette: str, *, known: str = "", slots: Collection[str] | None = None) -> Held:
        with self._file.reading() as connection:  # one state of the file
            number, version = _found(connection, cassette) if connection else (None, "")
            if connection is None or number is None:
                return Held()
            if version == known:
                return Held((), version, True)
            rows = tuple(Row(*row) for row in self._checked(_rows(connection, number, slots)))
        return Held(rows, version)

    def names(self, cassette: str | None = None) -> Iterator[str]:
        statement, values = "SELECT name, x'' FROM cassettes ORDER BY id", list[str]()
        if cassette is not None:
            statement = "SELECT slot, x'' FROM rows JOIN cassettes ON id = cassette WHERE name = ?"
            values = [cassette]
        with self._file.reading() as connection:
            names = connection.execute(statement, values).fetchall() if connection else []
        for name, _ in self._checked(names):
            yield name

    def append(
        self, cassette: str, rows: Sequence[Row], *, replacing_run: str | None = None
    ) -> frozenset[str]:
        with self._file.writing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO cassettes (name, born) VALUES (?, ?)",
                (cassette, secrets.token_hex(8)),
            )
            number, _ = _found(connection, cassette)
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
            _change(connection, number)
        return added

    def rewrite(self, cassette: str, rows: Sequence[Row], *, known: str) -> bool:
        with self._file.writing() as connection:
            number, version = _found(connection, cassette)
            if number is None or version != known:
                return False
            connection.executemany(
                "UPDATE rows SET data = ? WHERE cassette = ? AND slot = ?",
                [(row.data, number, row.slot) for row in rows],
            )
            _change(connection, number)
        return True

    def remove(self, cassette: str, slots: Sequence[str] | None = None, *, known: str = "") -> int:
        with self._file.writing() as connection:
            number, version = _found(connection, cassette)
            if number is None or (known and version != known):
                return 0
            if slots is None:
                gone = connection.execute("DELETE FROM rows WHERE cassette = ?", (number,)).rowcount
                connection.execute("DELETE FROM cassettes WHERE id = ?", (number,))
                return gone
            gone = connection.executemany(
                "DELETE FROM rows WHERE cassette = ? AND slot = ?",
                [(number, slot) for slot in slots],
            ).rowcount
            _change(connection, number)
            return max(gone, 0)

    def claim(self, name: str, holder: str, ttl_s: float) -> Claim:
        now_s = time.time()
        with self._file.writing(synced=math.isinf(ttl_s)) as connection:
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
        with self._file.writing(synced=False) as connection:
            connection.execute(
                "INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?)",
                (name, holder, time.time() + ttl_s, data),
            )

    def release(self, names: Sequence[str], holder: str) -> None:
        with self._file.writing(synced=False) as connection:
            connection.executemany(
                "DELETE FROM claims WHERE name = ? AND holder = ?",
                [(name, holder) for name in names],
            )

    # What a cache and a spool need.

    def trim(self, limit: int) -> None:
        """Forget the oldest rows until what is left takes at most three quarters of `limit` bytes.

        Does nothing below `limit`.
        """
        with self._file.reading() as connection:
            if connection is None or _used(connection) <= limit:
                return
        with self._file.writing(synced=False) as connection:
            while _used(connection) > limit * 3 // 4:
                gone = connection.execute(
                    "DELETE FROM rows WHERE rowid IN (SELECT rowid FROM rows ORDER BY rowid LIMIT ?)",
                    (_TRIMMED,),
                )
                if not gone.rowcount:
                    break
            connection.execute("DELETE FROM cassettes WHERE id NOT IN (SELECT cassette FROM rows)")

    def compact(self) -> None:
        """Leave nothing in the file of what was removed or rewritten."""
        self._file.compact()

    def close(self) -> None:
        """Close every connection. The store may be used again."""
        self._file.close()

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


def _found(connection: sqlite3.Connection, cassette: str) -> tuple[int | None, str]:
    """Return the number of a cassette and its version, (None, "") where there is none."""
    found = connection.execute(_FOUND, (cassette,)).fetchone()
    return (None, "") if found is None else (int(found[0]), str(found[1]))


def _rows(
    connection: sqlite3.Connection, number: int, slots: Collection[str] | None
) -> list[tuple[object, object]]:
    if slots is None:
        every = "SELECT slot, data FROM rows WHERE cassette = ?"
        return connection.execute(every, (number,)).fetchall()
    wanted, found = list(slots), list[tuple[object, object]]()
    for at in range(0, len(wanted), _BATCH):
        some = wanted[at : at + _BATCH]
        marks = ",".join("?" * len(some))
        found += connection.execute(
            f"SELECT slot, data FROM rows WHERE cassette = ? AND slot IN ({marks})",  # noqa: S608
            (number, *some),
        )
    return found


def _change(connection: sqlite3.Connection, number: int | None) -> None:
    connection.execute("UPDATE cassettes SET version = version + 1 WHERE id = ?", (number,))


def _used(connection: sqlite3.Connection) -> int:
    """Return how many bytes the pages take that hold something."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)

"""Recordings in one SQLite file (write-ahead log): a local store of many cassettes for many processes.

It is also the read-through cache and the spool in front of a store on another machine.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from onetake.errors import StoreError
from onetake.stores.port import Capacity, Claim, Held, Row, kept_lines
from onetake.stores.rows.sqlite_file import SqliteFile

_TRIMMED = 20  # cassettes and blobs that are forgotten in one step
_BATCH = 500  # names in one statement; SQLite allows 999 variables in old builds


class SqliteStore:
    """Every cassette in the file `path`, which is made when something is first written."""

    def __init__(self, path: Path, *, is_cache: bool = False) -> None:
        """`is_cache` says that the last writes may be lost with the power, and are not waited for."""
        self._path = path
        self.place = f"sqlite:{path}"
        self._file = SqliteFile(path, self.place, is_cache=is_cache)

    # Reading.

    def read(self, cassette: str, *, known: str = "") -> Held:
        with self._file.reading() as connection:
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
        with self._file.reading() as connection:
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
        with self._file.reading() as connection:
            names = (
                connection.execute("SELECT name FROM cassettes ORDER BY id").fetchall()
                if connection
                else []
            )
        for name, _ in self._checked([(name, b"") for (name,) in names]):
            yield name

    def history(self, cassette: str) -> list[bytes]:
        with self._file.reading() as connection:
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
        with self._file.writing() as connection:
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
        with self._file.writing() as connection:
            connection.executemany("INSERT OR IGNORE INTO blobs VALUES (?, ?)", blobs.items())
            connection.executemany(
                "INSERT OR REPLACE INTO puts VALUES (?, ?)", [(name, now_s) for name in blobs]
            )

    def old_blobs(self, older_than_s: float) -> list[str]:
        with self._file.reading() as connection:
            if connection is None:
                return []
            names = connection.execute(
                "SELECT name FROM blobs JOIN puts USING (name) WHERE at <= ?",
                (time.time() - older_than_s,),
            )
            return [name for (name,) in names]

    def blob_names(self) -> list[str]:
        with self._file.reading() as connection:
            names = connection.execute("SELECT name FROM blobs").fetchall() if connection else []
        return [name for (name,) in names]

    def remove_blobs(self, names: Sequence[str], older_than_s: float) -> int:
        latest = time.time() - older_than_s
        gone = 0
        with self._file.writing() as connection:
            for name in names:
                old = connection.execute(
                    "DELETE FROM puts WHERE name = ? AND at <= ?", (name, latest)
                )
                if old.rowcount:
                    connection.execute("DELETE FROM blobs WHERE name = ?", (name,))
                    gone += 1
        return gone

    def remove(self, cassette: str, slots: Sequence[str] | None = None, *, known: str = "") -> int:
        with self._file.writing() as connection:
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
            connection.execute("UPDATE cassettes SET version = version + 1 WHERE id = ?", (number,))
            return gone

    def rewrite(self, cassette: str, rows: Sequence[Row], *, known: str) -> bool:
        with self._file.writing() as connection:
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
        with self._file.writing() as connection:
            connection.executemany(
                "UPDATE blobs SET data = ? WHERE name = ?",
                [(data, name) for name, data in blobs.items()],
            )

    def rewrite_histories(self, lines: Mapping[str, Mapping[bytes, bytes]]) -> None:
        with self._file.writing() as connection:
            connection.executemany(
                "UPDATE history SET line = ? WHERE line = ? AND cassette = "
                "(SELECT id FROM cassettes WHERE name = ?)",
                [(new, old, name) for name, some in lines.items() for old, new in some.items()],
            )

    def compact(self) -> None:
        """Leave nothing in the file of what was removed or rewritten."""
        self._file.compact()

    def claim(self, name: str, holder: str, ttl_s: float) -> Claim:
        now_s = time.time()
        with self._file.writing(synced=False) as connection:
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

    def add_histories(self, lines: Mapping[str, bytes]) -> None:
        with self._file.writing() as connection:
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
        with self._file.writing() as connection:
            return (
                connection.execute("INSERT OR IGNORE INTO tokens VALUES (?)", (token,)).rowcount > 0
            )

    def trim(self, limit: int) -> None:
        """Forget what was kept first until what is left takes at most three quarters of `limit` bytes.

        Does nothing below `limit`. For caches: nothing else of a cassette is looked at.
        """
        with self._file.reading() as connection:
            if connection is None or _used(connection) <= limit:
                return
        with self._file.writing(synced=False) as connection:
            while _used(connection) > limit * 3 // 4:
                gone = sum(
                    connection.execute(
                        f"DELETE FROM {table} WHERE rowid IN "  # noqa: S608 - our own names
                        f"(SELECT rowid FROM {table} ORDER BY rowid LIMIT {_TRIMMED})"
                    ).rowcount
                    for table in ("cassettes", "blobs")
                )
                if not gone:
                    return

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


def _used(connection: sqlite3.Connection) -> int:
    """The bytes of pages that hold something."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _number(connection: sqlite3.Connection, cassette: str) -> int:
    connection.execute(
        "INSERT OR IGNORE INTO cassettes (name, born) VALUES (?, ?)",
        (cassette, secrets.token_hex(8)),
    )
    found = connection.execute("SELECT id FROM cassettes WHERE name = ?", (cassette,))
    return int(found.fetchone()[0])

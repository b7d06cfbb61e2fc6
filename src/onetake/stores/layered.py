"""A store on another machine, with a cache and a spool on this one: trouble there fails no test here.

What was read is kept, and read again only where its version changed. What cannot be written is spooled
and delivered as soon as the store answers. Both files are `SqliteStore`s, so rows are rows everywhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from threading import Lock
from typing import TypeVar

from msgspec import Struct

from onetake.errors import StoreError
from onetake.stores.port import Capacity, Held, Row, RowStore
from onetake.stores.sqlite import SqliteStore

_PAUSE_S = 2.0  # after a failure the store is left alone: tests do not queue for its time-outs
_VERSION = "!version"
_BLOBS = "\0blobs"  # no cassette has such a name
_RUN = "\0run "

_T = TypeVar("_T")

_monotonic = time.monotonic  # bound early: fake clocks do not reach us


class Trouble(Struct, frozen=True):
    """What a store could not do: `spooled` recordings wait on this machine, `delivered` have gone since."""

    place: str
    failures: int = 0
    spooled: int = 0
    delivered: int = 0
    last_error: str = ""


class LayeredStore:
    """`remote` behind `cache` and `spool`. It raises no `StoreError` for reading, adding and claiming."""

    def __init__(self, remote: RowStore, cache: SqliteStore, spool: SqliteStore) -> None:
        self._remote = remote
        self._cache = cache
        self._spool = spool
        self.place = remote.place
        self._lock = Lock()
        self._down_until = 0.0
        self._trouble = Trouble(self.place)

    @property
    def remote(self) -> RowStore:
        """The store on the other machine alone: it says where it does not answer."""
        return self._remote

    def waiting(self) -> dict[str, int]:
        """How many recordings of each cassette are in the spool."""
        counts: dict[str, int] = {}
        for name in self._spool.cassettes():
            if name != _BLOBS:
                cassette = name.partition(_RUN)[0]
                own = [row for row in self._spool.read(name).rows if row.slot[:1] != "!"]
                counts[cassette] = counts.get(cassette, 0) + len(own)
        return {cassette: number for cassette, number in counts.items() if number}

    def drain_trouble(self) -> Trouble | None:
        """What happened since the last call; None if nothing did."""
        with self._lock:
            trouble, self._trouble = self._trouble, Trouble(self.place)
        return None if trouble == Trouble(self.place) else trouble

    def read(self, cassette: str, *, known: str = "") -> Held:
        cached = Held()
        with suppress(StoreError):
            cached = self._cache.read(cassette)
        version = next((row.data.decode() for row in cached.rows if row.slot == _VERSION), "")
        cached = Held(tuple(row for row in cached.rows if row.slot != _VERSION), version)
        fresh = self._asked(lambda: self._delivered().read(cassette, known=version))
        held = cached if fresh is None or fresh.is_unchanged else fresh
        if held is fresh:
            self._remember(cassette, held)
        waiting = self._waiting(cassette)
        if waiting:
            filled = {row.slot for row in held.rows}
            own = tuple(row for row in waiting if row.slot not in filled)
            return Held((*held.rows, *own), "")
        return Held((), known, True) if known and known == held.version else held

    def append(
        self,
        cassette: str,
        rows: Sequence[Row],
        *,
        replacing_run: str | None = None,
        keep_s: float | None = None,
    ) -> frozenset[str]:
        """Where the store does not answer, the rows are spooled. Raises `StoreError` if that fails too."""
        taken = self._asked(
            lambda: self._delivered().append(
                cassette, rows, replacing_run=replacing_run, keep_s=keep_s
            )
        )
        if taken is not None:
            return taken
        name = cassette if replacing_run is None else f"{cassette}{_RUN}{replacing_run}"
        added = self._spool.append(name, rows)
        self._add(spooled=len(added))
        return added

    def blobs(self, names: Sequence[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for near in (self._cache, self._spool):
            with suppress(StoreError):
                found |= near.blobs([name for name in names if name not in found])
        missing = [name for name in names if name not in found]
        fetched = self._asked(lambda: self._remote.blobs(missing)) if missing else None
        if fetched:
            found |= fetched
            with suppress(StoreError):
                self._cache.put_blobs(fetched)
        return found

    def put_blobs(self, blobs: Mapping[str, bytes]) -> None:
        def put() -> bool:
            self._remote.put_blobs(blobs)
            return True

        if self._asked(put):
            return
        self._spool.put_blobs(blobs)
        self._spool.append(_BLOBS, [Row(name, b"") for name in blobs])

    def old_blobs(self, older_than_s: float) -> list[str]:
        return self._remote.old_blobs(older_than_s)

    def remove_blobs(self, names: Sequence[str], older_than_s: float) -> int:
        return self._remote.remove_blobs(names, older_than_s)

    def deliver(self) -> None:
        """Bring the spool to the store. Raises `StoreError` where that cannot be done now."""
        names = list(self._spool.cassettes())
        if _BLOBS in names:  # first: a row never names what is not there
            waiting = [row.slot for row in self._spool.read(_BLOBS).rows]
            self._remote.put_blobs(self._spool.blobs(waiting))
            self._spool.remove(_BLOBS, waiting)
        for name in names:
            rows = self._spool.read(name).rows
            if name == _BLOBS or not rows:
                continue
            cassette, _, run = name.partition(_RUN)
            self._remote.append(cassette, rows, replacing_run=run or None)
            # What another process has spooled meanwhile stays for the next time.
            gone = self._spool.remove(name, [row.slot for row in rows])
            self._add(delivered=gone)

    def cassettes(self) -> Iterator[str]:
        return self._remote.cassettes()

    def remove(self, cassette: str, slots: Sequence[str] | None = None, *, known: str = "") -> int:
        with suppress(StoreError):
            self._cache.remove(cassette)
        return self._remote.remove(cassette, slots, known=known)

    def claim(self, name: str, holder: str, ttl_s: float) -> bool:
        told = self._asked(lambda: self._remote.claim(name, holder, ttl_s))
        return told is not False  # where nobody can be asked, the call is made

    def release(self, name: str, holder: str) -> None:
        self._asked(lambda: self._remote.release(name, holder))

    def history(self, cassette: str) -> list[bytes]:
        return self._remote.history(cassette)

    def add_history(self, cassette: str, line: bytes, *, kept: int = 20) -> None:
        self._remote.add_history(cassette, line, kept=kept)

    def once(self, token: str) -> bool:
        return self._remote.once(token)

    def capacity(self) -> Capacity | None:
        return self._remote.capacity()

    def close(self) -> None:
        for store in (self._remote, self._cache, self._spool):
            store.close()

    def _asked(self, step: Callable[[], _T]) -> _T | None:
        """What the store on the other machine says to `step`; None where it fails, or did just now."""
        if _monotonic() < self._down_until:
            return None
        try:
            return step()
        except StoreError as error:
            self._down_until = _monotonic() + _PAUSE_S
            self._add(failures=1, last_error=error.message)
            return None

    def _delivered(self) -> RowStore:
        """The store on the other machine, with all that was spooled for it."""
        self.deliver()
        return self._remote

    def _add(self, *, last_error: str = "", **counts: int) -> None:
        with self._lock:
            old = self._trouble
            self._trouble = Trouble(
                self.place,
                old.failures + counts.get("failures", 0),
                old.spooled + counts.get("spooled", 0),
                old.delivered + counts.get("delivered", 0),
                last_error or old.last_error,
            )

    def _remember(self, cassette: str, held: Held) -> None:
        version = Row(_VERSION, held.version.encode())
        with suppress(StoreError):
            # Taking the version for a run replaces all rows of another version in one step.
            self._cache.append(cassette, [*held.rows, version], replacing_run=held.version)

    def _waiting(self, cassette: str) -> list[Row]:
        """What of the cassette is still in the spool."""
        try:
            names = [one for one in self._spool.cassettes() if one.partition(_RUN)[0] == cassette]
            return [row for name in names for row in self._spool.read(name).rows]
        except StoreError:
            return []

"""A store on another machine, with a cache and a spool on this one: trouble there fails no test here.

What was read is kept, and read again only where its version changed. What cannot be written is spooled
and delivered as soon as the store answers. Both files are `SqliteStore`s, so rows are rows everywhere.

Reading never waits for writing: a store that is full or read-only is read all the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from threading import Lock
from typing import TypeVar

import msgspec
from msgspec import Struct

from onetake.errors import CassetteError, StoreError
from onetake.stores.port import (
    BLOBS,
    LINES,
    Capacity,
    Claim,
    Held,
    Owned,
    Row,
    Trouble,
    capacity_of,
)
from onetake.stores.row_blobs import marked
from onetake.stores.rows.sqlite import SqliteStore

_PAUSE_S = 2.0  # after a failure the store is left alone: tests do not queue for its time-outs,
_PAUSE_RATE = 2  # and where those are long, for this many times as long
_CACHE_LIMIT = 1 << 30  # bytes
_HELD = "!held"
_SINCE = "!since"
_JUST_NOW_S = 3600.0  # a run that goes on
_RUN = "\0run "

_T = TypeVar("_T")

_to_held = msgspec.msgpack.Decoder(Held).decode

_monotonic = time.monotonic  # bound early: fake clocks do not reach us


class _Since(Struct, frozen=True):
    """When a run that records anew was spooled (UTC seconds), and the version that it had read last."""

    at: float
    version: str


_to_since = msgspec.msgpack.Decoder(_Since).decode


class LayeredStore:
    """`remote` behind `cache` and `spool`. It raises no `StoreError` for reading, adding and claiming."""

    def __init__(
        self,
        remote: Owned,
        cache: SqliteStore,
        spool: SqliteStore,
        *,
        cache_limit: int = _CACHE_LIMIT,
    ) -> None:
        """`cache_limit` is in bytes; what is spooled has no limit, as it is paid for."""
        self._remote = remote
        self._cache = cache
        self._spool = spool
        self._cache_limit = cache_limit
        self.place = remote.place
        self._lock = Lock()
        self._down_until = 0.0
        self._refusing_until = 0.0  # it may be read
        self._trouble = Trouble(self.place)

    @property
    def remote(self) -> Owned:
        """The store on the other machine alone: it says where it does not answer."""
        return self._remote

    def waiting(self) -> dict[str, int]:
        """How many recordings of each cassette are in the spool."""
        counts: dict[str, int] = {}
        for name in self._spool.names():
            if name != BLOBS:
                cassette = name.partition(_RUN)[0]
                own = _told_from(self._spool.read(name).rows)[1]
                counts[cassette] = counts.get(cassette, 0) + len(own)
        return {cassette: number for cassette, number in counts.items() if number}

    def drain_trouble(self) -> Trouble | None:
        """What happened since the last call; None if nothing did."""
        with self._lock:
            trouble, self._trouble = self._trouble, Trouble(self.place)
        return None if trouble == Trouble(self.place) else trouble

    def read(self, cassette: str, *, known: str = "", slots: Collection[str] | None = None) -> Held:
        if slots is not None:
            return self._read_some(cassette, slots)
        # Before the store: what another process delivers at this moment is in one of the two.
        waiting, is_new = self._waiting(cassette)
        cached = self._cached(cassette)
        version = cached.version
        fresh = self._asked(lambda: self._remote.read(cassette, known=version))
        held = cached if fresh is None or fresh.is_unchanged else fresh
        if held is fresh and held.version != version:
            self._remember(cassette, held)
        if fresh is not None:
            self._asked(self.deliver, writing=True)
        if waiting:
            there = () if is_new else held.rows
            filled = {row.slot for row in there}
            own = tuple(row for row in waiting if row.slot not in filled)
            return Held((*there, *own), "")
        return Held((), known, True) if known and known == held.version else held

    def _read_some(self, cassette: str, slots: Collection[str]) -> Held:
        """Read rows by name, those that never change from this machine."""
        found: dict[str, Row] = {}
        for near in (self._cache, self._spool) if cassette == BLOBS else ():
            with suppress(StoreError):
                missing = [slot for slot in slots if slot not in found]
                found |= {row.slot: row for row in near.read(cassette, slots=missing).rows}
        missing = [slot for slot in slots if slot not in found]
        if missing:
            fetched = self._asked(lambda: self._remote.read(cassette, slots=missing))
            rows = fetched.rows if fetched else ()
            found |= {row.slot: row for row in rows}
            if rows and cassette == BLOBS:
                with suppress(StoreError):
                    self._cache.append(BLOBS, rows)
                    self._cache.trim(self._cache_limit)
        return Held(tuple(found.values()))

    def append(
        self, cassette: str, rows: Sequence[Row], *, replacing_run: str | None = None
    ) -> frozenset[str]:
        """Where the store does not answer, the rows are spooled, but for `LINES`, which are lost without a
        word. Raises `StoreError` where that fails too.
        """
        if cassette == LINES:
            if _monotonic() >= self._down_until:
                with suppress(StoreError):
                    return self._remote.append(cassette, rows)
            return frozenset()

        def append() -> frozenset[str]:
            remote = self._remote if cassette == BLOBS else self._delivered()
            return remote.append(cassette, rows, replacing_run=replacing_run)

        taken = self._asked(append, writing=True)
        if taken is not None:
            return taken
        if cassette == BLOBS:
            return self._spool.append(BLOBS, rows)
        added = self._spool.append(self._spooled_as(cassette, replacing_run), rows)
        self._add(spooled=len(added))
        return added

    def rewrite(self, cassette: str, rows: Sequence[Row], *, known: str) -> bool:
        return self._remote.rewrite(cassette, rows, known=known)

    def forget(self, cassettes: Collection[str], blobs: Collection[str]) -> None:
        """Leave nothing of them on this machine, for they have been rewritten in the store."""
        for cassette in cassettes:
            self._cache.remove(cassette)
        self._cache.remove(BLOBS, list(blobs))
        for near in (self._cache, self._spool):
            near.compact()

    def deliver(self) -> None:
        """Bring the spool to the store. Raises `StoreError` where that cannot be done now."""
        names = list(self._spool.names())
        if BLOBS in names:  # first: a row never names what is not there
            waiting = self._spool.read(BLOBS)
            if waiting.rows:
                self._remote.append(BLOBS, marked(waiting.rows))
                self._spool.remove(BLOBS, [row.slot for row in waiting.rows])
                waiting = self._spool.read(BLOBS)
            if not waiting.rows:  # or every later delivery would have something to bring
                self._spool.remove(BLOBS, known=waiting.version)
        for name in names:
            rows = self._spool.read(name).rows
            held, own = _told_from(rows)
            if name == BLOBS or not own:
                continue
            cassette, _, run = name.partition(_RUN)
            if run and not self._may_replace(cassette, held):
                run = ""  # what others have recorded since stays; free slots are filled
            try:
                self._remote.append(cassette, own, replacing_run=run or None)
            except (
                CassetteError
            ) as error:  # of this one alone: the others do not wait for its repair
                self._add(failures=1, last_error=error.message)
                continue
            # What another process has spooled meanwhile stays for the next time.
            self._add(delivered=self._spool.remove(name, [row.slot for row in own]))
            left = self._spool.read(name)
            if not _told_from(left.rows)[1]:
                self._spool.remove(name, known=left.version)

    def names(self, cassette: str | None = None) -> Iterator[str]:
        return self._remote.names(cassette)

    def remove(self, cassette: str, slots: Sequence[str] | None = None, *, known: str = "") -> int:
        """Raises `StoreError` where recordings of the cassette wait: they may stand for what would go."""
        if self._waiting(cassette)[0]:
            raise StoreError(
                f"Recordings of {cassette} wait on this machine to be brought to {self.place}.",
                remedy="Run again when the store answers.",
                path=self.place,
            )
        with suppress(StoreError):
            self._cache.remove(cassette)
        return self._remote.remove(cassette, slots, known=known)

    def claim(self, name: str, holder: str, ttl_s: float) -> Claim:
        told = self._asked(lambda: self._remote.claim(name, holder, ttl_s), writing=True)
        return told or Claim(True)  # where nobody can be asked, the call is made

    def settle(self, name: str, holder: str, data: bytes, ttl_s: float) -> None:
        def settle() -> bool:
            self._remote.settle(name, holder, data, ttl_s)
            return True

        if not self._asked(settle, writing=True):
            raise StoreError(f"{self.place} does not answer.", path=self.place)

    def release(self, names: Sequence[str], holder: str) -> None:
        self._asked(lambda: self._remote.release(names, holder), writing=True)

    def capacity(self) -> Capacity | None:
        return capacity_of(self._remote)  # also after a failure: it may be that the store is full

    def close(self) -> None:
        for store in (self._remote, self._cache, self._spool):
            store.close()

    def _asked(self, step: Callable[[], _T], *, writing: bool = False) -> _T | None:
        """What the store on the other machine says to `step`; None where it fails, or did just now."""
        now = _monotonic()
        if now < self._down_until or (writing and now < self._refusing_until):
            return None
        try:
            return step()
        except StoreError as error:
            until = _monotonic()
            until += max(_PAUSE_S, _PAUSE_RATE * (until - now))
            if writing:
                self._refusing_until = until
            else:
                self._down_until = until
            self._add(failures=1, last_error=error.message)
            return None

    def _delivered(self) -> Owned:
        """The store on the other machine, with all that was spooled for it."""
        self.deliver()
        return self._remote

    def _spooled_as(self, cassette: str, run: str | None) -> str:
        """The name in the spool: behind a run that records anew, what comes later is part of it."""
        if run is None:
            waiting = [one for one in self._spool.names() if one.startswith(f"{cassette}{_RUN}")]
            return waiting[-1] if waiting else cassette
        name = f"{cassette}{_RUN}{run}"
        if not self._spool.read(name).rows:
            since = msgspec.msgpack.encode(_Since(time.time(), self._cached(cassette).version))
            self._spool.append(name, [Row(_SINCE, since)])
        return name

    def _may_replace(self, cassette: str, since: _Since | None) -> bool:
        """Whether the cassette is what it was when a run recorded it anew, or that was just now."""
        if since is None or time.time() - since.at < _JUST_NOW_S:
            return True
        return self._remote.read(cassette, known=since.version).is_unchanged

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

    def _cached(self, cassette: str) -> Held:
        """What was read last."""
        with suppress(StoreError, msgspec.MsgspecError):
            for row in self._cache.read(cassette).rows:
                if row.slot == _HELD:
                    return _to_held(row.data)
        return Held()

    def _remember(self, cassette: str, held: Held) -> None:
        """One row for all of it: the cache is read and written whole."""
        row = Row(_HELD, msgspec.msgpack.encode(held))
        with suppress(StoreError):
            # Taking the version for a run replaces the row of another version in one step.
            self._cache.append(cassette, [row], replacing_run=held.version)
            self._cache.trim(self._cache_limit)

    def _waiting(self, cassette: str) -> tuple[list[Row], bool]:
        """What of the cassette is still in the spool, and whether it replaces what the store has."""
        try:
            names = [one for one in self._spool.names() if one.partition(_RUN)[0] == cassette]
            rows = [row for name in names for row in _told_from(self._spool.read(name).rows)[1]]
        except StoreError:
            return [], False
        return rows, bool(rows) and any(_RUN in name for name in names)


def _told_from(rows: Sequence[Row]) -> tuple[_Since | None, list[Row]]:
    """What the spool says of a run, and its rows for the store."""
    since = next((row.data for row in rows if row.slot == _SINCE), None)
    own = [row for row in rows if row.slot != _SINCE]
    return None if since is None else _to_since(since), own

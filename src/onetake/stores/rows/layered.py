"""A store on another machine, with a cache and a spool on this one: trouble there fails no test here.

What was read is kept, and read again only where its version changed. What cannot be written is spooled
and delivered as soon as the store answers. Both files are `SqliteStore`s, so rows are rows everywhere.

Reading never waits for writing: a store that is full or read-only is read all the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from threading import Lock
from typing import TypeVar

import msgspec
from msgspec import Struct

from onetake.errors import CassetteError, StoreError
from onetake.stores.port import Capacity, Claim, Held, Row, RowStore
from onetake.stores.rows.sqlite import SqliteStore

_PAUSE_S = 2.0  # after a failure the store is left alone: tests do not queue for its time-outs,
_PAUSE_RATE = 2  # and where those are long, for this many times as long
_CACHE_LIMIT = 1 << 30  # bytes
_HELD = "!held"
_SINCE = "!since"
_JUST_NOW_S = 3600.0  # a run that goes on
_BLOBS = "\0blobs"  # no cassette has such a name
_RUN = "\0run "

_T = TypeVar("_T")

_to_held = msgspec.msgpack.Decoder(Held).decode

_monotonic = time.monotonic  # bound early: fake clocks do not reach us


class _Since(Struct, frozen=True):
    """When a run that records anew was spooled (UTC seconds), and the version that it had read last."""

    at: float
    version: str


_to_since = msgspec.msgpack.Decoder(_Since).decode


class Trouble(Struct, frozen=True):
    """What a store could not do: `spooled` recordings wait on this machine, `delivered` have gone since."""

    place: str
    failures: int = 0
    spooled: int = 0
    delivered: int = 0
    last_error: str = ""


class LayeredStore:
    """`remote` behind `cache` and `spool`. It raises no `StoreError` for reading, adding and claiming."""

    def __init__(
        self,
        remote: RowStore,
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
    def remote(self) -> RowStore:
        """The store on the other machine alone: it says where it does not answer."""
        return self._remote

    def waiting(self) -> dict[str, int]:
        """How many recordings of each cassette are in the spool."""
        counts: dict[str, int] = {}
        for name in self._spool.cassettes():
            if name != _BLOBS:
                cassette = name.partition(_RUN)[0]
                own = _told_from(self._spool.read(name).rows)[1]
                counts[cassette] = counts.get(cassette, 0) + len(own)
        return {cassette: number for cassette, number in counts.items() if number}

    def drain_trouble(self) -> Trouble | None:
        """What happened since the last call; None if nothing did."""
        with self._lock:
            trouble, self._trouble = self._trouble, Trouble(self.place)
        return None if trouble == Trouble(self.place) else trouble

    def read(self, cassette: str, *, known: str = "") -> Held:
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
            ),
            writing=True,
        )
        if taken is not None:
            return taken
        added = self._spool.append(self._spooled_as(cassette, replacing_run), rows)
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
                self._cache.trim(self._cache_limit)
        return found

    def put_blobs(self, blobs: Mapping[str, bytes]) -> None:
        def put() -> bool:
            self._remote.put_blobs(blobs)
            return True

        if self._asked(put, writing=True):
            return
        self._spool.put_blobs(blobs)
        self._spool.append(_BLOBS, [Row(name, b"") for name in blobs])

    def old_blobs(self, older_than_s: float) -> list[str]:
        return self._remote.old_blobs(older_than_s)

    def remove_blobs(self, names: Sequence[str], older_than_s: float) -> int:
        return self._remote.remove_blobs(names, older_than_s)

    def forget(self, cassettes: Collection[str], blobs: Collection[str]) -> None:
        """Leave nothing of them on this machine, for they have been rewritten in the store."""
        for cassette in cassettes:
            self._cache.remove(cassette)
        self._cache.remove_blobs(list(blobs), 0.0)
        for near in (self._cache, self._spool):
            near.compact()

    def deliver(self) -> None:
        """Bring the spool to the store. Raises `StoreError` where that cannot be done now."""
        names = list(self._spool.cassettes())
        if _BLOBS in names:  # first: a row never names what is not there
            waiting = [row.slot for row in self._spool.read(_BLOBS).rows]
            self._remote.put_blobs(self._spool.blobs(waiting))
            self._spool.remove(_BLOBS, waiting)
        for name in names:
            rows = self._spool.read(name).rows
            held, own = _told_from(rows)
            if name == _BLOBS or not own:
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

    def cassettes(self) -> Iterator[str]:
        return self._remote.cassettes()

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

    def history(self, cassette: str) -> list[bytes]:
        return self._asked(lambda: self._remote.history(cassette)) or []

    def add_histories(self, lines: Mapping[str, bytes]) -> None:
        """Lost where the store does not answer, without a word: it is only statistics."""
        if _monotonic() >= self._down_until:
            with suppress(StoreError):
                self._remote.add_histories(lines)

    def once(self, token: str) -> bool:
        return self._remote.once(token)

    def capacity(self) -> Capacity | None:
        return self._remote.capacity()  # also after a failure: it may be that the store is full

    def rewrite(self, cassette: str, rows: Sequence[Row], *, known: str) -> bool:
        return self._remote.rewrite(cassette, rows, known=known)

    def rewrite_blobs(self, blobs: Mapping[str, bytes]) -> None:
        self._remote.rewrite_blobs(blobs)

    def rewrite_histories(self, lines: Mapping[str, Mapping[bytes, bytes]]) -> None:
        self._remote.rewrite_histories(lines)

    def blob_names(self) -> list[str]:
        return self._remote.blob_names()

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

    def _delivered(self) -> RowStore:
        """The store on the other machine, with all that was spooled for it."""
        self.deliver()
        return self._remote

    def _spooled_as(self, cassette: str, run: str | None) -> str:
        """The name in the spool: behind a run that records anew, what comes later is part of it."""
        if run is None:
            waiting = [
                one for one in self._spool.cassettes() if one.startswith(f"{cassette}{_RUN}")
            ]
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
            names = [one for one in self._spool.cassettes() if one.partition(_RUN)[0] == cassette]
            rows = [row for name in names for row in _told_from(self._spool.read(name).rows)[1]]
        except StoreError:
            return [], False
        return rows, bool(rows) and any(_RUN in name for name in names)


def _told_from(rows: Sequence[Row]) -> tuple[_Since | None, list[Row]]:
    """What the spool says of a run, and its rows for the store."""
    since = next((row.data for row in rows if row.slot == _SINCE), None)
    own = [row for row in rows if row.slot != _SINCE]
    return None if since is None else _to_since(since), own

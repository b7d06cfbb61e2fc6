"""A shared store in a bucket (S3, Google Cloud Storage, Azure) or, in the same layout, in a folder.

A cassette is a log of immutable objects, `c/<name>/<number>`, each made by a conditional create: who
creates a number has seen all the numbers before it, so every step is atomic without a lock, and a slot
has one owner. An object may replace earlier ones, which it names by their tokens (a new generation of
recordings, a removal, a merge of many small objects); what it names is deleted afterwards, and readers
ignore it while it is still listed. What it does not name stays, so no append is lost to it.

`BLOBS` alone is no log: each of its rows is an object, `b/<slot>`, which is made once and read by name.
"""

from __future__ import annotations

import random
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final, TypeVar
from urllib.parse import quote, unquote_to_bytes

import msgspec
from msgspec import Struct

from onetake.errors import CassetteError, StoreError
from onetake.stores.names import digest, to_name
from onetake.stores.port import BLOBS, PATIENCE, Claim, Held, Patience, Row
from onetake.stores.processes import OfProcess
from onetake.stores.rows.bucket import Bucket, Listed

_Kind = TypeVar("_Kind")

_MARKER: Final = b"onetake 1"
_MERGED_FROM: Final = 32  # objects; below that a read is one round of parallel gets
_TRIES: Final = 60  # lost races for one number before a store gives up
_RUNS_KEPT: Final = 64
_CACHED_BYTES: Final = 32 << 20
_NUMBER: Final = re.compile(r"[0-9]{1,30}")
_SEGMENT: Final = 120  # characters; file systems allow 255 bytes


class _Entry(Struct, frozen=True, array_like=True):
    """One object of a cassette's log. `replaces` are the tokens of the objects that it stands for."""

    token: str
    rows: tuple[tuple[str, bytes], ...] = ()
    replaces: tuple[str, ...] = ()
    is_base: bool = False
    runs: tuple[str, ...] = ()  # those that have begun a generation, in a base


class _Claim(Struct, frozen=True, array_like=True):
    token: str
    holder: str
    until: float
    data: bytes = b""


class _Begin(Struct, frozen=True, array_like=True):
    number: int
    name: bytes


class _View(Struct, frozen=True):
    """A cassette at one moment."""

    listed: tuple[Listed, ...]
    entries: tuple[_Entry, ...]

    @property
    def live(self) -> list[_Entry]:
        """Return the entries that were not replaced, in the order in which they fill slots."""
        gone = {token for entry in self.entries for token in entry.replaces}
        # A base holds what was there before anything it does not name, whatever their numbers are.
        return sorted(
            (entry for entry in self.entries if entry.token not in gone),
            key=lambda entry: not entry.is_base,
        )

    @property
    def rows(self) -> dict[str, bytes]:
        held: dict[str, bytes] = {}
        for entry in self.live:
            for slot, data in entry.rows:
                held.setdefault(slot, data)
        return held

    @property
    def runs(self) -> tuple[str, ...]:
        return tuple(run for entry in self.live for run in entry.runs)

    @property
    def version(self) -> str:
        return _version(self.listed)

    def has(self, token: str) -> bool:
        return any(token == entry.token or token in entry.replaces for entry in self.entries)

    @property
    def last(self) -> int:
        return int(self.listed[-1].path.rpartition("/")[2])


class _Memory:
    """What one process knows: locks, parsed objects, and what was found out about the namespace."""

    def __init__(self) -> None:
        self.is_marked = False
        self.is_tried = False  # whether conditional writes are known to work
        self.lock = threading.Lock()
        self.writing: dict[str, threading.Lock] = {}
        self.cached: OrderedDict[Listed, tuple[_Entry, int]] = OrderedDict()
        self.cached_bytes = 0

    def find(self, one: Listed) -> _Entry | None:
        with self.lock:
            found = self.cached.get(one)
            if found is not None:
                self.cached.move_to_end(one)
            return found[0] if found else None

    def keep(self, one: Listed, entry: _Entry, size: int) -> None:
        with self.lock:
            if one in self.cached:
                return
            self.cached[one] = entry, size
            self.cached_bytes += size
            while self.cached_bytes > _CACHED_BYTES and len(self.cached) > 1:
                self.cached_bytes -= self.cached.popitem(last=False)[1][1]

    def writer(self, folder: str) -> threading.Lock:
        with self.lock:
            if len(self.writing) > 4096:
                self.writing.clear()  # a lost lock costs a lost race, no more
            return self.writing.setdefault(folder, threading.Lock())


class ObjectStore:
    """A `RowStore` in a bucket: `s3://`, `gs://`, `az://`, or `file:///folder` for one without a server.

    Credentials come from the environment as obstore reads it (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, ...);
    `?endpoint=`, `?region=` and `?namespace=` in the URL win over it. Claims are as good as the clocks of
    the machines agree. Names longer than about 100 characters are cut, with a digest, and kept in an object
    beside.
    """

    def __init__(
        self, url: str, *, namespace: str = "onetake", patience: Patience = PATIENCE
    ) -> None:
        self._bucket = Bucket(url, namespace=namespace, patience=patience)
        self.place = self._bucket.place
        self.endpoint = self._bucket.endpoint
        self._memory = OfProcess(_Memory)

    def read(self, cassette: str, *, known: str = "", slots: Collection[str] | None = None) -> Held:
        self._check_marker()
        if cassette == BLOBS:
            return self._read_blobs(slots)
        folder = self._folder(cassette)
        listed = self._list(folder)
        version = _version(listed)
        if known and version == known:
            return Held((), version, is_unchanged=True)
        view = self._view(folder, listed)
        rows = view.rows.items()
        found = tuple(Row(slot, data) for slot, data in rows if slots is None or slot in slots)
        return Held(found, view.version)

    def _read_blobs(self, slots: Collection[str] | None) -> Held:
        wanted = list(self.names(BLOBS) if slots is None else dict.fromkeys(slots))
        found = self._bucket.each(self._bucket.get, list(map(self._blob_path, wanted)))
        rows = (Row(slot, one[0]) for slot, one in zip(wanted, found, strict=True) if one)
        return Held(tuple(rows))

    def names(self, cassette: str | None = None) -> Iterator[str]:
        self._check_marker()
        if cassette == BLOBS:
            paths = [one.path.rpartition("/")[2] for one in self._bucket.listed(self._path("b"))]
            yield from (name for path in paths if (name := _name(path)) is not None)
        elif cassette is not None:
            yield from self._view(self._folder(cassette)).rows
        else:
            for folder in self._bucket.folders(self._path("c")):
                segment = folder.rpartition("/")[2]
                name = _name(segment)
                if name is None:
                    found = self._bucket.get(self._path("n", segment))
                    if found is None:
                        continue  # removed meanwhile
                    name = to_name(self._decode(found[0], _Begin).name)
                yield name

    def append(
        self, cassette: str, rows: Sequence[Row], *, replacing_run: str | None = None
    ) -> frozenset[str]:
        if not rows and replacing_run is None:
            return frozenset()
        self._mark()
        if cassette == BLOBS:
            return self._append_blobs([row for row in rows if row.data])
        if _name(_segment(cassette)) is None:
            self._first(cassette)
        token = secrets.token_hex(8)
        added: frozenset[str] = frozenset()
        wanted: dict[str, bytes] = {}
        for row in rows:
            wanted.setdefault(row.slot, row.data)

        def change(view: _View) -> _Entry | None:
            nonlocal added
            held, runs = view.rows, view.runs
            is_new_run = replacing_run is not None and replacing_run not in runs
            if is_new_run:
                assert replacing_run is not None
                held, runs = {}, (*runs[1 - _RUNS_KEPT :], replacing_run)
            free = {slot: data for slot, data in wanted.items() if slot not in held}
            added = frozenset(free)
            if not free and not is_new_run:
                return None
            if is_new_run or len(view.listed) >= _MERGED_FROM:
                return _base(view, token, {**held, **free}, runs)
            return _Entry(token, tuple(free.items()))

        self._commit(cassette, token, change)
        return added

    def rewrite(self, cassette: str, rows: Sequence[Row], *, known: str) -> bool:
        self._check_marker()
        if cassette == BLOBS:
            self._bucket.each(self._rewrite_blob, rows)
            return True
        token, new = secrets.token_hex(8), {row.slot: row.data for row in rows}

        def change(view: _View) -> _Entry | None:
            if not view.listed or view.version != known:
                return None
            kept = {slot: new.get(slot, data) for slot, data in view.rows.items()}
            return _base(view, token, kept, view.runs)

        return self._commit(cassette, token, change)[1] is not None

    def remove(self, cassette: str, slots: Sequence[str] | None = None, *, known: str = "") -> int:
        self._check_marker()
        if cassette == BLOBS:
            return self._remove_blobs(slots)
        folder, token = self._folder(cassette), secrets.token_hex(8)
        if not self._list(folder):
            return 0

        def change(view: _View) -> _Entry | None:
            if known and view.version != known:
                return None
            held = view.rows
            kept = {slot: data for slot, data in held.items() if slot not in set(slots or ())}
            if slots is None:
                return _base(view, token, {}, ()) if view.listed else None
            if len(kept) == len(held):
                return None
            return _base(view, token, kept, view.runs)

        before, entry = self._commit(cassette, token, change)
        if entry is None:
            return 0
        if slots is None:
            # The empty base goes last: until then new appends count on from it.
            self._bucket.delete(self._path("n", _segment(cassette)))
            for one, found in self._entries(self._list(folder)):
                if found is not None and found.token == token:
                    self._bucket.delete(one.path)
        held = before.rows
        return len(held) if slots is None else len(held.keys() & set(slots))

    # Rows of `BLOBS`, each an object.

    def _append_blobs(self, rows: Sequence[Row]) -> frozenset[str]:
        def create(row: Row) -> bool:
            return self._bucket.create(self._blob_path(row.slot), row.data)

        made = self._bucket.each(create, rows)
        return frozenset(row.slot for row, is_new in zip(rows, made, strict=True) if is_new)

    def _rewrite_blob(self, row: Row) -> None:
        path = self._blob_path(row.slot)
        found = self._bucket.get(path)
        if found is not None:
            self._bucket.update(path, row.data, found[1])

    def _remove_blobs(self, slots: Sequence[str] | None) -> int:
        there = set(self.names(BLOBS))
        gone = sorted(there if slots is None else there & set(slots))
        self._bucket.each(lambda slot: self._bucket.delete(self._blob_path(slot)), gone)
        return len(gone)

    def _blob_path(self, slot: str) -> str:
        return self._path("b", _segment(slot))

    def claim(self, name: str, holder: str, ttl_s: float) -> Claim:
        self._mark()
        path = self._path("claims", digest(name))
        mine = _Claim(secrets.token_hex(8), holder, time.time() + ttl_s)
        data = msgspec.msgpack.encode(mine)
        for _ in range(4):
            found = self._bucket.get(path)
            if found is None:
                if self._bucket.create(path, data):
                    return Claim(True, holder=holder)
                continue
            held = self._decode(found[0], _Claim)
            if held.holder != holder and held.until > time.time():
                return Claim(False, held.data, held.holder)
            if self._bucket.update(path, data, found[1]):
                return Claim(True, holder=holder)
        found = self._bucket.get(path)
        held = mine if found is None else self._decode(found[0], _Claim)
        return Claim(found is not None and held.token == mine.token, held.data, held.holder)

    def settle(self, name: str, holder: str, data: bytes, ttl_s: float) -> None:
        self._mark()
        left = _Claim(secrets.token_hex(8), holder, time.time() + ttl_s, data)
        self._bucket.put(self._path("claims", digest(name)), msgspec.msgpack.encode(left))

    def release(self, names: Sequence[str], holder: str) -> None:
        self._check_marker()
        self._bucket.each(lambda name: self._release(name, holder), names)

    def _release(self, name: str, holder: str) -> None:
        path = self._path("claims", digest(name))
        found = self._bucket.get(path)
        if found is not None and self._decode(found[0], _Claim).holder == holder:
            # First an update, which compares: a delete alone could hit who took over a moment ago.
            free = _Claim(secrets.token_hex(8), "", 0.0)
            if self._bucket.update(path, msgspec.msgpack.encode(free), found[1]):
                self._bucket.delete(path)

    def close(self) -> None:
        self._bucket.close()
        self._memory.drop()

    def _commit(
        self, cassette: str, token: str, change: Callable[[_View], _Entry | None]
    ) -> tuple[_View, _Entry | None]:
        """Add what `change` makes of the log to it, and return the log before and the entry or None."""
        folder = self._folder(cassette)
        with self._memory.get().writer(folder):  # own threads need not race each other
            for attempt in range(_TRIES):
                view = self._view(folder)
                entry = change(view)
                if entry is None:
                    return view, None
                first = 1 if view.listed else self._first(cassette)
                number = view.last + 1 if view.listed else first
                path = f"{folder}/{number:016d}"
                won = self._bucket.create(path, msgspec.msgpack.encode(entry))
                # A request that obstore repeated is refused by the object that it made at first.
                if won or self._view(folder).has(token):
                    if entry.is_base:
                        self._bucket.each(self._bucket.delete, [one.path for one in view.listed])
                    return view, entry
                _wait(attempt)
        raise self._busy()

    def _view(self, folder: str, listed: Sequence[Listed] | None = None) -> _View:
        for attempt in range(_TRIES):
            if listed is None or attempt:
                listed = self._list(folder)
            entries = self._entries(listed)
            if all(entry is not None for _, entry in entries):
                return _View(tuple(listed), tuple(entry for _, entry in entries if entry))
            _wait(attempt)  # merged meanwhile: the list is out of date
        raise self._busy()

    def _entries(self, listed: Sequence[Listed]) -> list[tuple[Listed, _Entry | None]]:
        """Each with its entry, None where it is gone."""
        at = self._memory.get()

        def load(one: Listed) -> _Entry | None:
            found = self._bucket.get(one.path)
            if found is None:
                return None
            entry = self._decode(found[0], _Entry, one.path)
            at.keep(one, entry, len(found[0]))
            return entry

        known = {one: at.find(one) for one in listed}
        missing = [one for one, entry in known.items() if entry is None]
        known.update(zip(missing, self._bucket.each(load, missing), strict=True))
        return list(known.items())

    def _list(self, folder: str) -> list[Listed]:
        """The cassette's log. What has no number (a half-written file of a folder) is not ours."""
        found = self._bucket.listed(folder)
        return [one for one in found if _NUMBER.fullmatch(one.path.rpartition("/")[2])]

    def _decode(self, data: bytes, kind: type[_Kind], path: str = "") -> _Kind:
        try:
            return msgspec.msgpack.decode(data, type=kind)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise CassetteError(
                f"{self.place} holds an object that cannot be read: "
                f"onetake did not write it, or it is corrupt{f' ({path})' if path else ''}.",
                remedy="Delete it and record anew, or use another prefix or namespace.",
                path=self.place,
            ) from None

    def _check_marker(self) -> bool:
        """Whether the namespace is in use. Raises `StoreError` where it is another's."""
        at = self._memory.get()
        if at.is_marked:
            return True
        found = self._bucket.get(self._path("format"))
        if found is None:
            # A missing bucket looks like a missing object in a head or get.
            self._bucket.listed(self._path())
            return False
        text = found[0].strip()
        if text != _MARKER:
            is_newer = re.fullmatch(rb"onetake \d+", text) is not None
            raise StoreError(
                f"{self.place} was written by "
                + ("a newer onetake." if is_newer else "another program."),
                remedy="Upgrade onetake." if is_newer else "Use another prefix or namespace.",
                path=self.place,
            )
        at.is_marked = True
        return True

    def _mark(self) -> None:
        at, path = self._memory.get(), self._path("format")
        if not self._check_marker():
            self._bucket.create(path, _MARKER)
            self._check_marker()
        # Some servers that speak S3 accept a conditional write and overwrite all the same.
        if not at.is_tried and self._bucket.create(path, _MARKER):
            raise StoreError(
                f"{self.place} ignores the condition of a write, so writers would lose recordings.",
                remedy="Use a server that honours If-None-Match, as S3, GCS, Azure and MinIO do.",
                path=self.place,
            )
        at.is_tried = True

    def _first(self, cassette: str) -> int:
        """The number at which all writers begin the cassette's log, kept with its whole name.

        It is the time of the first append, so that a log that was removed and begun anew uses no
        number again: a slow delete of an old object cannot hit a new one.
        """
        path = self._path("n", _segment(cassette))
        found = self._bucket.get(path)
        while found is None:
            begin = _Begin(time.time_ns() // 1000, cassette.encode("utf-8", "surrogatepass"))
            self._bucket.create(path, msgspec.msgpack.encode(begin))
            found = self._bucket.get(path)
        return self._decode(found[0], _Begin).number

    def _folder(self, cassette: str) -> str:
        return self._path("c", _segment(cassette))

    def _path(self, *parts: str) -> str:
        return self._bucket.path(*parts)

    def _busy(self) -> StoreError:
        return StoreError(
            f"{self.place} is written by too many at once.",
            remedy="Run again, or record with fewer processes.",
            path=self.place,
        )


def _base(
    view: _View,
    token: str,
    rows: Mapping[str, bytes],
    runs: tuple[str, ...],
) -> _Entry:
    """One entry for all of `view`."""
    replaces = tuple(entry.token for entry in view.entries)
    return _Entry(token, tuple(rows.items()), replaces, True, runs)


def _version(listed: Sequence[Listed]) -> str:
    if not listed:
        return ""
    return digest("".join(f"{one.path}\n{one.tag}\n" for one in listed))


def _segment(name: str) -> str:
    """`name` as one part of a path: percent-encoded; a long one is cut, with `~` and a digest."""
    quoted = quote(name, safe="", errors="surrogatepass").replace("~", "%7E").replace(".", "%2E")
    if len(quoted) > _SEGMENT:
        return f"{quoted[:80].rstrip('%')}~{digest(name)}"
    return quoted or "~"


def _name(segment: str) -> str | None:
    """The name that a segment stands for; None where it was cut."""
    if segment == "~":
        return ""
    return None if "~" in segment else to_name(unquote_to_bytes(segment))


def _wait(attempt: int) -> None:
    """Longer after each lost race, at random, so that two do not meet again."""
    time.sleep(random.uniform(0, min(0.005 * 2**attempt, 0.25)))  # noqa: S311

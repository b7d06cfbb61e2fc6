"""A shared store in a bucket (S3, Google Cloud Storage, Azure) or, in the same layout, in a folder.

A cassette is a log of immutable objects, `c/<name>/<number>`, each made by a conditional create: who
creates a number has seen all the numbers before it, so every step is atomic without a lock, and a slot
has one owner. An object may replace earlier ones, which it names by their tokens (a new generation of
recordings, a removal, a merge of many small objects); what it names is deleted afterwards, and readers
ignore it while it is still listed. What it does not name stays, so no append is lost to it.
"""

from __future__ import annotations

import random
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final, TypeVar
from urllib.parse import quote, unquote_to_bytes

import msgspec
from msgspec import Struct

from onetake.errors import CassetteError, StoreError
from onetake.formats.packing import pack, unpack
from onetake.stores.names import digest, to_name
from onetake.stores.port import PATIENCE, Capacity, Claim, Held, Patience, Row, kept_lines
from onetake.stores.processes import OfProcess
from onetake.stores.rows.bucket import Bucket, Listed

_Kind = TypeVar("_Kind")

_MARKER: Final = b"onetake 1"
_MERGED_FROM: Final = 32  # objects; below that a read is one round of parallel gets
_TRIES: Final = 60  # lost races for one number before a store gives up
_RUNS_KEPT: Final = 64
_RUNS_LOG: Final = "runs"
_CACHED_BYTES: Final = 32 << 20
_NO_LINES: Final[Mapping[str, Mapping[bytes, bytes]]] = {}
_NUMBER: Final = re.compile(r"[0-9]{1,30}")
_SEGMENT: Final = 120  # characters; file systems allow 255 bytes


_encode = msgspec.msgpack.encode
_lines = msgspec.msgpack.Decoder(list[tuple[str, bytes]])


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
        """Those not replaced, in the order in which they fill slots."""
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
    `?endpoint=`, `?region=` and `?namespace=` in the URL win over it. `keep_s` is ignored: a lifecycle
    rule of the bucket does that. Claims are as good as the clocks of the machines agree. Names longer
    than about 100 characters are cut, with a digest, and kept in an object beside.
    """

    def __init__(
        self, url: str, *, namespace: str = "onetake", patience: Patience = PATIENCE
    ) -> None:
        self._bucket = Bucket(url, namespace=namespace, patience=patience)
        self.place = self._bucket.place
        self.endpoint = self._bucket.endpoint
        self._memory = OfProcess(_Memory)

    def read(self, cassette: str, *, known: str = "") -> Held:
        self._check_marker()
        folder = self._folder(cassette)
        listed = self._list(folder)
        version = _version(listed)
        if known and version == known:
            return Held((), version, is_unchanged=True)
        view = self._view(folder, listed)
        return Held(tuple(Row(slot, data) for slot, data in view.rows.items()), view.version)

    def append(
        self,
        cassette: str,
        rows: Sequence[Row],
        *,
        replacing_run: str | None = None,
        keep_s: float | None = None,  # noqa: ARG002  # the bucket's lifecycle rules do that
    ) -> frozenset[str]:
        if not rows and replacing_run is None:
            return frozenset()
        self._mark()
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

    def blobs(self, names: Sequence[str]) -> dict[str, bytes]:
        self._check_marker()
        wanted = list(dict.fromkeys(names))
        found = self._bucket.each(
            self._bucket.get, [self._path("b", _segment(name)) for name in wanted]
        )
        return {name: one[0] for name, one in zip(wanted, found, strict=True) if one is not None}

    def put_blobs(self, blobs: Mapping[str, bytes]) -> None:
        if not blobs:
            return
        self._mark()
        self._bucket.each(
            lambda item: self._bucket.create(self._path("b", _segment(item[0])), item[1]),
            list(blobs.items()),
        )

    def blob_names(self) -> list[str]:
        self._check_marker()
        paths = [one.path.rpartition("/")[2] for one in self._bucket.listed(self._path("b"))]
        return [name for path in paths if (name := _name(path)) is not None]

    def rewrite_blobs(self, blobs: Mapping[str, bytes]) -> None:
        self._check_marker()

        def put(item: tuple[str, bytes]) -> None:
            path = self._path("b", _segment(item[0]))
            found = self._bucket.get(path)
            if found is not None:
                self._bucket.update(path, item[1], found[1])

        self._bucket.each(put, list(blobs.items()))

    def rewrite(self, cassette: str, rows: Sequence[Row], *, known: str) -> bool:
        self._check_marker()
        token, new = secrets.token_hex(8), {row.slot: row.data for row in rows}

        def change(view: _View) -> _Entry | None:
            if not view.listed or view.version != known:
                return None
            kept = {slot: new.get(slot, data) for slot, data in view.rows.items()}
            return _base(view, token, kept, view.runs)

        return self._commit(cassette, token, change)[1] is not None

    def old_blobs(self, older_than_s: float) -> list[str]:  # noqa: ARG002
        return []  # an object that is put again keeps its date, so nobody can tell

    def remove_blobs(self, names: Sequence[str], older_than_s: float) -> int:
        if older_than_s > 0:
            return 0
        there = list(self.blobs(names))
        self._bucket.each(lambda name: self._bucket.delete(self._path("b", _segment(name))), there)
        return len(there)

    def cassettes(self) -> Iterator[str]:
        self._check_marker()
        for folder in self._bucket.folders(self._path("c")):
            segment = folder.rpartition("/")[2]
            name = _name(segment)
            if name is None:
                found = self._bucket.get(self._path("n", segment))
                if found is None:
                    continue  # removed meanwhile
                name = to_name(self._decode(found[0], _Begin).name)
            yield name

    def remove(self, cassette: str, slots: Sequence[str] | None = None, *, known: str = "") -> int:
        self._check_marker()
        folder, token = self._folder(cassette), secrets.token_hex(8)
        if not self._list(folder):
            if slots is None:
                self._forget_history(cassette)
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
            self._forget_history(cassette)
        held = before.rows
        return len(held) if slots is None else len(held.keys() & set(slots))

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

    def history(self, cassette: str) -> list[bytes]:
        self._check_marker()
        return _lines_of(self._view(self._path("h", _RUNS_LOG)), cassette)

    def add_histories(self, lines: Mapping[str, bytes]) -> None:
        """One object for all of them: the lines of all cassettes are one log, `h/runs`.

        What is there already is read only where it is merged.
        """
        if not lines:
            return
        self._mark()
        folder, token, added = self._path("h", _RUNS_LOG), secrets.token_hex(8), [*lines.items()]
        data = msgspec.msgpack.encode(_lines_entry(token, added))
        for attempt in range(_TRIES):
            listed = self._list(folder)
            if len(listed) >= _MERGED_FROM:
                self._commit(
                    _RUNS_LOG, token, lambda view: _merged_lines(view, token, added), kind="h"
                )
                return
            number = int(listed[-1].path.rpartition("/")[2]) + 1 if listed else 1
            if self._bucket.create(f"{folder}/{number:016d}", data):
                return
            _wait(attempt)
        raise self._busy()

    def rewrite_histories(self, lines: Mapping[str, Mapping[bytes, bytes]]) -> None:
        self._check_marker()
        token = secrets.token_hex(8)

        def change(view: _View) -> _Entry | None:
            return _merged_lines(view, token, rewritten=lines) if view.listed else None

        if any(lines.values()):
            self._commit(_RUNS_LOG, token, change, kind="h")

    def _forget_history(self, cassette: str) -> None:
        token = secrets.token_hex(8)

        def change(view: _View) -> _Entry | None:
            if not _lines_of(view, cassette):
                return None
            return _merged_lines(view, token, without=cassette)

        self._commit(_RUNS_LOG, token, change, kind="h")

    def once(self, token: str) -> bool:
        self._mark()
        path, mine = self._path("once", digest(token)), secrets.token_bytes(8)
        if self._bucket.create(path, mine):
            return True
        found = self._bucket.get(path)  # a repeated request meets what it wrote itself
        return found is not None and found[0] == mine

    def capacity(self) -> Capacity | None:
        return None

    def close(self) -> None:
        self._bucket.close()
        self._memory.drop()

    def _commit(
        self,
        cassette: str,
        token: str,
        change: Callable[[_View], _Entry | None],
        *,
        kind: str = "c",
    ) -> tuple[_View, _Entry | None]:
        """Add what `change` makes of the log to it: the log before, and the entry or None.

        The log is that of the cassette's rows, or of `kind` "h" one that nobody removes.
        """
        folder = self._path(kind, _segment(cassette))
        with self._memory.get().writer(folder):  # own threads need not race each other
            for attempt in range(_TRIES):
                view = self._view(folder)
                entry = change(view)
                if entry is None:
                    return view, None
                first = 1 if view.listed or kind == "h" else self._first(cassette)
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


def _all_lines(view: _View) -> Iterator[tuple[str, bytes]]:
    """Every line of history with the name of its cassette, oldest first; what cannot be read is left out."""
    for entry in view.live:
        for _, packed in entry.rows:
            with suppress(CassetteError, msgspec.MsgspecError, ValueError, RecursionError):
                yield from _lines.decode(unpack(packed))


def _lines_of(view: _View, cassette: str) -> list[bytes]:
    return [line for name, line in _all_lines(view) if name == cassette][-kept_lines(cassette) :]


def _merged_lines(
    view: _View,
    token: str,
    added: Iterable[tuple[str, bytes]] = (),
    without: str | None = None,
    rewritten: Mapping[str, Mapping[bytes, bytes]] = _NO_LINES,
) -> _Entry:
    """One entry for the whole log, and no more lines of a cassette than are kept."""
    kept: dict[str, list[bytes]] = {}
    for name, line in (*_all_lines(view), *added):
        if name != without:
            kept.setdefault(name, []).append(rewritten.get(name, {}).get(line, line))
    lines = [(name, line) for name, some in kept.items() for line in some[-kept_lines(name) :]]
    return _lines_entry(token, lines, tuple(entry.token for entry in view.entries))


def _lines_entry(
    token: str, lines: list[tuple[str, bytes]], replaces: tuple[str, ...] = ()
) -> _Entry:
    """Lines of many cassettes as one row: packed together they take a tenth."""
    return _Entry(token, (("", pack(_encode(lines))),), replaces, bool(replaces))


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

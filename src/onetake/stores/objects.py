"""A shared store in a bucket (S3, Google Cloud Storage, Azure) or, in the same layout, in a folder.

A cassette is a log of immutable objects, `c/<name>/<number>`, each made by a conditional create: who
creates a number has seen all the numbers before it, so every step is atomic without a lock, and a slot
has one owner. An object may replace earlier ones, which it names by their tokens (a new generation of
recordings, a removal, a merge of many small objects); what it names is deleted afterwards, and readers
ignore it while it is still listed. What it does not name stays, so no append is lost to it.
"""

from __future__ import annotations

import os
import random
import re
import secrets
import shutil
import sys
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar
from urllib.parse import parse_qs, quote, unquote, urlsplit

import msgspec
from msgspec import Struct

from onetake.errors import StoreError, UsageError
from onetake.stores.names import digest
from onetake.stores.port import Capacity, Held, Row

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")
_Kind = TypeVar("_Kind")

_MARKER: Final = b"onetake 1"
_SCHEMES: Final = ("s3", "gs", "az", "file")
_REMEDY: Final = "Check the URL, the credentials and that the bucket exists and can be reached."
_MERGED_FROM: Final = 32  # objects; below that a read is one round of parallel gets
_TRIES: Final = 60  # lost races for one number before a store gives up
_PARALLEL: Final = 16
_RUNS_KEPT: Final = 64
_CACHED_BYTES: Final = 32 << 20
_SEGMENT: Final = 120  # characters; file systems allow 255 bytes
_GUARD_S: Final = 10.0  # after that the guard of a local update is of a process that died


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


class _Begin(Struct, frozen=True, array_like=True):
    number: int
    name: bytes


class _Listed(Struct, frozen=True):
    path: str
    tag: str


class _View(Struct, frozen=True):
    """A cassette at one moment."""

    listed: tuple[_Listed, ...]
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


class _Connection:
    """What belongs to one process: obstore, its store, locks, and parsed objects."""

    def __init__(self, open_store: Callable[[Any], Any]) -> None:
        self.pid = os.getpid()
        self.api = _obstore()
        self.store = open_store(self.api)
        self.is_marked = False
        self.is_tried = False  # whether conditional writes are known to work
        self.lock = threading.Lock()
        self.writing: dict[str, threading.Lock] = {}
        self.cached: OrderedDict[_Listed, tuple[_Entry, int]] = OrderedDict()
        self.cached_bytes = 0

    def find(self, one: _Listed) -> _Entry | None:
        with self.lock:
            found = self.cached.get(one)
            if found is not None:
                self.cached.move_to_end(one)
            return found[0] if found else None

    def keep(self, one: _Listed, entry: _Entry, size: int) -> None:
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
        self,
        url: str,
        *,
        namespace: str = "onetake",
        connect_timeout_s: float = 2.0,
        command_timeout_s: float = 5.0,
        retries: int = 2,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _SCHEMES or (parts.scheme != "file" and not parts.hostname):
            raise UsageError(
                f"The store {parts.scheme}:// is not known or names no bucket.",
                remedy="Use s3://bucket/prefix, gs://..., az://... or file:///folder.",
            )
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        host = parts.netloc.rpartition("@")[2]  # a user and password have no meaning here
        self._scheme = parts.scheme
        self._url = f"{parts.scheme}://{host}{parts.path.rstrip('/')}"
        self._endpoint = query.get("endpoint", "")
        self._region = query.get("region", "")
        self._root = query.get("namespace", namespace).strip("/")
        self._connect_timeout = timedelta(seconds=connect_timeout_s)
        self._timeout = timedelta(seconds=command_timeout_s)
        self._retries = retries
        self._current: _Connection | None = None
        self._opening = threading.Lock()
        self._pid = os.getpid()

    @property
    def place(self) -> str:
        return f"{self._url}/{self._root}"

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
        found = self._each(self._get, [self._path("b", _segment(name)) for name in wanted])
        return {name: one[0] for name, one in zip(wanted, found, strict=True) if one is not None}

    def put_blobs(self, blobs: Mapping[str, bytes]) -> None:
        if not blobs:
            return
        self._mark()
        self._each(
            lambda item: self._create(self._path("b", _segment(item[0])), item[1]),
            list(blobs.items()),
        )

    def old_blobs(self, older_than_s: float) -> list[str]:  # noqa: ARG002
        return []  # an object that is put again keeps its date, so nobody can tell

    def remove_blobs(self, names: Sequence[str], older_than_s: float) -> int:  # noqa: ARG002
        return 0

    def cassettes(self) -> Iterator[str]:
        self._check_marker()
        top = self._path("c")
        with self._translated() as at:
            if self._scheme == "file":  # emptied folders stay there
                paths = [one["path"] for one in at.api.list(at.store, top).collect()]
                folders = {path.rpartition("/")[0] for path in paths}
            else:
                folders = set(at.api.list_with_delimiter(at.store, top)["common_prefixes"])
        for folder in sorted(folders):
            segment = folder.rstrip("/").rpartition("/")[2]
            name = _name(segment)
            if name is None:
                found = self._get(self._path("n", segment))
                if found is None:
                    continue  # removed meanwhile
                name = self._decode(found[0], _Begin).name.decode("utf-8", "surrogatepass")
            yield name

    def remove(self, cassette: str, slots: Sequence[str] | None = None, *, known: str = "") -> int:
        self._check_marker()
        folder, token = self._folder(cassette), secrets.token_hex(8)
        if not self._list(folder):
            if slots is None:
                self._delete(self._path("h", _segment(cassette)))
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
            self._delete(self._path("n", _segment(cassette)))
            for one, found in self._entries(self._list(folder)):
                if found is not None and found.token == token:
                    self._delete(one.path)
            self._delete(self._path("h", _segment(cassette)))
        return len(before.rows) - len(entry.rows)

    def claim(self, name: str, holder: str, ttl_s: float) -> bool:
        self._mark()
        path = self._path("claims", digest(name))
        mine = _Claim(secrets.token_hex(8), holder, time.time() + ttl_s)
        data = msgspec.msgpack.encode(mine)
        for _ in range(4):
            found = self._get(path)
            if found is None:
                if self._create(path, data):
                    return True
                continue
            held = self._decode(found[0], _Claim)
            if held.holder != holder and held.until > time.time():
                return False
            if self._update(path, data, found[1]):
                return True
        found = self._get(path)
        return found is not None and self._decode(found[0], _Claim).token == mine.token

    def release(self, name: str, holder: str) -> None:
        self._check_marker()
        path = self._path("claims", digest(name))
        found = self._get(path)
        if found is not None and self._decode(found[0], _Claim).holder == holder:
            # An update, not a delete: a delete could hit who took over a moment ago.
            free = _Claim(secrets.token_hex(8), "", 0.0)
            self._update(path, msgspec.msgpack.encode(free), found[1])

    def history(self, cassette: str) -> list[bytes]:
        self._check_marker()
        found = self._get(self._path("h", _segment(cassette)))
        return [] if found is None else self._decode(found[0], list[bytes])

    def add_history(self, cassette: str, line: bytes, *, kept: int = 20) -> None:
        self._mark()
        path = self._path("h", _segment(cassette))
        for attempt in range(_TRIES):
            found = self._get(path)
            lines = [] if found is None else self._decode(found[0], list[bytes])
            data = msgspec.msgpack.encode([*lines, line][-kept:] if kept > 0 else [])
            done = self._create(path, data) if found is None else self._update(path, data, found[1])
            if done:
                return
            _wait(attempt)
        raise self._busy()

    def once(self, token: str) -> bool:
        self._mark()
        path, mine = self._path("once", digest(token)), secrets.token_bytes(8)
        if self._create(path, mine):
            return True
        found = self._get(path)  # a repeated request meets what it wrote itself
        return found is not None and found[0] == mine

    def capacity(self) -> Capacity | None:
        return None

    def close(self) -> None:
        self._current = None

    def _commit(
        self, cassette: str, token: str, change: Callable[[_View], _Entry | None]
    ) -> tuple[_View, _Entry | None]:
        """Add what `change` makes of the log to it: the log before, and the entry or None."""
        folder = self._folder(cassette)
        with self._connection().writer(folder):  # own threads need not race each other
            for attempt in range(_TRIES):
                view = self._view(folder)
                entry = change(view)
                if entry is None:
                    return view, None
                number = view.last + 1 if view.listed else self._first(cassette)
                path = f"{folder}/{number:016d}"
                won = self._create(path, msgspec.msgpack.encode(entry))
                # A request that obstore repeated is refused by the object that it made at first.
                if won or self._view(folder).has(token):
                    if entry.is_base:
                        self._each(self._delete, [one.path for one in view.listed])
                    return view, entry
                _wait(attempt)
        raise self._busy()

    def _view(self, folder: str, listed: Sequence[_Listed] | None = None) -> _View:
        for attempt in range(_TRIES):
            if listed is None or attempt:
                listed = self._list(folder)
            entries = self._entries(listed)
            if all(entry is not None for _, entry in entries):
                return _View(tuple(listed), tuple(entry for _, entry in entries if entry))
            _wait(attempt)  # merged meanwhile: the list is out of date
        raise self._busy()

    def _entries(self, listed: Sequence[_Listed]) -> list[tuple[_Listed, _Entry | None]]:
        """Each with its entry, None where it is gone."""
        at = self._connection()

        def load(one: _Listed) -> _Entry | None:
            found = self._get(one.path)
            if found is None:
                return None
            entry = self._decode(found[0], _Entry)
            at.keep(one, entry, len(found[0]))
            return entry

        known = {one: at.find(one) for one in listed}
        missing = [one for one, entry in known.items() if entry is None]
        known.update(zip(missing, self._each(load, missing), strict=True))
        return list(known.items())

    def _list(self, folder: str) -> list[_Listed]:
        with self._translated() as at:
            found = at.api.list(at.store, folder).collect()
        # The number is the last part; anything else (a half-written file of LocalStore) is not ours.
        listed = [
            _Listed(one["path"], _tag(one))
            for one in found
            if one["path"].rpartition("/")[2].isdigit()
        ]
        return sorted(listed, key=lambda one: one.path)

    def _get(self, path: str) -> tuple[bytes, str] | None:
        """The object and its tag."""
        with self._translated() as at:
            try:
                found = at.api.get(at.store, path)
                return bytes(found.bytes()), _tag(found.meta)
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise
                return None

    def _create(self, path: str, data: bytes) -> bool:
        """False where it exists already."""
        with self._translated() as at:
            try:
                at.api.put(at.store, path, data, mode="create")
                return True
            except Exception as error:
                if type(error).__name__ in ("AlreadyExistsError", "PreconditionError"):
                    return False
                raise

    def _update(self, path: str, data: bytes, tag: str) -> bool:
        """Replace what has `tag`; False where it is another by now."""
        if self._scheme == "file":
            return self._update_local(path, data, tag)
        with self._translated() as at:
            try:
                # Azure and S3 compare the tag, Google the version; each ignores the other.
                e_tag, _, version = tag.partition("\n")
                mode = {"e_tag": e_tag, "version": version} if version else {"e_tag": e_tag}
                at.api.put(at.store, path, data, mode=mode)
                return True
            except Exception as error:
                name = type(error).__name__
                if name in ("AlreadyExistsError", "PreconditionError", "FileNotFoundError"):
                    return False
                raise

    def _update_local(self, path: str, data: bytes, tag: str) -> bool:
        """The same where the store cannot compare: under a guard that one process can create."""
        guard = f"{path}.guard"
        if not self._create(guard, b""):
            with self._translated() as at, suppress(FileNotFoundError):
                age = datetime.now(UTC) - at.api.head(at.store, guard)["last_modified"]
                if age > timedelta(seconds=_GUARD_S):
                    self._delete(guard)
            return False
        try:
            found = self._get(path)
            if found is None or found[1] != tag:
                return False
            with self._translated() as at:
                at.api.put(at.store, path, data)
            return True
        finally:
            self._delete(guard)

    def _delete(self, path: str) -> None:
        with self._translated() as at, suppress(FileNotFoundError):
            at.api.delete(at.store, path)

    def _each(self, work: Callable[[_Item], _Made], items: Sequence[_Item]) -> list[_Made]:
        if len(items) < 2:
            return [work(item) for item in items]
        with ThreadPoolExecutor(min(_PARALLEL, len(items))) as pool:
            return list(pool.map(work, items))

    def _decode(self, data: bytes, kind: type[_Kind]) -> _Kind:
        try:
            return msgspec.msgpack.decode(data, type=kind)
        except msgspec.MsgspecError:
            raise StoreError(
                f"{self.place} holds an object that onetake did not write.",
                remedy="Use another prefix or namespace, or delete what is there.",
                path=self.place,
            ) from None

    def _check_marker(self) -> bool:
        """Whether the namespace is in use. Raises `StoreError` where it is another's."""
        at = self._connection()
        if at.is_marked:
            return True
        found = self._get(self._path("format"))
        if found is None:
            self._list(self._root)  # a missing bucket looks like a missing object in a head or get
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
        at, path = self._connection(), self._path("format")
        if not self._check_marker():
            self._create(path, _MARKER)
            self._check_marker()
        # Some servers that speak S3 accept a conditional write and overwrite all the same.
        if not at.is_tried and self._create(path, _MARKER):
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
        found = self._get(path)
        while found is None:
            begin = _Begin(time.time_ns() // 1000, cassette.encode("utf-8", "surrogatepass"))
            self._create(path, msgspec.msgpack.encode(begin))
            found = self._get(path)
        return self._decode(found[0], _Begin).number

    def _folder(self, cassette: str) -> str:
        return self._path("c", _segment(cassette))

    def _path(self, *parts: str) -> str:
        return "/".join((self._root, *parts) if self._root else parts)

    def _busy(self) -> StoreError:
        return StoreError(
            f"{self.place} is written by too many at once.",
            remedy="Run again, or record with fewer processes.",
            path=self.place,
        )

    def _connection(self) -> _Connection:
        if self._pid != os.getpid():  # the lock may have been held by a thread that is no more
            self._opening, self._pid = threading.Lock(), os.getpid()
        current = self._current
        if current is None or current.pid != os.getpid():
            with self._opening:
                current = self._current
                if current is None or current.pid != os.getpid():
                    current = self._current = _Connection(self._open)
        return current

    def _open(self, api: Any) -> Any:
        try:
            return self._open_store(api)
        except Exception as error:
            raise self._failure(error) from None

    def _open_store(self, api: Any) -> Any:
        if self._scheme == "file":
            return api._store.LocalStore(unquote(urlsplit(self._url).path) or "/", mkdir=True)
        config: dict[str, Any] = {}
        client: dict[str, Any] = {
            "connect_timeout": self._connect_timeout,
            "timeout": self._timeout,
        }
        if self._endpoint:
            config["endpoint"] = self._endpoint
        if self._scheme == "s3":
            region = self._region or os.environ.get("AWS_REGION", "")
            config["region"] = region or os.environ.get("AWS_DEFAULT_REGION", "") or "us-east-1"
        endpoint = self._endpoint or next(
            (
                os.environ[name]
                for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
                if self._scheme == "s3" and os.environ.get(name)
            ),
            "",
        )
        if endpoint.startswith("http://"):
            client["allow_http"] = True
        retry = {
            "max_retries": self._retries,
            "retry_timeout": self._timeout * (self._retries + 1),
            "backoff": {
                "init_backoff": timedelta(milliseconds=50),
                "max_backoff": timedelta(seconds=1),
                "base": 2,
            },
        }
        return api._store.from_url(
            self._url, config=config or None, client_options=client, retry_config=retry
        )

    @contextmanager
    def _translated(self) -> Iterator[_Connection]:
        """The border at which obstore's errors become `StoreError`."""
        try:
            yield self._connection()
        except (StoreError, UsageError):
            raise
        except Exception as error:
            # Not chained: obstore's text holds signed URLs and what the server says of the key.
            raise self._failure(error) from None

    def _failure(self, error: Exception) -> StoreError:
        return StoreError(
            f"Cannot use {self.place}: {_reason(error)}.", remedy=_REMEDY, path=self.place
        )


_loading = threading.Lock()
_loaded: dict[int, Any] = {}


def _obstore() -> Any:
    """The extension module of obstore, for this process.

    Its runtime's threads are lost in a fork and a call then waits for ever, so a child gets a second
    copy of the library, from another file: the loader knows a library by its file.
    """
    global _loading
    pid = os.getpid()
    if pid in _loaded:
        return _loaded[pid]
    if _loaded:
        _loading = threading.Lock()
    with _loading:
        if pid in _loaded:
            return _loaded[pid]
        try:
            from obstore import _obstore as api
        except ImportError as error:
            raise UsageError(
                "Stores in a bucket need the package obstore.",
                remedy="pip install 'onetake[objects]'",
            ) from error
        made = _copy_of(api) if _loaded else api
        _loaded[pid] = made
        return made


def _copy_of(api: Any) -> Any:
    from importlib.machinery import ExtensionFileLoader
    from importlib.util import module_from_spec, spec_from_loader

    with tempfile.TemporaryDirectory(
        prefix="onetake-", ignore_cleanup_errors=sys.platform == "win32"
    ) as folder:
        file = os.path.join(folder, os.path.basename(api.__file__))
        shutil.copyfile(api.__file__, file)
        loader = ExtensionFileLoader("_obstore", file)
        spec = spec_from_loader("_obstore", loader)
        assert spec is not None
        module = module_from_spec(spec)
        loader.exec_module(module)
        return module


def _base(
    view: _View,
    token: str,
    rows: Mapping[str, bytes],
    runs: tuple[str, ...],
) -> _Entry:
    """One entry for all of `view`."""
    replaces = tuple(entry.token for entry in view.entries)
    return _Entry(token, tuple(rows.items()), replaces, True, runs)


def _reason(error: Exception) -> str:
    """A few words of our own: what obstore says holds URLs, keys and Rust."""
    text = str(error)
    match type(error).__name__:
        case "PermissionDeniedError" | "PermissionError":
            return "access is denied"
        case "UnauthenticatedError":
            return "the credentials are missing or wrong"
        case "FileNotFoundError":
            return "there is no such bucket"
        case "NotImplementedError" | "NotSupportedError":
            return "it does not support conditional writes"
    for sign, reason in (
        ("NoSuchBucket", "there is no such bucket"),
        ("InvalidAccessKeyId", "the credentials are missing or wrong"),
        ("SignatureDoesNotMatch", "the credentials are missing or wrong"),
        ("169.254.169.254", "the credentials are missing"),
        ("token", "the credentials are missing or wrong"),
        ("operation timed out", "it does not answer in time"),
        ("TimedOut", "it does not answer in time"),
        ("error sending request", "it cannot be reached"),
        ("onnect", "it cannot be reached"),
        ("builder error", "the endpoint is not a usable URL (http needs an http:// endpoint)"),
    ):
        if sign in text:
            return reason
    status = re.search(r"\b(?:status|returned)\D{0,30}([45]\d\d)\b", text)
    if status:
        return f"the server answers {status[1]}"
    return f"obstore reports {type(error).__name__}"


def _tag(meta: Any) -> str:
    tag = meta["e_tag"] or f"{meta['last_modified'].isoformat()}-{meta['size']}"
    return f"{tag}\n{meta['version'] or ''}"


def _version(listed: Sequence[_Listed]) -> str:
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
    return None if "~" in segment else unquote(segment, errors="surrogatepass")


def _wait(attempt: int) -> None:
    """Longer after each lost race, at random, so that two do not meet again."""
    time.sleep(random.uniform(0, min(0.005 * 2**attempt, 0.25)))  # noqa: S311

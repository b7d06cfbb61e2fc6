"""One bucket, or a folder in its place, as the object store sees it: the border to obstore.

Bytes under paths, created and replaced on conditions. Everything here may be asked from many threads, and
after a fork. obstore's errors become `StoreError`s, in words of our own: its texts hold signed URLs.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct

from onetake.errors import StoreError, UsageError
from onetake.stores.port import PATIENCE, Patience
from onetake.stores.processes import OfProcess

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")

_SCHEMES: Final = ("s3", "gs", "az", "file")
_REMEDY: Final = "Check the URL, the credentials and that the bucket exists and can be reached."
_ENDPOINTS: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_LOOKS: Final = 100  # at a folder, until two are the same
_PARALLEL: Final = 16
_GUARD_S: Final = 10.0  # after that the guard of a local update is of a process that died


class Listed(Struct, frozen=True):
    """An object that is there; the tag changes with its bytes."""

    path: str
    tag: str


class _Connection(Struct, frozen=True):
    """obstore and its store."""

    api: Any
    store: Any


class Bucket:
    """The bucket at `url`, below the folder that its query or `namespace` says.

    Every method raises `StoreError` where the bucket cannot be reached in bounded time or refuses.
    """

    def __init__(
        self, url: str, *, namespace: str = "onetake", patience: Patience = PATIENCE
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
        self._patience = patience
        self._own = OfProcess(self._opened)

    @property
    def place(self) -> str:
        """The URL without its secrets, for messages."""
        return f"{self._url}/{self._root}"

    @property
    def endpoint(self) -> str:
        """The server, where it is not the provider's own: from the URL, else from the environment."""
        names = _ENDPOINTS if self._scheme == "s3" else ()
        told = (os.environ.get(name, "") for name in names)
        return self._endpoint or next(filter(None, told), "")

    def path(self, *parts: str) -> str:
        """Return the path of an object or a folder in the namespace."""
        return "/".join((self._root, *parts) if self._root else parts)

    def listed(self, folder: str) -> list[Listed]:
        """Return all objects below `folder` by path: one that was there before another went is among them."""
        found = self._listed(folder)
        if self._scheme != "file":
            return found  # in the order of paths: what comes later is never missed for what went before
        # A folder is read in any order: what was made meanwhile may be missed, and what it stands for gone.
        for _ in range(_LOOKS):
            before, found = found, self._listed(folder)
            if found == before:
                break
        return found

    def _listed(self, folder: str) -> list[Listed]:
        with self._translated() as at:
            found = at.api.list(at.store, folder).collect()
        return sorted((Listed(one["path"], _tag(one)) for one in found), key=lambda one: one.path)

    def folders(self, top: str) -> list[str]:
        """The paths of the folders in it that hold objects."""
        with self._translated() as at:
            if self._scheme == "file":  # emptied folders stay there
                paths = [one["path"] for one in at.api.list(at.store, top).collect()]
                folders = {path.rpartition("/")[0] for path in paths}
            else:
                folders = set(at.api.list_with_delimiter(at.store, top)["common_prefixes"])
        return sorted(folder.rstrip("/") for folder in folders)

    def get(self, path: str) -> tuple[bytes, str] | None:
        """The object and its tag."""
        with self._translated() as at:
            try:
                found = at.api.get(at.store, path)
                return bytes(found.bytes()), _tag(found.meta)
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise
                return None

    def create(self, path: str, data: bytes) -> bool:
        """False where it exists already."""
        with self._translated() as at:
            try:
                at.api.put(at.store, path, data, mode="create")
                return True
            except Exception as error:
                if type(error).__name__ in ("AlreadyExistsError", "PreconditionError"):
                    return False
                raise

    def put(self, path: str, data: bytes) -> None:
        """Whatever is there."""
        with self._translated() as at:
            at.api.put(at.store, path, data)

    def update(self, path: str, data: bytes, tag: str) -> bool:
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
        """Update where the store cannot compare: under a guard that one process can create."""
        guard = f"{path}.guard"
        if not self.create(guard, b""):
            with self._translated() as at, suppress(FileNotFoundError):
                age = datetime.now(UTC) - at.api.head(at.store, guard)["last_modified"]
                if age > timedelta(seconds=_GUARD_S):
                    self.delete(guard)
            return False
        try:
            found = self.get(path)
            if found is None or found[1] != tag:
                return False
            self.put(path, data)
            return True
        finally:
            self.delete(guard)

    def delete(self, path: str) -> None:
        """Whether or not it is there."""
        with self._translated() as at, suppress(FileNotFoundError):
            at.api.delete(at.store, path)

    def each(self, work: Callable[[_Item], _Made], items: Sequence[_Item]) -> list[_Made]:
        """What `work` makes of the items, several at a time, in their order."""
        if len(items) < 2:
            return [work(item) for item in items]
        with ThreadPoolExecutor(min(_PARALLEL, len(items))) as pool:
            try:
                under_way = [pool.submit(work, item) for item in items]
            except RuntimeError:  # no thread is begun any more while the interpreter ends
                under_way = []
            if under_way:
                return [one.result() for one in under_way]
        return [work(item) for item in items]

    def close(self) -> None:
        """Give connections back. It may be used again."""
        self._own.drop()

    def _opened(self) -> _Connection:
        api = obstore()
        try:
            return _Connection(api, self._open_store(api))
        except Exception as error:
            raise self._failure(error) from None

    def _open_store(self, api: Any) -> Any:
        if self._scheme == "file":
            return api._store.LocalStore(unquote(urlsplit(self._url).path) or "/", mkdir=True)
        config: dict[str, Any] = {}
        patience, timeout = self._patience, timedelta(seconds=self._patience.command_s)
        client: dict[str, Any] = {
            "connect_timeout": timedelta(seconds=patience.connect_s),
            "timeout": timeout,
        }
        if self._endpoint:
            config["endpoint"] = self._endpoint
        if self._scheme == "s3":
            region = self._region or os.environ.get("AWS_REGION", "")
            config["region"] = region or os.environ.get("AWS_DEFAULT_REGION", "") or "us-east-1"
        if self.endpoint.startswith("http://"):
            client["allow_http"] = True
        retry = {
            "max_retries": patience.retries,
            "retry_timeout": timeout * (patience.retries + 1),
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
            yield self._own.get()
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


def obstore() -> Any:
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

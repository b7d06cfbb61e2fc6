"""From a store's URL to the store: one place that knows them all."""

from __future__ import annotations

import atexit
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from onetake.config import is_local
from onetake.errors import OnetakeError, UsageError
from onetake.stores import history
from onetake.stores.names import digest
from onetake.stores.port import Capacity, Owned, Trouble, capacity_of
from onetake.stores.private import ensure_private
from onetake.stores.rows.encrypted import EncryptedLayers, EncryptedStore, Layers
from onetake.stores.rows.keyring import Keyring, keyring_of
from onetake.stores.rows.layered import LayeredStore
from onetake.stores.rows.sqlite import SqliteStore

if TYPE_CHECKING:
    from onetake.stores.shelf import Shelf

_lock = Lock()
_open: dict[tuple[str, Path, tuple[str, ...]], Owned] = {}


def open_store(url: str, root: Path, encrypt: str = "") -> Owned:
    """The shared store at `url`, one for the process, which is closed when that ends.

    Relative paths resolve from `root`.

    One on another machine comes with a cache and a spool in the project's `.onetake/`. With the setting
    `encrypt` it and these two hold what is written from now on under the key that it names.

    Raises `UsageError` where its extra is not installed, the URL names no place, or there is no key.
    """
    keyring = keyring_of(encrypt) if encrypt else None
    key = url, root, keyring.ids if keyring else ()
    with _lock:
        if key not in _open:
            if not _open:
                atexit.register(
                    close
                )  # after what others send to stores at the end, for they register later
            _open[key] = _made(url, root, keyring)
        return _open[key]


def open_shelf(
    url: str, root: Path, fingerprint: str, encrypt: str = "", *, keeps_vcr: bool = False
) -> Shelf:
    """The store at `url` as a whole; "" is `cassettes/` beside each test module.

    `keeps_vcr` is for files: what is added to vcrpy's cassettes is written as vcrpy would.

    Raises `UsageError` as `open_store` does, and for `memory:`, which ends with its process.
    """
    from onetake.stores.folders import FolderShelf
    from onetake.stores.shelf import RowShelf

    if url == "memory:":
        raise UsageError(
            "What is recorded in memory: is gone with its process.",
            remedy="Name another store: --store URL.",
        )
    if not is_local(url):
        return RowShelf(open_store(url, root, encrypt), fingerprint)
    folder = root / url.removeprefix("files:") if url else None
    return FolderShelf(root, folder, root / ".onetake", keeps_vcr=keeps_vcr)


def close() -> None:
    """Close the connections and threads of every store of this process. It may be used again."""
    with _lock:
        stores = list(_open.values())
    for store in stores:
        with suppress(OnetakeError):
            store.close()


def drain_trouble() -> list[Trouble]:
    """What stores could not do since the last call."""
    with _lock:
        layered = [store for store in _open.values() if isinstance(store, Layers)]
    return [trouble for store in layered if (trouble := store.drain_trouble()) is not None]


def settle() -> dict[str, Capacity]:
    """At the end of a session: send the histories that wait. How full each store is, where it tells."""
    history.send()
    with _lock:
        stores = list(_open.values())
    found: dict[str, Capacity] = {}
    for store in stores:
        with suppress(OnetakeError):
            capacity = capacity_of(store)
            if capacity is not None:
                found[store.place] = capacity
    return found


def _made(url: str, root: Path, keyring: Keyring | None) -> Owned:
    scheme = url.partition(":")[0]
    if scheme == "sqlite":
        alone = SqliteStore(root / url.removeprefix("sqlite:"))
        return alone if keyring is None else EncryptedStore(alone, keyring)
    if scheme in ("redis", "rediss"):
        from onetake.stores.rows.redis_ import RedisStore
        from onetake.stores.rows.redis_server import library

        library()
        return _layered(RedisStore(url), root, keyring)
    from onetake.stores.rows.bucket import obstore
    from onetake.stores.rows.objects import ObjectStore

    obstore()
    store = ObjectStore(url)
    return _layered(store, root, keyring, store.endpoint)


def _layered(
    remote: Owned, root: Path, keyring: Keyring | None, endpoint: str = ""
) -> LayeredStore | EncryptedLayers:
    """`endpoint` tells one bucket from another of the same name."""
    cache = root / ".onetake"
    try:
        ensure_private(cache / "stores", cache)
    except OSError as error:
        raise UsageError(
            f"Cannot keep a cache and a spool in {cache}: {error.strerror or error}.",
            remedy="Make the project's folder writable, and .onetake/ in it no link.",
        ) from error
    name = digest(f"{remote.place} {endpoint}".rstrip(), 8)
    folder, middle = cache / "stores", f".{keyring.ids[0]}" if keyring else ""
    near = folder / f"{name}{middle}.cache.sqlite"
    if keyring:
        _forget_caches(folder, name, near)
    layered = LayeredStore(
        remote,
        SqliteStore(near, is_cache=True),
        SqliteStore(folder / f"{name}.spool.sqlite"),
    )
    return EncryptedLayers(layered, keyring) if keyring else layered


def _forget_caches(folder: Path, name: str, own: Path) -> None:
    """Remove caches in plain and under earlier keys: they would be readable for longer than the store."""
    for path in folder.glob(f"{name}*.cache.sqlite*"):
        if not path.name.startswith(own.name):
            with suppress(OSError):  # in use, on some systems: the next opening finds it
                path.unlink()

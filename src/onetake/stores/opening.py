"""From a store's URL to the store: one place that knows them all."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from onetake.stores.port import RowStore

_lock = Lock()
_open: dict[tuple[str, Path], RowStore] = {}


def open_store(url: str, root: Path) -> RowStore:
    """The shared store at `url`, one for the process; relative paths resolve from `root`.

    Raises `UsageError` where its extra is not installed or the URL names no place.
    """
    with _lock:
        if (url, root) not in _open:
            _open[url, root] = _made(url, root)
        return _open[url, root]


def close_stores() -> None:
    """Give the connections of every store back."""
    with _lock:
        for store in _open.values():
            store.close()


def _made(url: str, root: Path) -> RowStore:
    scheme = url.partition(":")[0]
    if scheme == "sqlite":
        from onetake.stores.sqlite import SqliteStore

        return SqliteStore(root / url.removeprefix("sqlite:"))
    if scheme in ("redis", "rediss"):
        from onetake.stores.redis_ import RedisStore

        return RedisStore(url)
    from onetake.stores.objects import ObjectStore

    return ObjectStore(url)

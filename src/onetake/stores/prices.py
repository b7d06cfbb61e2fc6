"""What `genai-prices` has said today, in the project's cache directory.

Loading the package takes a quarter of a second and brings an HTTP client with it. So what it says of a
model is asked once a day, and once for each version of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import metadata
from pathlib import Path

import msgspec
from msgspec import Struct

from onetake.spend import Said, learn, said
from onetake.stores.placing import put_in_place
from onetake.stores.private import ensure_cache, read_private

_PACKAGE = "genai-prices"
_DAY_S = 86_400
_now = time.time  # bound early: fake clocks do not reach us


class _Kept(Struct):
    version: str
    day: int
    said: list[Said]


def load(cache: Path) -> int:
    """Take what the package has said today, to whichever process; how much that was. Never raises."""
    now = _of_now()
    with suppress(OSError, msgspec.MsgspecError, ValueError, RecursionError):
        kept = msgspec.json.decode(read_private(_place(cache)), type=_Kept)
        if now is not None and (kept.version, kept.day) == (now.version, now.day):
            learn(kept.said)
            return len(kept.said)
    return 0


@contextmanager
def remembered(cache: Path) -> Iterator[None]:
    """Inside, prices of today are those that the package has said; what it is newly asked is kept.

    Never an error: without the package, or a folder to write to, nothing is kept.
    """
    before = load(cache)
    yield
    now = _of_now()
    if now is not None and len(said()) > before:
        now.said = said()
        with suppress(OSError):
            ensure_cache(cache)
            put_in_place(_place(cache), msgspec.json.encode(now), is_private=True)


def _place(cache: Path) -> Path:
    return cache / "prices.json"


def _of_now() -> _Kept | None:
    """None where the package is not there."""
    version = _version()
    return None if version is None else _Kept(version, int(_now()) // _DAY_S, [])


@cache
def _version() -> str | None:
    with suppress(metadata.PackageNotFoundError):
        return metadata.version(_PACKAGE)
    return None

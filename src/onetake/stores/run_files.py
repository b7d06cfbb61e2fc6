"""Files in the project's cache directory: one for each run, of lines that any process of the run appends to."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from onetake.stores.placing import put_in_place
from onetake.stores.private import ensure_cache, open_private

_T = TypeVar("_T")


def append_private(path: Path, data: bytes, flags: int = 0) -> None:
    """Append `data` to a private file. Raises OSError, also where only a part of it could be written."""
    fd = open_private(path, os.O_WRONLY | os.O_APPEND | flags)
    try:
        written = os.write(fd, data)
    finally:
        os.close(fd)
    if written < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def readable(lines: Iterable[bytes], decode: Callable[[bytes], _T]) -> Iterator[_T]:
    """Give what `decode` makes of each line; a line that cannot be read, such as a torn one, is left out."""
    for line in lines:
        with suppress(msgspec.MsgspecError, ValueError, RecursionError):
            yield decode(line)


def put_of_run(cache: Path, folder: str, name: str, text: bytes, kept: int) -> None:
    """Keep `text` as the file `name` of a run, whole or not at all, and the newest `kept` of all runs.

    Raises OSError.
    """
    ensure_cache(cache)
    path = cache / folder / name
    if path.exists():  # another pytest of the same run
        path = path.with_stem(f"{path.stem}-{os.getpid()}")
    put_in_place(path, text, is_private=True)
    forget_older(path.parent, kept, path.suffix)


def newest_first(folder: Path, ending: str = ".jsonl") -> list[Path]:
    """Return the files of runs in `folder` that have this ending."""
    found: list[tuple[float, Path]] = []
    for path in folder.glob(f"[!.]*{ending}"):
        with suppress(OSError):
            found.append((path.stat().st_mtime, path))
    return [path for _, path in sorted(found, reverse=True)]


def forget_older(folder: Path, kept: int, ending: str = ".jsonl") -> None:
    """Remove all but the newest `kept` files of runs in `folder`. Raises OSError."""
    for old in newest_first(folder, ending)[kept:]:
        old.unlink(missing_ok=True)

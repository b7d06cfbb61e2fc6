"""Every call of a worker process that is counted, written down as it is made: what would be lost if it died.

A process that dies cannot tell what it has paid. Lines are small and go out in one write each, so that a
kill leaves whole lines; they are read once, and only of a process that has died.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import msgspec
from msgspec import Struct

from onetake.runtime.secrets import safe_bytes
from onetake.stores.private import ensure_private, open_private, read_private
from onetake.stores.run_files import readable
from onetake.wire.late import late_decoder


class Line(Struct, frozen=True, array_like=True):
    """A call of `test`, in the account with this `number`; one that changes takes back what it `was`.

    `host` is set where it went live.
    """

    number: int
    test: str
    is_marked: bool
    outcome: str
    was: str = ""
    host: str = ""


_OF_CHILD = "-child-"
_LONGEST_S = 2 * 86_400  # a run lasts
_encode = msgspec.json.Encoder().encode
_lines = late_decoder(Line)


def place(cache: Path, run: str) -> Path:
    """The folder of a run's diaries (`run` is pytest-xdist's id), in the project's cache directory."""
    return cache / "diaries" / run


class _Diary:
    """The diary of this process; its file comes into being with the first line.

    A process whose account is sure to be told `is_kept` out; its forked children are not, as nobody hears
    of them: each has a diary of its own.
    """

    def __init__(self, cache: Path, run: str, name: str, *, is_kept: bool) -> None:
        self._cache = cache
        self._folder = place(cache, run)
        self._name = name
        self._fd: int | None = None
        self._pid = os.getpid()
        self._is_kept = is_kept

    @property
    def is_kept(self) -> bool:
        """Whether this process, which may be a new child, is to write into it."""
        if (pid := os.getpid()) != self._pid:
            self._pid, self._fd, self._is_kept = pid, None, True
            self._name = f"{self._name}{_OF_CHILD}{pid}"
        return self._is_kept

    def add(self, line: Line) -> None:
        """Thread-safe; trouble with a diary is nobody's."""
        with suppress(OSError, ValueError):  # a name that JSON cannot hold
            if self._fd is None:
                _drop_old(self._cache)
                ensure_private(self._folder, self._cache)
                path = self._folder / f"{self._name}.jsonl"
                self._fd = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.write(self._fd, _safe_bytes(_encode(line)) + b"\n")


@lru_cache(maxsize=256)
def _safe_bytes(line: bytes) -> bytes:
    """Once for all equal calls of a test: looking for secrets takes longer than all else here."""
    return safe_bytes(line)


_diary: _Diary | None = None


def begin(cache: Path, run: str, name: str, *, is_kept: bool) -> None:
    """From now on keep the diary of this process, or only those of its forked children."""
    global _diary
    _diary = _Diary(cache, run, name, is_kept=is_kept)


def current() -> _Diary | None:
    """The diary of this process, where one is kept."""
    return _diary if _diary is not None and _diary.is_kept else None


def names(cache: Path, run: str) -> list[str]:
    """Whose diaries there are."""
    return sorted(path.stem for path in place(cache, run).glob("*.jsonl"))


def is_of_child(name: str) -> bool:
    return _OF_CHILD in name


def read(cache: Path, run: str, name: str) -> Iterator[Line]:
    """The lines of one process, in order; none where it has no diary."""
    try:
        text = read_private(place(cache, run) / f"{name}.jsonl")
    except OSError:
        return
    yield from readable(text.split(b"\n"), _lines.decode)


def _drop_old(cache: Path) -> None:
    """Drop the diaries of runs that were killed before they could do so."""
    for folder in (cache / "diaries").glob("*"):
        if time.time() - folder.stat().st_mtime > _LONGEST_S:
            drop(cache, folder.name)


def drop(cache: Path, run: str) -> None:
    """Remove all diaries of a run that is over."""
    folder = place(cache, run)
    with suppress(OSError):
        for path in folder.iterdir():
            path.unlink(missing_ok=True)
        folder.rmdir()
        folder.parent.rmdir()  # if no other run is under way

"""Every call of a worker process, written down as it is made: what would be lost if it died.

A process that dies cannot tell what it has paid. Lines are small and go out in one write each, so that a
kill leaves whole lines; they are read once, and only of a process that has died.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from onetake.runtime.secrets import safe_bytes


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


_encode = msgspec.json.Encoder().encode
_lines = msgspec.json.Decoder(Line)


def place(cache: Path, run_id: str) -> Path:
    """The folder of a run's diaries, in the project's cache directory."""
    return cache / "diaries" / run_id


class _Diary:
    """That of this process; its file comes into being with the first line."""

    def __init__(self, cache: Path, run_id: str, worker: str) -> None:
        self._cache = cache
        self._path = place(cache, run_id) / f"{worker}.jsonl"
        self._fd: int | None = None
        self._pid = os.getpid()

    def add(self, line: Line) -> None:
        """Thread-safe; trouble with a diary is nobody's. A forked child has none."""
        if self._pid != os.getpid():
            return
        with suppress(OSError):
            if self._fd is None:
                from onetake.stores.journal import ensure_cache

                ensure_cache(self._cache)
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.write(self._fd, safe_bytes(_encode(line)) + b"\n")


_diary: _Diary | None = None


def begin(cache: Path, run_id: str, worker: str) -> None:
    """From now on keep the diary of this process."""
    global _diary
    _diary = _Diary(cache, run_id, worker)


def current() -> _Diary | None:
    """The diary of this process, where one is kept."""
    return _diary


def read(cache: Path, run_id: str, worker: str) -> Iterator[Line]:
    """The lines of one worker, in order; none where it has no diary."""
    try:
        text = (place(cache, run_id) / f"{worker}.jsonl").read_bytes()
    except OSError:
        return
    for line in text.split(b"\n"):
        with suppress(msgspec.MsgspecError, ValueError):
            yield _lines.decode(line)


def drop(cache: Path, run_id: str) -> None:
    """Remove all diaries of a run that is over."""
    folder = place(cache, run_id)
    with suppress(OSError):
        for path in folder.iterdir():
            path.unlink(missing_ok=True)
        folder.rmdir()
        folder.parent.rmdir()  # if no other run is under way

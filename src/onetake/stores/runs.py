"""What each run could not replay, and why: a line for each event, in the project's cache directory.

`onetake explain` reads the last one. Every process of a run appends to one file; it is a diary, so
trouble with it is never the test's.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from onetake.runtime.secrets import safe_bytes
from onetake.stores import run_files
from onetake.stores.private import ensure_private, read_private

if TYPE_CHECKING:
    from onetake.diagnosis import Event

_FORMAT = 1
_KEPT = 20  # runs
_LONGEST = 200


class RunHead(Struct, frozen=True):
    """The first line of a run: `at` in UTC seconds, `command` without the values of options."""

    run: int
    at: int
    command: str


class Run(Struct, frozen=True):
    """A run and what it could not replay."""

    head: RunHead
    events: tuple[Event, ...]


class RunRecord:
    """The record of the run `run_id`."""

    def __init__(self, cache: Path, run_id: str) -> None:
        self._cache = cache
        self._path = cache / "runs" / f"{run_id}.jsonl"
        self._is_known = False  # nothing is left to do for openings without events

    def add(self, events: Sequence[Event]) -> None:
        """Append `events`. A run without any replaces an older one as the last, and makes no folder."""
        if not events and (self._is_known or not self._path.parent.is_dir()):
            self._is_known = True
            return
        lines = b"".join(msgspec.json.encode(event) + b"\n" for event in events)
        with suppress(OSError):
            self._begin()
            self._is_known = True
            run_files.append_private(self._path, safe_bytes(lines))

    def _begin(self) -> None:
        """Make the file with its head, if no process of the run has. Raises OSError."""
        if self._path.exists():
            return
        ensure_private(self._path.parent, self._cache)
        head = RunHead(_FORMAT, int(time.time()), _command(sys.argv))
        unnamed = self._path.with_suffix(f".{secrets.token_hex(4)}")
        flags = os.O_CREAT | os.O_EXCL
        run_files.append_private(unnamed, safe_bytes(msgspec.json.encode(head)) + b"\n", flags)
        try:
            with suppress(FileExistsError):
                os.link(unnamed, self._path)
        finally:
            unnamed.unlink()
        run_files.forget_older(self._path.parent, _KEPT)


def last_run(cache: Path) -> Run | None:
    """The newest run in the record; None where there is none. Lines that cannot be read are left out."""
    for path in run_files.newest_first(cache / "runs"):
        try:
            lines = read_private(path).split(b"\n")
            head = msgspec.json.decode(lines[0], type=RunHead)
        except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
            continue
        return Run(head, tuple(run_files.readable(lines[1:], _events().decode)))
    return None


@cache
def _events() -> msgspec.json.Decoder[Event]:
    from onetake.diagnosis import Event  # late: few runs look at the ones before

    return msgspec.json.Decoder(Event)


def _command(arguments: Sequence[str]) -> str:
    """The program, the names of its options, and the files that it was given: values may be secret."""
    words = [os.path.basename(arguments[0])] if arguments else []
    for text in arguments[1:]:
        if text.startswith("-"):
            words.append(text.partition("=")[0][:_LONGEST])
        elif len(text) < _LONGEST and os.path.exists(text.partition("::")[0]):
            words.append(os.path.basename(text) if os.path.isabs(text) else text)
    return " ".join(words)

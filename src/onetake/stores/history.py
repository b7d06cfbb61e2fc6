"""What runs did with cassettes, on its way to shared stores: merged per cassette, sent together.

No test waits for statistics: lines are kept in the process and go out in one batch when it ends. A crash
loses them, and nothing else.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterable
from contextlib import suppress
from threading import Lock

import msgspec

from onetake.cassettes.growth import RunLine, merged
from onetake.errors import StoreError
from onetake.stores.port import RowStore

_lines = msgspec.json.Decoder(RunLine)


class _Waiting:
    """The lines that wait in one process, by store and cassette."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.lock = Lock()
        self.lines: dict[RowStore, dict[str, RunLine]] = {}


_waiting = _Waiting()


def _own() -> _Waiting:
    """A forked child starts with none: its parent sends those of before."""
    global _waiting
    if _waiting.pid != os.getpid():
        _waiting = _Waiting()
    return _waiting


def add(store: RowStore, cassette: str, line: RunLine) -> None:
    """Send `line` when this process ends, or with the next `send`."""
    own = _own()
    with own.lock:
        if not own.lines:
            atexit.register(send)
        lines = own.lines.setdefault(store, {})
        lines[cassette] = merged(lines[cassette], line) if cassette in lines else line


def send() -> None:
    """Bring all lines to their stores. Never an error: a store that is down does not get them."""
    atexit.unregister(send)
    own = _own()
    with own.lock:
        waiting, own.lines = own.lines, {}
    for store, lines in waiting.items():
        with suppress(StoreError):
            store.add_histories({name: encode(line) for name, line in lines.items()})


def encode(line: RunLine) -> bytes:
    return msgspec.json.encode(line)


def decode(lines: Iterable[bytes]) -> list[RunLine]:
    """Those that can be read, in order."""
    found: list[RunLine] = []
    for line in lines:
        with suppress(msgspec.MsgspecError, ValueError, RecursionError):
            found.append(_lines.decode(line))
    return found

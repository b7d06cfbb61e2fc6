"""What runs did with cassettes, on its way to shared stores: merged per cassette, sent together.

No test waits for statistics: lines are kept in the process and go out in one batch when it ends. A crash
loses them, and nothing else.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterable
from contextlib import suppress
from threading import Lock

import msgspec

from onetake.cassettes.growth import RunLine, merged
from onetake.errors import StoreError
from onetake.stores.port import RowStore
from onetake.stores.processes import OfProcess
from onetake.stores.run_files import readable
from onetake.wire.late import late_decoder

_lines = late_decoder(RunLine)


class _Waiting:
    """The lines that wait in one process, by store and cassette."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.lines: dict[RowStore, dict[str, RunLine]] = {}


_waiting = OfProcess(_Waiting)  # a forked child starts with none: its parent sends those of before


def add(store: RowStore, cassette: str, line: RunLine) -> None:
    """Send `line` when this process ends, or with the next `send`."""
    own = _waiting.get()
    with own.lock:
        if not own.lines:
            atexit.register(send)
        lines = own.lines.setdefault(store, {})
        lines[cassette] = merged(lines[cassette], line) if cassette in lines else line


def send() -> None:
    """Bring all lines to their stores. Never an error: a store that is down does not get them."""
    atexit.unregister(send)
    own = _waiting.get()
    with own.lock:
        waiting, own.lines = own.lines, {}
    for store, lines in waiting.items():
        with suppress(StoreError):
            store.add_histories({name: encode(line) for name, line in lines.items()})


def encode(line: RunLine) -> bytes:
    return msgspec.json.encode(line)


def decode(lines: Iterable[bytes]) -> list[RunLine]:
    """Return the lines that can be read, in order."""
    return list(readable(lines, _lines.decode))

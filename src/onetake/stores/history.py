"""What runs did with cassettes: rows of `LINES`, each with the lines of one process, packed together.

No test waits for statistics: lines are kept in the process and go out in one row when it ends. A crash loses
them, and nothing else. Once there are many rows, the process that finds them puts them together in the oldest.
Until it has taken the others away a line may be there twice; it is known by its row of origin and its cassette.
"""

from __future__ import annotations

import atexit
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from threading import Lock

import msgspec

from onetake.cassettes.growth import RunLine, merged
from onetake.errors import CassetteError, StoreError
from onetake.formats.packing import pack, unpack
from onetake.stores.port import KEPT_LINES, LINES, Row, RowStore
from onetake.stores.processes import OfProcess
from onetake.stores.run_files import readable
from onetake.wire.late import late_decoder

RUNS = "!runs"
"""The name of a history that is no cassette's: what runs came to, as `stores.tallies` keeps it."""

_KEPT_RUNS = 100
_MERGED_FROM = 64  # rows

_Line = tuple[str, str, bytes]  # its row of origin, its cassette, and what it says

_lines = late_decoder(RunLine)
_rows = msgspec.msgpack.Decoder(list[_Line])


def write(store: RowStore, lines: Mapping[str, bytes]) -> None:
    """Add to the history of each cassette the line of a run. Raises `StoreError`."""
    if not lines:
        return
    origin = _new_origin()
    row = _to_row(origin, [(origin, name, line) for name, line in lines.items()])
    if store.append(LINES, [row]) and sum(1 for _ in store.names(LINES)) >= _MERGED_FROM:
        with suppress(CassetteError, StoreError):  # the line is there, whatever comes of the others
            _merge(store)


def read(store: RowStore, cassette: str) -> list[bytes]:
    """Return the last lines of a cassette's history, oldest first. Raises `StoreError`."""
    kept = _kept(line for _, lines in _read(store) for line in lines)
    return [line for _, line in kept.get(cassette, ())]


def forget(store: RowStore, cassette: str) -> None:
    """Begin a cassette's history anew, as the cassette is gone: an empty line ends what was before it."""
    origin = _new_origin()
    store.append(LINES, [_to_row(origin, [(origin, cassette, b"")])])


def _new_origin() -> str:
    """Return the name of a new row; names are in the order of time."""
    return f"{time.time_ns():016x}.{secrets.token_hex(4)}"


def _to_row(slot: str, lines: list[_Line]) -> Row:
    return Row(slot, pack(msgspec.msgpack.encode(lines)))


def _read(store: RowStore) -> Iterator[tuple[str, list[_Line]]]:
    """Give each row that can be read, with its lines."""
    try:
        rows: Iterable[Row] = store.read(LINES).rows
    except (CassetteError, StoreError):  # a key that is not there any more, or no store
        rows = _one_by_one(store)
    return _decoded(rows)


def _decoded(rows: Iterable[Row]) -> Iterator[tuple[str, list[_Line]]]:
    for row in rows:
        with suppress(CassetteError, StoreError, msgspec.MsgspecError, ValueError, RecursionError):
            yield row.slot, _rows.decode(unpack(row.data))


def _one_by_one(store: RowStore) -> Iterator[Row]:
    for slot in list(store.names(LINES)):
        with suppress(CassetteError, StoreError):
            yield from store.read(LINES, slots=[slot]).rows


def _kept(lines: Iterable[_Line]) -> dict[str, list[tuple[str, bytes]]]:
    """Return the lines of each cassette that are kept, oldest first, with their origins."""
    by_origin = {(origin, name): line for origin, name, line in lines}
    kept: dict[str, list[tuple[str, bytes]]] = {}
    for (origin, name), line in sorted(by_origin.items()):
        own = kept.setdefault(name, [])
        if line:
            own.append((origin, line))
            del own[: -(_KEPT_RUNS if name == RUNS else KEPT_LINES)]
        else:
            own.clear()
    return kept


def _merge(store: RowStore) -> None:
    """Put all rows that can be read into the oldest; whoever is slower than another leaves it to them."""
    held = store.read(LINES, slots=())
    rows = sorted(_read(store))
    if len(rows) < 2:
        return
    kept = _kept(line for _, lines in rows for line in lines)
    lines = [(origin, name, line) for name, own in kept.items() for origin, line in own]
    oldest, *others = [slot for slot, _ in rows]
    if store.rewrite(LINES, [_to_row(oldest, lines)], known=held.version):
        store.remove(LINES, others)


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
        with suppress(StoreError, CassetteError, ValueError):  # a name that UTF-8 cannot hold
            write(store, {name: encode(line) for name, line in lines.items()})


def encode(line: RunLine) -> bytes:
    return msgspec.json.encode(line)


def decode(lines: Iterable[bytes]) -> list[RunLine]:
    """Return the lines that can be read, in order."""
    return list(readable(lines, _lines.decode))

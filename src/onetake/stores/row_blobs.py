"""Large bodies in a store of rows: each a row of `BLOBS`, beside it a mark for each day on which it was put.

A blob that is there already is not written again, but whoever puts it is about to name it, or has a recording
in a spool that does. The marks tell that it is in use before any recording in the store does.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence

from onetake.formats.packing import pack
from onetake.stores.port import BLOBS, Row, RowStore

_DAY_S = 86_400.0
_AGE_DAYS = 30  # so long may recordings wait in a spool whose blobs are there already


def put(store: RowStore, blobs: Mapping[str, bytes]) -> None:
    """Keep `blobs` under their names, before the recordings that name them. Raises `StoreError`."""
    if blobs:
        store.append(BLOBS, marked([Row(name, pack(data)) for name, data in blobs.items()]))


def marked(rows: Iterable[Row]) -> list[Row]:
    """Return the blobs among `rows` as they are put today."""
    today, blobs = _today(), [row for row in rows if "." not in row.slot]
    return [*blobs, *(Row(f"{row.slot}.{today}", b"") for row in blobs)]


def packed(store: RowStore, names: Collection[str]) -> dict[str, bytes]:
    """Return those of `names` that are there, as they lie there, in one batch."""
    return {row.slot: row.data for row in store.read(BLOBS, slots=names).rows}


def old(store: RowStore) -> tuple[str, dict[str, list[str]]]:
    """Return the version of the blobs, and of each that nobody has put for 30 days the names of its rows.

    None is old where the store tells no version: nobody could take it away without losing what is put then.
    """
    version = store.read(BLOBS, slots=()).version
    latest = _today() - _AGE_DAYS
    rows: dict[str, list[str]] = {}
    days: dict[str, int] = {}
    for slot in store.names(BLOBS) if version else ():
        name, _, day = slot.partition(".")
        rows.setdefault(name, []).append(slot)
        days[name] = max(days.get(name, 0), int(day) if day.isdecimal() else 0)
    return version, {name: own for name, own in rows.items() if days[name] <= latest}


def remove(store: RowStore, names: Sequence[str]) -> None:
    """Take blobs away, whenever they were put."""
    if names:
        wanted = set(names)
        slots = [slot for slot in store.names(BLOBS) if slot.partition(".")[0] in wanted]
        store.remove(BLOBS, slots)


def _today() -> int:
    return int(time.time() // _DAY_S)

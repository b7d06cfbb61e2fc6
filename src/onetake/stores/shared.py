"""Cassettes in a shared store: interactions as rows, merged by the store itself.

One idea: a row's name is its slot, so that the store, which gives a name away once, decides who filled
it first, whoever writes at the same moment on whichever machine. The key in the name is a cache under
the fingerprint of the matching settings: read with other settings, it is computed anew.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import count, islice

import msgspec
from msgspec import Raw, Struct

from onetake.cassettes.fold import Take
from onetake.cassettes.session import Slot
from onetake.errors import CassetteError
from onetake.formats.blobs import blob_name
from onetake.formats.document import Stored, encode_entry
from onetake.formats.packing import pack, unpack
from onetake.messages import Request
from onetake.stores.names import digest
from onetake.stores.port import Opened, Published, Row, RowStore

_FORMAT = 1


class _Packed(Struct, array_like=True):
    """What a row holds, before it is compressed. `order` puts rows as they were published and sent."""

    format: int
    order: tuple[int, int]
    fingerprint: str
    entry: bytes


_rows = msgspec.msgpack.Decoder(_Packed)


class SharedCassette:
    """The cassette `name` of the store."""

    def __init__(self, store: RowStore, name: str, *, fingerprint: str) -> None:
        """`fingerprint` is that of the keys which `publish` is given."""
        self._store = store
        self._name = name
        self._fingerprint = _short(fingerprint)
        self.place = f"{store.place}#{name}"
        self.path = None
        self.id = digest(self.place, 10)
        self._blobs: dict[str, bytes] = {}
        self._numbers: dict[bytes, list[int]] = {}  # of the rows of each key, as they were read

    def load(self, key: Callable[[Request], bytes], fingerprint: str) -> Opened:
        wanted = _short(fingerprint)
        found: list[tuple[int, tuple[int, int], str, Stored, bytes]] = []
        for row in self._store.read(self._name).rows:
            packed = self._unpacked(row)
            stored = Stored(Raw(packed.entry), (self.place, len(found)), self._blob)
            key_hex, _, n = row.slot.partition(".")
            known = bytes.fromhex(key_hex) if wanted and packed.fingerprint == wanted else b""
            found.append((int(n), packed.order, row.slot, stored, known))
        found.sort(key=lambda one: (one[1], one[0], one[2]))
        keys = tuple(one[4] or key(one[3].request) for one in found)
        self._numbers = defaultdict(list)
        for its_key, one in zip(keys, found, strict=True):
            self._numbers[its_key].append(one[0])
        return Opened(tuple(one[3] for one in found), keys, tuple(one[2] for one in found))

    def publish(
        self,
        takes: Sequence[Take],
        key: Callable[[Request], bytes],  # noqa: ARG002  # the slots have their keys
        *,
        replacing_run: str | None,
    ) -> Published:
        now = time.time_ns()
        blobs: dict[str, bytes] = {}
        rows: list[Row] = []
        for number, take in enumerate(takes):
            entry = encode_entry(take.interaction, blobs)
            packed = _Packed(_FORMAT, (now, number), self._fingerprint, entry)
            data = pack(msgspec.msgpack.encode(packed))
            rows.append(Row(f"{take.slot.key.hex()}.{self._number(take.slot)}", data))
        if blobs:  # before the rows that name them
            self._store.put_blobs({name: pack(data) for name, data in blobs.items()})
        added = self._store.append(self._name, rows, replacing_run=replacing_run)
        return Published(len(added), len(rows) - len(added))

    def _number(self, slot: Slot) -> int:
        """The number in the row's name: the slot's own, as long as no row was ever taken away.

        Where some were, it is that of the recording in this place, or the next that none has; whoever
        has read the same rows comes to the same number.
        """
        held = self._numbers.get(slot.key, [])
        if slot.n < len(held):
            return held[slot.n]
        free = (n for n in count() if n not in held)
        return next(islice(free, slot.n - len(held), None))

    def _unpacked(self, row: Row) -> _Packed:
        try:
            packed = _rows.decode(unpack(row.data))
            bytes.fromhex(row.slot.partition(".")[0])
            int(row.slot.partition(".")[2])
        except (msgspec.MsgspecError, ValueError, CassetteError) as error:
            raise CassetteError(
                f"A recording of {self.place} cannot be read: {error}.",
                remedy="Remove it from the store and record anew, or update onetake.",
                path=self.place,
            ) from error
        if packed.format != _FORMAT:
            raise CassetteError(
                f"A recording of {self.place} has the format {packed.format}, newer than {_FORMAT}.",
                remedy="Update onetake.",
                path=self.place,
            )
        return packed

    def _blob(self, name: str) -> bytes:
        if name not in self._blobs:
            packed = self._store.blobs([name]).get(name)
            data = b"" if packed is None else unpack(packed)
            if packed is None or blob_name(data) != name:
                raise CassetteError(
                    f"{self.place} needs the blob {name}, which is missing there or broken.",
                    remedy="Record anew.",
                    path=self.place,
                )
            self._blobs[name] = data
        return self._blobs[name]


def _short(fingerprint: str) -> str:
    """Long enough that two settings never share one."""
    return digest(fingerprint, 8) if fingerprint else ""

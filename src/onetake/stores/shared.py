"""Cassettes in a shared store: interactions as rows, merged by the store itself.

One idea: a row's name is its slot, so that the store, which gives a name away once, decides who filled
it first, whoever writes at the same moment on whichever machine. The key in the name is a cache under
the fingerprint of the matching settings: read with other settings, it is computed anew.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import msgspec
from msgspec import Raw, Struct

from onetake.cassettes.fold import FIRST_OF_CHILDREN, Take
from onetake.errors import CassetteError
from onetake.formats.blobs import blob_name
from onetake.formats.document import Stored, encode_entry
from onetake.formats.packing import pack, unpack
from onetake.messages import Request
from onetake.stores.names import digest
from onetake.stores.port import Opened, Published, Row, RowStore

_FORMAT = 1


class _Versioned(Struct, array_like=True):
    """What a row begins with in every format."""

    format: int


class _Packed(_Versioned, array_like=True):
    """What a row holds, before it is compressed. `order` puts rows as they were published and sent."""

    order: tuple[int, int]
    fingerprint: str
    entry: bytes


_versions = msgspec.msgpack.Decoder(_Versioned)
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

    def load(self, key: Callable[[Request], bytes], fingerprint: str) -> Opened:
        wanted = _short(fingerprint)
        queues: dict[bytes, list[tuple[int, tuple[int, int], Stored]]] = defaultdict(list)
        for number, row in enumerate(self._store.read(self._name).rows):
            packed = self._unpacked(row)
            stored = Stored(Raw(packed.entry), (self.place, number), self._blob)
            key_hex, _, n = row.slot.partition(".")
            is_known = bool(wanted) and packed.fingerprint == wanted
            made = bytes.fromhex(key_hex) if is_known else key(stored.request)
            # The place that it had under another key says nothing.
            queues[made].append((int(n) if is_known else 0, packed.order, stored))
        found = [
            (order, place, made, stored)
            for made, queue in queues.items()
            for place, (order, stored) in enumerate(_in_order(queue))
        ]
        found.sort(key=lambda one: one[:3])
        return Opened(tuple(one[3] for one in found), tuple(one[2] for one in found))

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
            rows.append(Row(f"{take.slot.key.hex()}.{take.slot.n}", data))
        if blobs:  # before the rows that name them
            self._store.put_blobs({name: pack(data) for name, data in blobs.items()})
        added = self._store.append(self._name, rows, replacing_run=replacing_run)
        return Published(len(added), len(rows) - len(added))

    def _unpacked(self, row: Row) -> _Packed:
        try:
            data = unpack(row.data)
            version = _versions.decode(data).format
            if version == _FORMAT:
                bytes.fromhex(row.slot.partition(".")[0])
                int(row.slot.partition(".")[2])
                return _rows.decode(data)
        except (msgspec.MsgspecError, ValueError, CassetteError) as error:
            raise CassetteError(
                f"A recording of {self.place} cannot be read: {error}.",
                remedy="Remove it from the store and record anew, or update onetake.",
                path=self.place,
            ) from error
        raise CassetteError(
            f"A recording of {self.place} has the format {version}, newer than {_FORMAT}.",
            remedy="Update onetake.",
            path=self.place,
        )

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


def _in_order(
    queue: list[tuple[int, tuple[int, int], Stored]],
) -> Iterator[tuple[tuple[int, int], Stored]]:
    """The equal requests of a cassette as they were sent, with times that keep them so.

    Writers at the same moment fill the slots of one key in any order. What the store has lost of them
    leaves a gap, and the answers behind it wait until it is filled: none is given in another's place.
    """
    queue.sort(key=lambda one: one[:2])
    latest = (0, 0)
    for place, (n, order, stored) in enumerate(queue):
        if place < n < FIRST_OF_CHILDREN:
            return
        latest = max(latest, order)
        yield latest, stored


def _short(fingerprint: str) -> str:
    """Long enough that two settings never share one."""
    return digest(fingerprint, 8) if fingerprint else ""

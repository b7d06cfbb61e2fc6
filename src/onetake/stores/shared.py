"""Cassettes in a shared store: interactions as rows, merged by the store itself.

One idea: a row's name is its slot, so that the store, which gives a name away once, decides who filled
it first, whoever writes at the same moment on whichever machine. The key in the name is a cache under
the fingerprint of the matching settings: read with other settings, it is computed anew.

The row that replaces an expired one has its name and, behind it, the moment of the one that it replaces:
again the first writer wins, and there is no instant at which a reader finds neither.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import msgspec
from msgspec import Raw, Struct

from onetake.cassettes.fold import Take
from onetake.cassettes.session import Slot
from onetake.errors import CassetteError, StoreError
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


class _Place(Struct, frozen=True):
    """Where a recording lies: the key and the number in the row's name, the name, and its order."""

    key: bytes
    n: int
    row: str
    order: tuple[int, int]


_NAME = re.compile(r"([0-9a-f]{32})\.([0-9]+)(?:\.([0-9]+))?")

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
        self._places: dict[bytes, list[_Place]] = {}  # as loaded: by key, in order

    def load(self, key: Callable[[Request], bytes], fingerprint: str) -> Opened:
        wanted = _short(fingerprint)
        found: list[tuple[_Place, Stored, bytes]] = []
        for place, packed in self._newest():
            stored = Stored(Raw(packed.entry), (self.place, len(found)), self._blob)
            known = place.key if wanted and packed.fingerprint == wanted else b""
            found.append((place, stored, known))
        found.sort(key=lambda one: (one[0].order, one[0].n, one[0].row))
        keys = tuple(known or key(stored.request) for _, stored, known in found)
        self._places = {}
        for (place, _, _), exact in zip(found, keys, strict=True):
            self._places.setdefault(exact, []).append(place)
        return Opened(tuple(stored for _, stored, _ in found), keys)

    def _newest(self) -> Iterator[tuple[_Place, _Packed]]:
        """Each place's recording; those that it had before are passed over."""
        newest: dict[tuple[str, str], tuple[int, Row]] = {}
        for row in self._store.read(self._name).rows:
            named = _NAME.fullmatch(row.slot)
            if named is None:
                raise self._unreadable(f"its name {row.slot[:80]!r} is none")
            key_hex, n, replaced = named.groups()
            at = int(replaced or -1)
            if at >= newest.get((key_hex, n), (-1, row))[0]:
                newest[key_hex, n] = at, row
        for (key_hex, n), (_, row) in newest.items():
            packed = self._unpacked(row)
            yield _Place(bytes.fromhex(key_hex), int(n), row.slot, packed.order), packed

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
        old: dict[str, str] = {}  # the rows that are replaced, by the names of those that do
        for number, take in enumerate(takes):
            order, fingerprint = (now, number), self._fingerprint
            name, place = self._row_of(take.slot), self._replaced_by(take)
            if place is not None and take.replaces is not None:
                name = f"{place.key.hex()}.{place.n}.{int(take.replaces.at)}"
                order, old[name] = place.order, place.row
                if place.key != take.slot.key:
                    fingerprint = ""  # the name does not tell its key
            entry = encode_entry(take.interaction, blobs)
            packed = _Packed(_FORMAT, order, fingerprint, entry)
            rows.append(Row(name, pack(msgspec.msgpack.encode(packed))))
        if blobs:  # before the rows that name them
            self._store.put_blobs({name: pack(data) for name, data in blobs.items()})
        added = self._store.append(self._name, rows, replacing_run=replacing_run)
        if gone := [old[name] for name in added if name in old]:
            with suppress(StoreError):  # no reader looks at them any more
                self._store.remove(self._name, gone)
        return Published(len(added), len(rows) - len(added))

    def _row_of(self, slot: Slot) -> str:
        """The row for `slot`, which comes after those that were loaded, whatever was removed of them."""
        places = self._places.get(slot.key, ())
        last = max((place.n for place in places if place.key == slot.key), default=None)
        n = slot.n if last is None else max(slot.n, last + 1 + slot.n - len(places))
        return f"{slot.key.hex()}.{n}"

    def _replaced_by(self, take: Take) -> _Place | None:
        """Where the recording lies that `take` replaces."""
        if take.replaces is None:
            return None
        slot = take.replaces.slot
        return next(iter(self._places.get(slot.key, [])[slot.n :]), None)

    def _unpacked(self, row: Row) -> _Packed:
        try:
            packed = _rows.decode(unpack(row.data))
        except (msgspec.MsgspecError, ValueError, CassetteError) as error:
            raise self._unreadable(str(error)) from error
        if packed.format != _FORMAT:
            raise CassetteError(
                f"A recording of {self.place} has the format {packed.format}, newer than {_FORMAT}.",
                remedy="Update onetake.",
                path=self.place,
            )
        return packed

    def _unreadable(self, why: str) -> CassetteError:
        return CassetteError(
            f"A recording of {self.place} cannot be read: {why}.",
            remedy="Remove it from the store and record anew, or update onetake.",
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


def _short(fingerprint: str) -> str:
    """Long enough that two settings never share one."""
    return digest(fingerprint, 8) if fingerprint else ""

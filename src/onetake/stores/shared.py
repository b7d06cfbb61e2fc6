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
from typing import NamedTuple

import msgspec
from msgspec import Raw, Struct

from onetake.cassettes.fold import Take
from onetake.cassettes.session import Replaced, Slot
from onetake.errors import CassetteError, StoreError
from onetake.formats.blobs import blob_name
from onetake.formats.document import Stored, encode_entry
from onetake.formats.packing import pack, unpack
from onetake.messages import Request
from onetake.stores.names import digest
from onetake.stores.port import Held, Opened, Published, Row, RowStore

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


class _Loaded(NamedTuple):
    """What was read when the cassette was loaded, and how."""

    version: str
    key: Callable[[Request], bytes]
    fingerprint: str


_NAME = re.compile(r"([0-9a-f]{32})\.([0-9]+)(?:\.([0-9]+))?")

_rows = msgspec.msgpack.Decoder(_Packed)


class SharedCassette:
    """The cassette `name` of the store."""

    def __init__(self, store: RowStore, name: str, *, fingerprint: str) -> None:
        """`fingerprint` is that of the keys which `publish` is given."""
        self.store = store
        self.name = name
        self._fingerprint = _short(fingerprint)
        self.place = f"{store.place}#{name}"
        self.path = None
        self.id = digest(self.place, 10)
        self._blobs: dict[str, bytes] = {}
        self._places: dict[bytes, list[_Place]] = {}  # as loaded: by key, in order
        self._loaded: _Loaded | None = None

    def load(self, key: Callable[[Request], bytes], fingerprint: str) -> Opened:
        held = self.store.read(self.name)
        self._loaded = _Loaded(held.version, key, fingerprint)
        found = list(self._found(held, key, fingerprint))
        self._places = {}
        for place, exact, _ in found:
            self._places.setdefault(exact, []).append(place)
        return Opened(tuple(stored for *_, stored in found), tuple(exact for _, exact, _ in found))

    def published_since(self, slot: Slot, replaced: Replaced | None) -> Stored | None:
        """What another has published in `slot`, or instead of `replaced`, after this was loaded."""
        if self._loaded is None:
            return None
        known, key, fingerprint = self._loaded
        held = self.store.read(self.name, known=known)
        if held.is_unchanged:
            return None
        found = [one for _, exact, one in self._found(held, key, fingerprint) if exact == slot.key]
        one = next(iter(found[slot.n :]), None)
        is_new = one is not None and (replaced is None or one.at != replaced.at)
        return one if is_new else None

    def stored(self, entry: Raw, number: int = 0) -> Stored:
        """A recording of this cassette from its text."""
        return Stored(entry, (self.place, number), self._blob)

    def _found(
        self, held: Held, key: Callable[[Request], bytes], fingerprint: str
    ) -> list[tuple[_Place, bytes, Stored]]:
        """Every recording in order: where it lies, its exact key, itself."""
        wanted = _short(fingerprint)
        found: list[tuple[_Place, bytes, Stored]] = []
        for place, packed in self._newest(held.rows):
            stored = self.stored(Raw(packed.entry), len(found))
            is_known = wanted and packed.fingerprint == wanted
            found.append((place, place.key if is_known else key(stored.request), stored))
        return sorted(found, key=lambda one: (one[0].order, one[0].n, one[0].row))

    def _newest(self, rows: Sequence[Row]) -> Iterator[tuple[_Place, _Packed]]:
        """Each place's recording; those that it had before are passed over."""
        newest: dict[tuple[str, str], tuple[int, Row]] = {}
        for row in rows:
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
            self.store.put_blobs({name: pack(data) for name, data in blobs.items()})
        added = self.store.append(self.name, rows, replacing_run=replacing_run)
        if gone := [old[name] for name in added if name in old]:
            with suppress(StoreError):  # no reader looks at them any more
                self.store.remove(self.name, gone)
        lost = [take for take, row in zip(takes, rows, strict=True) if row.slot not in added]
        return Published(len(added), sum(not take.is_shared for take in lost))

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
            packed = self.store.blobs([name]).get(name)
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

"""Cassettes in a shared store: interactions as rows, merged by the store itself.

One idea: a row's name is its slot, so that the store, which gives a name away once, decides who filled
it first, whoever writes at the same moment on whichever machine. The key in the name is a cache under
the fingerprint of the matching settings: read with other settings, it is computed anew.

Rows of one cassette have most of their text in common. A row `!dictionary.<digest>` holds it once; it is
given with every append whose rows need it, so that they never lie anywhere without it. A row's text is
unpacked when it is first wanted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import msgspec
from msgspec import Struct

from onetake.cassettes.fold import Take
from onetake.errors import CassetteError
from onetake.formats.blobs import blob_name
from onetake.formats.document import Stored, encode_entry
from onetake.formats.packing import Dictionary, check, head, needed, pack, pack_plain, unpack
from onetake.messages import Request
from onetake.stores.names import digest
from onetake.stores.port import COMPANION, Opened, Published, Row, RowStore

_FORMAT = 2
_SMALL = 0.15  # of the plain size: what a dictionary should reach; no better one is looked for then
_FEW = 8
_DICTIONARY = f"{COMPANION}dictionary."


class _Packed(Struct, array_like=True):
    """What a row holds. `order` puts rows as they were published and sent."""

    format: int
    order: tuple[int, int]
    fingerprint: bytes
    entry: bytes  # packed


class _Packed1(Struct, array_like=True):
    """What it held in format 1, where the whole was packed."""

    format: int
    order: tuple[int, int]
    fingerprint: str
    entry: bytes


_rows = msgspec.msgpack.Decoder(_Packed)
_rows_1 = msgspec.msgpack.Decoder(_Packed1)
_FIRST_BYTE = msgspec.msgpack.encode(_Packed(_FORMAT, (0, 0), b"", b""))[0]  # no form of `packing`


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
        self._dictionary: Dictionary | None = None  # that of the last row
        self._is_empty = True  # as far as is known

    def load(self, key: Callable[[Request], bytes], fingerprint: str) -> Opened:
        wanted = _short(fingerprint)
        rows = self._store.read(self._name).rows
        beside: dict[str, Dictionary] = {}
        found: list[tuple[tuple[int, int], int, str, bytes, bytes]] = []
        for row in rows:
            slot = row.slot
            if slot.startswith(_DICTIONARY):
                name = slot.removeprefix(_DICTIONARY)
                beside[name] = Dictionary(row.data, name)
            elif not slot.startswith(COMPANION):
                packed, key_bytes, n = self._read(row)
                known = key_bytes if wanted and packed.fingerprint == wanted else b""
                found.append((packed.order, n, slot, known, packed.entry))
        found.sort()
        self._check({head(one[4]) for one in found}, beside)
        self._is_empty = not found
        last = needed(found[-1][4]) if found else None
        self._dictionary = None if last is None else beside[last]
        entries = tuple(
            Stored(partial(self._text, one[4], beside), (self.place, at), self._blob)
            for at, one in enumerate(found)
        )
        return Opened(
            entries,
            tuple(one[3] or key(entry.request) for one, entry in zip(found, entries, strict=True)),
        )

    def publish(
        self,
        takes: Sequence[Take],
        key: Callable[[Request], bytes],  # noqa: ARG002  # the slots have their keys
        *,
        replacing_run: str | None,
    ) -> Published:
        now = time.time_ns()
        blobs: dict[str, bytes] = {}
        entries = [encode_entry(take.interaction, blobs) for take in takes]
        dictionary, packed = self._packed(entries)
        rows = [
            Row(
                f"{take.slot.key.hex()}.{take.slot.n}",
                msgspec.msgpack.encode(_Packed(_FORMAT, (now, number), self._fingerprint, data)),
            )
            for number, (take, data) in enumerate(zip(takes, packed, strict=True))
        ]
        own = [] if dictionary is None else [_to_row(dictionary)]
        if blobs:  # before the rows that name them
            self._store.put_blobs({name: pack(data) for name, data in blobs.items()})
        told = self._store.append(self._name, own + rows, replacing_run=replacing_run)
        self._dictionary, self._is_empty = dictionary or self._dictionary, False
        added = len(told.difference(row.slot for row in own))
        return Published(added, len(rows) - added)

    def _packed(self, entries: Sequence[bytes]) -> tuple[Dictionary | None, list[bytes]]:
        """The entries packed small, and the dictionary that they need for it.

        A new one pays where it saves what it takes, and where a second fold shows that more will come.
        """
        known, packed, plain = self._dictionary, list[bytes](), sum(map(len, entries))
        with suppress(CassetteError):  # a broken one: that is told where its rows are read
            packed = [known.pack(entry) for entry in entries] if known else []
        if packed and sum(map(len, packed)) <= _SMALL * plain:
            return _if_needed(known, packed)
        is_second = known is None and not self._is_empty
        if (len(entries) > 1 or is_second) and (new := Dictionary.of(entries)) is not None:
            anew = [new.pack(entry) for entry in entries]
            without = sum(map(len, packed))
            if not packed:  # a few tell well enough what all would take
                few = entries[:_FEW]
                without = sum(len(pack(entry)) for entry in few) * plain // sum(map(len, few))
            if sum(map(len, anew)) + (0 if is_second else len(new.packed)) < without:
                return _if_needed(new, anew)
        return _if_needed(known, packed or [pack(entry) for entry in entries])

    def _text(self, entry: bytes, beside: dict[str, Dictionary]) -> bytes:
        try:
            return unpack(entry, beside)
        except CassetteError as error:
            raise self._unreadable(error) from error

    def _check(self, heads: set[bytes], beside: dict[str, Dictionary]) -> None:
        """Raises `CassetteError` where texts with such heads cannot be unpacked here."""
        try:
            for one in heads:
                check(one, beside)
        except CassetteError as error:
            raise self._unreadable(error) from error

    def _read(self, row: Row) -> tuple[_Packed, bytes, int]:
        """What the row holds, its key and its number, without unpacking the text."""
        try:
            if row.data[0] == _FIRST_BYTE:
                packed = _rows.decode(row.data)
            else:
                old = _rows_1.decode(unpack(row.data))
                fingerprint = bytes.fromhex(old.fingerprint)
                packed = _Packed(old.format + 1, old.order, fingerprint, pack_plain(old.entry))
            if packed.format != _FORMAT:
                raise CassetteError(f"its format {packed.format} is newer than {_FORMAT}")
            key_hex, n = row.slot.split(".")[:2]
            return packed, bytes.fromhex(key_hex), int(n)
        except (msgspec.MsgspecError, ValueError, IndexError, CassetteError) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> CassetteError:
        return CassetteError(
            f"A recording of {self.place} cannot be read: {error}.",
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


def _short(fingerprint: str) -> bytes:
    """Long enough that two settings never share one."""
    return bytes.fromhex(digest(fingerprint, 8)) if fingerprint else b""


def _if_needed(
    dictionary: Dictionary | None, packed: list[bytes]
) -> tuple[Dictionary | None, list[bytes]]:
    return (dictionary if any(map(needed, packed)) else None), packed


def _to_row(dictionary: Dictionary) -> Row:
    return Row(f"{_DICTIONARY}{dictionary.digest}", dictionary.packed)

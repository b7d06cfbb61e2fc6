"""Cassettes in a shared store: interactions as rows, merged by the store itself.

One idea: a row's name is its slot, so that the store, which gives a name away once, decides who filled
it first, whoever writes at the same moment on whichever machine. The key in the name is a cache under
the fingerprint of the matching settings: read with other settings, it is computed anew.

The row that replaces an expired one has its name and, behind it, the moment of the one that it replaces:
again the first writer wins, and there is no instant at which a reader finds neither.

Rows of one cassette have most of their text in common. A row `!dictionary.<digest>` holds it once; it is
given with every append whose rows need it, so that they never lie anywhere without it. A row's text is
unpacked when it is first wanted.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from operator import itemgetter
from typing import NamedTuple

import msgspec
from msgspec import Raw, Struct

from onetake.cassettes.fold import FIRST_OF_CHILDREN, Take
from onetake.cassettes.growth import RunLine
from onetake.cassettes.sequence import Replaced, Slot
from onetake.errors import CassetteError, StoreError
from onetake.formats.blobs import blob_name, blobs_named
from onetake.formats.document import Stored, encode_entry
from onetake.formats.packing import Dictionary, check, head, needed, pack, pack_plain, unpack
from onetake.messages import Request
from onetake.stores import history
from onetake.stores.names import digest
from onetake.stores.port import (
    COMPANION,
    Anew,
    Held,
    Opened,
    Published,
    Rewritten,
    Row,
    RowStore,
)

_FORMAT = 2
_SMALL = 0.15  # of the plain size: what a dictionary should reach; no better one is looked for then
_FEW = 8
_BLOBS_AT_ONCE = 50
_TRIES = 20  # of a rewriting while others write into the same cassette
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


class _Place(NamedTuple):
    """Where a recording lies, in the order of recordings. `key` and `n` are those in the row's name."""

    order: tuple[int, int]
    n: int
    row: str
    key: bytes


_Rank = tuple[tuple[int, int], int, str]


class _Found(NamedTuple):
    """A recording, where it lies, its exact key, and which of the equal requests it is."""

    place: _Place
    key: bytes
    number: int
    stored: Stored


class _Loaded(NamedTuple):
    """What was read when the cassette was loaded, and how."""

    version: str
    key: Callable[[Request], bytes]
    fingerprint: str
    later: Mapping[Slot, Stored]  # what was found when it was read again


_NAME = re.compile(r"(([0-9a-f]{32})\.([0-9]{1,18}))(?:\.([0-9]{1,18}))?", re.ASCII)

_rows = msgspec.msgpack.Decoder(_Packed)
_rows_1 = msgspec.msgpack.Decoder(_Packed1)
_FIRST_BYTE = msgspec.msgpack.encode(_Packed(_FORMAT, (0, 0), b"", b""))[:1]  # no form of `packing`


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
        self._entries: tuple[Stored, ...] = ()
        self._blobs: dict[str, bytes] = {}
        self._packed_blobs: dict[str, bytes] = {}  # fetched with others, and not asked for yet
        self._found: list[_Found] = []  # as loaded
        self._loaded: _Loaded | None = None
        self._dictionary: Dictionary | None = None  # that of the last row
        self._is_empty = True  # as far as is known

    def load(self, key: Callable[[Request], bytes], fingerprint: str) -> Opened:
        held = self.store.read(self.name)
        self._loaded = _Loaded(held.version, key, fingerprint, {})
        found, self._dictionary = self._read(held, key, fingerprint)
        self._is_empty = not found
        self._entries = tuple(one.stored for one in found)
        numbers = tuple(one.number for one in found)
        self._found = found
        return Opened(
            self._entries,
            tuple(one.key for one in found),
            tuple(one.place.row for one in found),
            numbers if any(numbers) else (),
        )

    def published_since(self, slot: Slot, replaced: Replaced | None) -> Stored | None:
        """What another has published in `slot`, or instead of `replaced`, after this was loaded."""
        if self._loaded is None:
            return None
        version, key, fingerprint, later = self._loaded
        held = self.store.read(self.name, known=version)
        if not held.is_unchanged:
            found, _ = self._read(held, key, fingerprint)
            later = {Slot(one.key, one.number): one.stored for one in found}
            self._loaded = _Loaded(held.version, key, fingerprint, later)
        one = later.get(slot)
        is_new = one is not None and (replaced is None or one.at != replaced.at)
        return one if is_new else None

    def keep_blobs(self, blobs: Mapping[str, bytes]) -> None:
        """Put them in the store, for recordings that name them. Raises `StoreError`."""
        if blobs:
            self.store.put_blobs({name: pack(data) for name, data in blobs.items()})

    def stored(self, entry: bytes) -> Stored:
        """A recording of this cassette that does not lie in it yet."""
        return Stored(Raw(entry), (self.place, 0), self._blob)

    def _read(
        self, held: Held, key: Callable[[Request], bytes], fingerprint: str
    ) -> tuple[list[_Found], Dictionary | None]:
        """Every recording in order, and the dictionary of the last; of one place only the newest."""
        wanted = _short(fingerprint)
        beside: dict[str, Dictionary] = {}
        newest: dict[str, tuple[int, re.Match[str], Row]] = {}
        for row in held.rows:
            named = _NAME.fullmatch(row.slot)
            if named is not None:
                at = -1 if named[4] is None else int(named[4])
                before = newest.get(named[1])
                if before is None or before[0] < at:
                    newest[named[1]] = at, named, row
            elif row.slot.startswith(_DICTIONARY):
                name = row.slot.removeprefix(_DICTIONARY)
                beside[name] = Dictionary(row.data, name)
            elif not row.slot.startswith(COMPANION):
                raise self._unreadable(f"its name {row.slot[:80]!r} is none")
        packed = [self._packed_in(named, row) for _, named, row in newest.values()]
        packed.sort(key=itemgetter(0))
        self._check({head(one.entry) for _, one in packed}, beside)
        found: list[_Found] = []
        for place, one in packed:
            text = partial(self._text, one.entry, beside)
            stored = Stored(text, (self.place, len(found)), self._blob)
            if wanted and one.fingerprint == wanted:
                found.append(_Found(place, place.key, place.n, stored))
            else:  # the number that it had under another key says nothing
                found.append(_Found(place, key(stored.request), 0, stored))
        last = needed(packed[-1][1].entry) if packed else None
        return _in_order(found), None if last is None else beside[last]

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
        rows: list[Row] = []
        old: dict[str, str] = {}  # the rows that are replaced, by the names of those that do
        for number, (take, data) in enumerate(zip(takes, packed, strict=True)):
            order, fingerprint = (now, number), self._fingerprint
            name = f"{take.slot.key.hex()}.{take.slot.n}"
            place = self._replaced_by(take)
            if place is not None and take.replaces is not None:
                name = f"{place.key.hex()}.{place.n}.{int(take.replaces.at)}"
                order, old[name] = place.order, place.row
                if place.key != take.slot.key:
                    fingerprint = b""  # the name does not tell its key
            row = _Packed(_FORMAT, order, fingerprint, data)
            rows.append(Row(name, msgspec.msgpack.encode(row)))
        own = [] if dictionary is None else [_to_row(dictionary)]
        self.keep_blobs(blobs)  # before the rows that name them
        added = self.store.append(self.name, own + rows, replacing_run=replacing_run)
        self._dictionary, self._is_empty = dictionary or self._dictionary, False
        if gone := [old[name] for name in added if name in old]:
            with suppress(StoreError):  # no reader looks at them any more
                self.store.remove(self.name, gone)
        lost = [take for take, row in zip(takes, rows, strict=True) if row.slot not in added]
        return Published(len(rows) - len(lost), sum(not take.is_shared for take in lost))

    def _replaced_by(self, take: Take) -> _Place | None:
        """Where the recording lies that `take` replaces."""
        if take.replaces is None:
            return None
        slot = take.replaces.slot
        there = (one.place for one in self._found if (one.key, one.number) == (slot.key, slot.n))
        return next(there, None)

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

    def rewrite(self, anew: Anew) -> Rewritten:
        """What rows had in common and what they have replaced goes too: it may hold the same.

        No text needs a dictionary from then on. A request that was rewritten may have another key than
        its row's name tells: that is computed anew.
        """
        for _ in range(_TRIES):
            held = self.store.read(self.name)
            found, _dictionary = self._read(held, _no_key, "")
            changed = anew([one.stored for one in found])
            if not changed:
                return Rewritten()
            blobs: dict[str, bytes] = {}
            before = {name for one in found for name in blobs_named(one.stored.raw)}
            texts = [
                encode_entry(changed[at], blobs) if at in changed else one.stored.raw
                for at, one in enumerate(found)
            ]
            self.keep_blobs(blobs)
            rows: list[Row] = []
            there = {row.slot: row for row in held.rows}
            for at, (one, text) in enumerate(zip(found, texts, strict=True)):
                named = _NAME.fullmatch(one.place.row)
                assert named is not None
                _, old = self._packed_in(named, there[one.place.row])
                fingerprint = b"" if at in changed else old.fingerprint
                new = _Packed(_FORMAT, old.order, fingerprint, pack(text))
                rows.append(Row(one.place.row, msgspec.msgpack.encode(new)))
            if self.store.rewrite(self.name, rows, known=held.version):
                self._drop(there.keys() - {row.slot for row in rows})
                gone = before - {name for text in texts for name in blobs_named(text)}
                return Rewritten(len(changed), frozenset(gone))
        raise self._too_busy()

    def _drop(self, replaced: Collection[str]) -> None:
        """Rows that were `replaced`, and dictionaries that no row needs at that moment."""
        for _ in range(_TRIES):
            held = self.store.read(self.name)
            wanted: set[str] = set()
            for row in held.rows:
                named = _NAME.fullmatch(row.slot)
                if named is not None and row.slot not in replaced:
                    wanted.add(row.slot)
                    digest_needed = needed(self._packed_in(named, row)[1].entry)
                    wanted.add(f"{_DICTIONARY}{digest_needed}")
            gone = [row.slot for row in held.rows if row.slot not in wanted]
            if not gone:
                return
            self.store.remove(self.name, gone, known=held.version)
        raise self._too_busy()

    def beside(self) -> list[bytes]:
        """The plain texts of what its rows hold besides its recordings. Raises `CassetteError`."""
        held = self.store.read(self.name)
        found, _ = self._read(held, _no_key, "")
        current = {one.place.row for one in found}
        names = [row.slot for row in held.rows if row.slot.startswith(_DICTIONARY)]
        data = {row.slot: row.data for row in held.rows}
        digests = {name.removeprefix(_DICTIONARY): name for name in names}
        known = {digest: Dictionary(data[name], digest) for digest, name in digests.items()}
        texts = [unpack(one.packed) for one in known.values()]
        for row in held.rows:
            named = _NAME.fullmatch(row.slot)
            if named is not None and row.slot not in current:
                texts.append(self._text(self._packed_in(named, row)[1].entry, known))
        return texts

    def _too_busy(self) -> StoreError:
        return StoreError(
            f"{self.place} is written by too many at once.",
            remedy="Run again when fewer tests are recording.",
            path=self.store.place,
        )

    def _packed_in(self, named: re.Match[str], row: Row) -> tuple[_Place, _Packed]:
        """What the row holds, and where, without unpacking the text."""
        try:
            if row.data[:1] == _FIRST_BYTE:
                packed = _rows.decode(row.data)
            else:
                old = _rows_1.decode(unpack(row.data))
                fingerprint = bytes.fromhex(old.fingerprint)
                packed = _Packed(old.format + 1, old.order, fingerprint, pack_plain(old.entry))
            if packed.format != _FORMAT:
                raise CassetteError(f"its format {packed.format} is newer than {_FORMAT}")
        except (
            msgspec.MsgspecError,
            ValueError,
            IndexError,
            RecursionError,
            CassetteError,
        ) as error:
            raise self._unreadable(error) from error
        return _Place(packed.order, int(named[3]), row.slot, bytes.fromhex(named[2])), packed

    def _unreadable(self, why: Exception | str) -> CassetteError:
        return CassetteError(
            f"A recording of {self.place} cannot be read: {why}.",
            remedy="Remove it from the store and record anew, or update onetake.",
            path=self.place,
        )

    def history(self) -> list[RunLine]:
        return history.decode(self.store.history(self.name))

    def add_run(self, line: RunLine) -> None:
        """A file is left as it is by what only replays: it may lie in git."""
        if not line.recorded and self.place.startswith("sqlite:"):
            return
        history.add(self.store, self.name, line)

    def _blob(self, name: str) -> bytes:
        if name not in self._blobs:
            packed = self._fetched(name)
            data = b"" if packed is None else unpack(packed)
            if packed is None or blob_name(data) != name:
                raise CassetteError(
                    f"{self.place} needs the blob {name}, which is missing there or broken.",
                    remedy="Record anew.",
                    path=self.place,
                )
            self._blobs[name] = data
        return self._blobs[name]

    def _fetched(self, name: str) -> bytes | None:
        """A blob as it lies there. With the first come others that the recordings name, in one batch."""
        if name not in self._packed_blobs:
            wanted = dict.fromkeys([name, *self._blobs_to_come()])
            some = [one for one in wanted if one not in self._blobs][:_BLOBS_AT_ONCE]
            self._packed_blobs |= self.store.blobs(some)
        return self._packed_blobs.pop(name, None)

    def _blobs_to_come(self) -> Iterator[str]:
        entries, self._entries = self._entries, ()
        for entry in entries:
            with suppress(CassetteError):  # told where it is wanted
                yield from blobs_named(entry.raw)


def _in_order(found: list[_Found]) -> list[_Found]:
    """The equal requests of a cassette as they were sent, each with its number.

    Writers at the same moment fill the slots of one key in any order. What the store has lost of them
    leaves a gap in the numbers: no answer is given in the place of another.
    """
    queues: dict[bytes, list[_Found]] = {}
    for one in found:
        queues.setdefault(one.key, []).append(one)
    if len(queues) == len(found) and not any(one.number for one in found):
        return found
    ranked: list[tuple[_Rank, _Found]] = []
    for queue in queues.values():
        queue.sort(key=lambda one: (one.number, one.place))
        latest, free = (0, 0), 0
        for one in queue:
            number = one.number if free <= one.number < FIRST_OF_CHILDREN else free
            latest, free = max(latest, one.place.order), number + 1
            ranked.append(((latest, number, one.place.row), one._replace(number=number)))
    ranked.sort(key=itemgetter(0))
    return [one for _, one in ranked]


def _no_key(_request: Request) -> bytes:
    return b""


def _short(fingerprint: str) -> bytes:
    """Long enough that two settings never share one."""
    return bytes.fromhex(digest(fingerprint, 8)) if fingerprint else b""


def _if_needed(
    dictionary: Dictionary | None, packed: list[bytes]
) -> tuple[Dictionary | None, list[bytes]]:
    return (dictionary if any(map(needed, packed)) else None), packed


def _to_row(dictionary: Dictionary) -> Row:
    return Row(f"{_DICTIONARY}{dictionary.digest}", dictionary.packed)

"""Cassettes in a shared store: interactions as rows, merged by the store itself.

One idea: a row's name is its slot, so that the store, which gives a name away once, decides who filled
it first, whoever writes at the same moment on whichever machine. The key in the name is a cache under
the fingerprint of the matching settings: read with other settings, it is computed anew.

The row that replaces an expired one has its name and, behind it, the moment of the one that it replaces:
again the first writer wins, and there is no instant at which a reader finds neither.

A row's text is packed by itself, and unpacked when it is first wanted.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from operator import itemgetter
from typing import NamedTuple

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from onetake.cassettes.decisions import Replaced, Slot
from onetake.cassettes.fold import FIRST_OF_CHILDREN, Take
from onetake.cassettes.gates import is_part
from onetake.cassettes.growth import RunLine
from onetake.errors import CassetteError, StoreError
from onetake.formats.blobs import blob_name, blobs_named
from onetake.formats.document import Stored, encode_entry
from onetake.formats.packing import ENCRYPTED, check, pack, unpack
from onetake.messages import Request
from onetake.stores import history, row_blobs
from onetake.stores.names import digest
from onetake.stores.port import Anew, Held, Opened, Published, Rewritten, Row, RowStore

_FORMAT = 1
_BLOBS_AT_ONCE = 50
_TRIES = 20  # of a rewriting while others write into the same cassette


class _Format(Struct, array_like=True):
    """The beginning of a row, in this and in every later format."""

    format: int


class _Packed(_Format, array_like=True):
    """The content of a row. `order` puts rows as they were published and sent."""

    order: tuple[int, int]
    fingerprint: bytes
    entry: bytes  # packed


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

_formats = msgspec.msgpack.Decoder(_Format)
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
        self._entries: tuple[Stored, ...] = ()
        self._blobs: dict[str, bytes] = {}
        self._packed_blobs: dict[str, bytes] = {}  # fetched with others, and not asked for yet
        self._found: list[_Found] = []  # as loaded
        self._loaded: _Loaded | None = None

    def load(self, key: Callable[[Request], bytes], fingerprint: str) -> Opened:
        return self.opened(self.store.read(self.name), key, fingerprint)

    def opened(self, held: Held, key: Callable[[Request], bytes], fingerprint: str) -> Opened:
        """Return what the cassette holds, as `load` does, of rows that were read already."""
        self._loaded = _Loaded(held.version, key, fingerprint, {})
        found = self._read(held, key, fingerprint)
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
        """Return what another has published in `slot`, or instead of `replaced`, after this was loaded.

        An answer that was left before its end is none.
        """
        if self._loaded is None:
            return None
        version, key, fingerprint, later = self._loaded
        held = self.store.read(self.name, known=version)
        if not held.is_unchanged:
            found = self._read(held, key, fingerprint)
            later = {Slot(one.key, one.number): one.stored for one in found}
            self._loaded = _Loaded(held.version, key, fingerprint, later)
        one = later.get(slot)
        if one is None or one.is_part or (replaced is not None and one.at == replaced.at):
            return None
        return one

    def keep_blobs(self, blobs: Mapping[str, bytes]) -> None:
        """Put them in the store, for recordings that name them. Raises `StoreError`."""
        row_blobs.put(self.store, blobs)

    def stored(self, entry: bytes) -> Stored:
        """A recording of this cassette that does not lie in it yet."""
        return Stored(Raw(entry), (self.place, 0), self._blob)

    def _read(self, held: Held, key: Callable[[Request], bytes], fingerprint: str) -> list[_Found]:
        """Return every recording in order; the newest of those with one place."""
        wanted = _short(fingerprint)
        packed = [self._packed_in(row) for row in self._by_age(held)[0]]
        packed.sort(key=itemgetter(0))
        self._check({one.entry[:1] for _, one in packed})
        found: list[_Found] = []
        for place, one in packed:
            text = partial(self._text, one.entry)
            stored = Stored(text, (self.place, len(found)), self._blob)
            if wanted and one.fingerprint == wanted:
                found.append(_Found(place, place.key, place.n, stored))
            else:  # the number that it had under another key says nothing
                found.append(_Found(place, key(stored.request), 0, stored))
        return _in_order(found)

    def _by_age(self, held: Held) -> tuple[list[Row], list[Row]]:
        """Return the newest row of each place, and those that it has replaced."""
        newest: dict[str, tuple[int, Row]] = {}
        replaced: list[Row] = []
        for row in held.rows:
            named = self._name_of(row)
            at = -1 if named[4] is None else int(named[4])
            before = newest.get(named[1])
            if before is None or before[0] < at:
                newest[named[1]] = at, row
            if before is not None:
                replaced.append(min(before, (at, row), key=itemgetter(0))[1])
        return [row for _, row in newest.values()], replaced

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
        rows: list[Row] = []
        old: dict[str, str] = {}  # the rows that are replaced, by the names of those that do
        for number, (take, entry) in enumerate(zip(takes, entries, strict=True)):
            order, fingerprint = (now, number), self._fingerprint
            name = f"{take.slot.key.hex()}.{take.slot.n}"
            place = self._replaced_by(take)
            if place is not None and take.replaces is not None:
                name = f"{place.key.hex()}.{place.n}.{int(take.replaces.at)}"
                order, old[name] = place.order, place.row
                if place.key != take.slot.key:
                    fingerprint = b""  # the name does not tell its key
            rows.append(_to_row(name, order, fingerprint, entry))
        self.keep_blobs(blobs)  # before the rows that name them
        added = set(self.store.append(self.name, rows, replacing_run=replacing_run))
        lost = [one for one in zip(takes, rows, strict=True) if one[1].slot not in added]
        whole = [
            row for take, row in lost if take.replaces is None and not is_part(take.interaction)
        ]
        if whole:
            instead = self._instead_of_parts(whole)
            old |= {new.slot: row.slot for row, new in instead}
            placed = set(self.store.append(self.name, [new for _, new in instead]))
            added |= placed | {row.slot for row, new in instead if new.slot in placed}
        if gone := [old[name] for name in added if name in old]:
            with suppress(StoreError):  # no reader looks at them any more
                self.store.remove(self.name, gone)
        lost_for_good = [take for take, row in lost if row.slot not in added]
        return Published(
            len(rows) - len(lost_for_good), sum(not take.is_shared for take in lost_for_good)
        )

    def _instead_of_parts(self, rows: Sequence[Row]) -> list[tuple[Row, Row]]:
        """Return those of `rows` that find an answer in their slot which was left before its end.

        Each comes with the row that takes its place.
        """
        held = self.store.read(self.name, slots=[row.slot for row in rows])
        there = {row.slot: row for row in held.rows}
        found: list[tuple[Row, Row]] = []
        for row in rows:
            if row.slot not in there:
                continue
            old, new = self._packed_in(there[row.slot])[1], self._packed_in(row)[1]
            part = self.stored(self._text(old.entry))
            if part.is_part:
                data = msgspec.msgpack.encode(replace(new, order=old.order))
                found.append((row, Row(f"{row.slot}.{int(part.at)}", data)))
        return found

    def _replaced_by(self, take: Take) -> _Place | None:
        """Where the recording lies that `take` replaces."""
        if take.replaces is None:
            return None
        slot = take.replaces.slot
        there = (one.place for one in self._found if (one.key, one.number) == (slot.key, slot.n))
        return next(there, None)

    def _text(self, entry: bytes) -> bytes:
        try:
            return unpack(entry)
        except CassetteError as error:
            raise self._unreadable(error) from error

    def _check(self, forms: set[bytes]) -> None:
        """Raise `CassetteError` where texts that begin with one of `forms` cannot be unpacked here."""
        try:
            for form in forms:
                check(form)
        except CassetteError as error:
            raise self._unreadable(error) from error

    def rewrite(self, anew: Anew) -> Rewritten:
        """Put other recordings in the place of some, as `anew` says, and take away what was replaced before.

        A request that was rewritten may have another key than its row's name tells: that is computed anew.
        """
        for _ in range(_TRIES):
            held = self.store.read(self.name)
            found = self._read(held, _no_key, "")
            changed = anew([one.stored for one in found])
            if not changed:
                return Rewritten()
            blobs: dict[str, bytes] = {}
            texts = {at: encode_entry(one, blobs) for at, one in changed.items()}
            before = {name for one in found for name in blobs_named(one.stored.raw)}
            after = {
                name
                for at, one in enumerate(found)
                for name in blobs_named(texts.get(at) or one.stored.raw)
            }
            self.keep_blobs(blobs)
            places = {at: found[at].place for at in texts}
            rows = [_to_row(places[at].row, places[at].order, b"", texts[at]) for at in texts]
            if self.store.rewrite(self.name, rows, known=held.version):
                self._drop_replaced()
                return Rewritten(len(changed), frozenset(before - after))
        raise self._too_busy()

    def _drop_replaced(self) -> None:
        for _ in range(_TRIES):
            held = self.store.read(self.name)
            gone = [row.slot for row in self._by_age(held)[1]]
            if not gone or self.store.remove(self.name, gone, known=held.version):
                return
        raise self._too_busy()

    def replaced(self) -> list[bytes]:
        """Return the texts of rows that newer ones have replaced. Raises `CassetteError`."""
        rows = self._by_age(self.store.read(self.name))[1]
        return [self._text(self._packed_in(row)[1].entry) for row in rows]

    def _too_busy(self) -> StoreError:
        return StoreError(
            f"{self.place} is written by too many at once.",
            remedy="Run again when fewer tests are recording.",
            path=self.store.place,
        )

    def _name_of(self, row: Row) -> re.Match[str]:
        named = _NAME.fullmatch(row.slot)
        if named is None:
            raise self._unreadable(f"its name {row.slot[:80]!r} is none")
        return named

    def _packed_in(self, row: Row) -> tuple[_Place, _Packed]:
        """Return what the row holds, and where, without unpacking the text."""
        named = self._name_of(row)
        try:
            if row.data[:1] == ENCRYPTED:
                check(row.data)
            number = _formats.decode(row.data).format
            if number != _FORMAT:
                raise CassetteError(f"its format {number} is newer than {_FORMAT}")
            packed = _rows.decode(row.data)
        except (msgspec.MsgspecError, ValueError, RecursionError, CassetteError) as error:
            raise self._unreadable(error) from error
        return _Place(packed.order, int(named[3]), row.slot, bytes.fromhex(named[2])), packed

    def _unreadable(self, why: Exception | str) -> CassetteError:
        return CassetteError(
            f"A recording of {self.place} cannot be read: {why}.",
            remedy="Remove it from the store and record anew, or update onetake.",
            path=self.place,
        )

    def history(self) -> list[RunLine]:
        return history.decode(history.read(self.store, self.name))

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
            self._packed_blobs |= row_blobs.packed(self.store, some)
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


def _to_row(name: str, order: tuple[int, int], fingerprint: bytes, entry: bytes) -> Row:
    row = _Packed(_FORMAT, order, fingerprint, pack(entry))
    return Row(name, msgspec.msgpack.encode(row))

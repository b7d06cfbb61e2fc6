"""A store as a whole, for the commands: its cassettes by name, and what each holds, read and taken away.

One idea: a recording is named by where it lies and what it says, so what is taken away is what was
looked at, never what another writer has put there since. A cassette has the name that it has in a shared
store (`tests/test_a/test_one[x]`), wherever it lies.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Protocol

from msgspec import Struct

from onetake.errors import CassetteError, StoreError
from onetake.formats.blobs import blobs_named
from onetake.formats.document import Stored
from onetake.messages import Request
from onetake.stores import history, row_blobs
from onetake.stores.names import digest_of_text
from onetake.stores.port import (
    BLOBS,
    FOREVER,
    Anew,
    Capacity,
    CassetteStore,
    Held,
    Rewritten,
    RowStore,
    capacity_of,
    is_own,
)
from onetake.stores.rows.encrypted import EncryptedStore, Layers
from onetake.stores.rows.layered import LayeredStore
from onetake.stores.rows.sqlite import SqliteStore
from onetake.stores.shared import SharedCassette

_FAR_AWAY = 8  # reads at once: what they take is the way there and back
_TRIES = 20  # of a removal while others write into the same cassette


class Kept(Struct, frozen=True):
    """One recording as it lies in a store: `size` in bytes there, `row` its name ("" in a file)."""

    stored: Stored
    size: int
    row: str = ""

    @property
    def digest(self) -> str:
        """The digest of the recording's text, equal wherever it is read. Raises `CassetteError`."""
        return digest_of_text(self.stored.raw)


def blobs_named_by(recordings: Sequence[Kept]) -> Counter[str]:
    """Count how often each blob is named. Raises `CassetteError`."""
    return Counter(name for one in recordings for name in blobs_named(one.stored.raw))


class Shelf(Protocol):
    """All cassettes of one store. Every method raises `StoreError` where the place cannot be reached."""

    @property
    def place(self) -> str:
        """The folder, or the URL without its secrets, for messages."""

    @property
    def reads_at_once(self) -> int:
        """How many cassettes are best read or written side by side; every method allows for it."""

    def names(self) -> list[str]:
        """Return the names of all cassettes, in order."""

    def where(self, name: str) -> str:
        """Return the cassette's file, or the store and its name, for messages."""

    def recordings(self, name: str) -> list[Kept]:
        """Return what a cassette holds, in order; nothing where there is none. Raises `CassetteError`."""

    def remove(self, name: str, recordings: Sequence[Kept]) -> int:
        """Take those away that are still there, and what is left of a cassette without any; how many."""

    def rewrite(self, name: str, anew: Anew) -> Rewritten:
        """Put others in the place of recordings, as `anew` says of what is there at that moment.

        All or nothing, safe against other writers: `anew` may be asked more than once. Nothing of what
        was replaced is left but its blobs. Raises `CassetteError`.
        """

    def replaced(self, name: str) -> list[bytes]:
        """Return the texts that a cassette's recordings have replaced, as far as they lie there still.

        Raises `CassetteError`.
        """

    def finish_rewriting(self, names: Collection[str], blobs: Collection[str]) -> list[str]:
        """Leave nothing of earlier rows of the cassettes `names` in a cache or in a free page of a file.

        Of `blobs` (as `rewrite` told them) those that nothing names go, and are returned.
        """

    def cassette(self, name: str) -> CassetteStore:
        """Return a cassette as an opening sees it, also one that does not exist yet. Raises `UsageError`."""

    def unnamed_blobs(self, *, besides: Sequence[Kept] = ()) -> list[str]:
        """Return the blobs that no recording names, nor can a writer be about to. Raises `CassetteError`.

        `besides` are recordings that are about to go.
        """

    def remove_unnamed_blobs(self) -> list[str]:
        """Take them away. Raises as `unnamed_blobs` does."""

    def once(self, token: str) -> bool:
        """Whether `token` is used for the first time by whoever shares the store; it is from now on."""

    def capacity(self) -> Capacity | None:
        """None where the store has no limit or does not tell."""

    def waiting(self) -> dict[str, int]:
        """How many recordings of each cassette wait on this machine to be brought to the store."""

    def deliver(self) -> None:
        """Bring them there."""


class RowShelf:
    """The cassettes of a shared store: read where they are, not from the cache on this machine."""

    def __init__(self, store: RowStore, fingerprint: str) -> None:
        """`fingerprint` is that of the keys with which cassettes are published."""
        self._store = store
        self._remote: RowStore = store.remote if isinstance(store, Layers) else store
        self._fingerprint = fingerprint
        self.reads_at_once = _FAR_AWAY if isinstance(store, Layers) else 1
        self.place = store.place

    def names(self) -> list[str]:
        return sorted({name for name in self._remote.names() if not is_own(name)})

    def where(self, name: str) -> str:
        return f"{self.place}#{name}"

    def recordings(self, name: str) -> list[Kept]:
        return self._read(name)[1]

    def _read(self, name: str) -> tuple[Held, list[Kept]]:
        held = self._remote.read(name)
        opened = self._cassette(name).opened(held, _no_key, "")
        sizes = {row.slot: len(row.data) for row in held.rows}
        found = zip(opened.entries, opened.rows, strict=True)
        return held, [Kept(stored, sizes[row], row) for stored, row in found]

    def remove(self, name: str, recordings: Sequence[Kept]) -> int:
        wanted = {(one.row, one.digest) for one in recordings}
        for _ in range(_TRIES):
            held, found = self._read(name)
            gone = [one for one in found if (one.row, one.digest) in wanted]
            slots = {_slot_of(one.row) for one in gone}
            rows = [row.slot for row in held.rows if _slot_of(row.slot) in slots]
            is_all = len(gone) == len(found)
            if not gone or self._store.remove(name, None if is_all else rows, known=held.version):
                if gone and is_all:
                    with suppress(StoreError, CassetteError, ValueError):  # the cassette is gone
                        history.forget(self._remote, name)
                return len(gone)
        raise self._too_busy(self.where(name))

    def _too_busy(self, where: str) -> StoreError:
        return StoreError(
            f"{where} is written by too many at once.",
            remedy="Run again when fewer tests are recording.",
            path=self.place,
        )

    def rewrite(self, name: str, anew: Anew) -> Rewritten:
        return self._cassette(name).rewrite(anew)

    def replaced(self, name: str) -> list[bytes]:
        return self._cassette(name).replaced()

    def finish_rewriting(self, names: Collection[str], blobs: Collection[str]) -> list[str]:
        named: Counter[str] = Counter()
        for name in self.names() if blobs else ():
            named.update(blobs_named_by(self.recordings(name)))
        gone = sorted(name for name in blobs if not named[name])
        row_blobs.remove(self._remote, gone)
        if names:
            _forget(self._store, names, gone)
        return gone

    def cassette(self, name: str) -> CassetteStore:
        return self._cassette(name)

    def _cassette(self, name: str) -> SharedCassette:
        return SharedCassette(self._remote, name, fingerprint=self._fingerprint)

    def unnamed_blobs(self, *, besides: Sequence[Kept] = ()) -> list[str]:
        return sorted(self._unnamed_blobs(besides)[1])

    def _unnamed_blobs(self, besides: Sequence[Kept]) -> tuple[str, dict[str, list[str]]]:
        """Return the version of the blobs, and of each that nothing names the rows."""
        version, old = row_blobs.old(self._remote)
        named: Counter[str] = Counter()
        for name in self.names() if old else ():
            named.update(blobs_named_by(self.recordings(name)))
        gone = blobs_named_by(besides)
        return version, {name: rows for name, rows in old.items() if named[name] <= gone[name]}

    def remove_unnamed_blobs(self) -> list[str]:
        for _ in range(_TRIES):
            version, gone = self._unnamed_blobs(())
            slots = [slot for rows in gone.values() for slot in rows]
            if not gone or self._remote.remove(BLOBS, slots, known=version):
                return sorted(gone)
        raise self._too_busy(self.place)

    def once(self, token: str) -> bool:
        return self._remote.claim(f"once\0{token}", secrets.token_hex(8), FOREVER).is_own

    def capacity(self) -> Capacity | None:
        return capacity_of(self._remote)

    def waiting(self) -> dict[str, int]:
        return self._store.waiting() if isinstance(self._store, Layers) else {}

    def deliver(self) -> None:
        if isinstance(self._store, Layers):
            self._store.deliver()


def _forget(store: RowStore, names: Collection[str], blobs: Collection[str]) -> None:
    """Leave nothing in files of this machine of what was rewritten."""
    if isinstance(store, EncryptedStore):
        _forget(store.within, names, blobs)
    elif isinstance(store, LayeredStore):
        store.forget(names, blobs)
    elif isinstance(store, SqliteStore):
        store.compact()


def _no_key(_request: Request) -> bytes:
    return b""


def _slot_of(row: str) -> str:
    """`<key>.<n>` of `<key>.<n>.<more>`: with a recording go those that it has replaced."""
    return ".".join(row.split(".")[:2])

"""Bringing all that a store holds under the first key, while others read and write.

One cassette is one step: rewritten whole, if nobody else has changed it, or not at all. What is done stays
done, so an interruption costs nothing, and a second time finds only what is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from msgspec import Struct

from onetake.errors import CassetteError, StoreError
from onetake.formats.packing import ENCRYPTED, key_id
from onetake.stores.port import BLOBS, LINES, Owned, Row, is_own
from onetake.stores.rows.encrypted import EncryptedStore, opened_row, sealed_row
from onetake.stores.rows.keyring import Keyring
from onetake.stores.rows.sqlite import SqliteStore

_TRIES = 20  # of a cassette while others write into it
_BLOBS_AT_ONCE = 50

PLAIN = "plain"
"""Stands for the key of what is not encrypted."""


class Outdated(Struct, frozen=True):
    """How many values of a kind there are, and of those that are not under the first key, whose they are."""

    held: int = 0
    by_key: Counter[str] = Counter()

    @property
    def number(self) -> int:
        return self.by_key.total()

    def __add__(self, other: Outdated) -> Outdated:
        return Outdated(self.held + other.held, self.by_key + other.by_key)


class Rekeying:
    """The rewriting of one store; without `write` it is only found out what would be rewritten.

    Every method raises `StoreError`, also where a key is not there.
    """

    def __init__(self, store: EncryptedStore[Owned], *, write: bool) -> None:
        self._store = store.within
        self._keyring: Keyring = store.keyring
        self._write = write
        self.place = store.place

    def names(self) -> list[str]:
        """Return the names of all cassettes."""
        return sorted({name for name in self._store.names() if not is_own(name)})

    def rows(self, cassette: str) -> Outdated:
        """Write the rows of one cassette with the new key.

        Raises `CassetteError` where a row was tampered with.
        """
        return self._rows(cassette, None, self._anew)

    def blobs(self) -> Outdated:
        """Write all blobs with the new key; those that were tampered with stay as they are, and are counted."""
        names, found = [*self._store.names(BLOBS)], Outdated()
        for at in range(0, len(names), _BLOBS_AT_ONCE):
            found += self._rows(BLOBS, names[at : at + _BLOBS_AT_ONCE], self._anew_if_sound)
        return found

    def lines(self) -> Outdated:
        """Write what is told of runs with the new key; what cannot be decrypted is left, and not counted."""
        return self._rows(LINES, None, self._anew_if_possible)

    def finish(self) -> None:
        """Leave nothing behind in a file of what was rewritten."""
        if self._write and isinstance(self._store, SqliteStore):
            self._store.compact()

    def _rows(
        self,
        cassette: str,
        slots: Sequence[str] | None,
        anew: Callable[[str, Row], Row | None],
    ) -> Outdated:
        for _ in range(_TRIES):
            held = self._store.read(cassette, slots=slots)
            rows = [row for row in held.rows if row.data]
            old = [row for row in rows if not self._keyring.is_current(row.data)]
            told = [(row, anew(cassette, row)) for row in old]
            new = [one for _, one in told if one is not None]
            counted = [row for row, one in told if one is not None or cassette == BLOBS]
            found = Outdated(len(rows), Counter(_key_of(row.data) for row in counted))
            if not new or not self._write:
                return found
            if self._store.rewrite(cassette, new, known=held.version):
                return found
        raise StoreError(
            f"{self.place}#{cassette} is written by too many at once.",
            remedy="Run again when fewer tests are recording.",
            path=self.place,
        )

    def _anew(self, cassette: str, row: Row) -> Row:
        opened = opened_row(self._keyring, self.place, cassette, row)
        return sealed_row(self._keyring, cassette, opened)

    def _anew_if_sound(self, cassette: str, row: Row) -> Row | None:
        try:
            return self._anew(cassette, row)
        except CassetteError:  # told where its recording is replayed
            return None

    def _anew_if_possible(self, cassette: str, row: Row) -> Row | None:
        try:
            return self._anew_if_sound(cassette, row)
        except StoreError:
            return None


def _key_of(data: bytes) -> str:
    return key_id(data) if data[:1] == ENCRYPTED else PLAIN

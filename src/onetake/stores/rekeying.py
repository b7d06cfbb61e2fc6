"""Bringing all that a store holds under the first key, while others read and write.

One cassette is one step: rewritten whole, if nobody else has changed it, or not at all. What is done stays
done, so an interruption costs nothing, and a second time finds only what is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from msgspec import Struct

from onetake.errors import CassetteError, StoreError
from onetake.formats.packing import ENCRYPTED, key_id
from onetake.stores.port import RUNS, Row, RowStore
from onetake.stores.rows.encrypted import EncryptedStore, place_of
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
    """Of one store; with `write` what is found is rewritten too. Every method raises `StoreError`, also
    where a key is not there.
    """

    def __init__(self, store: EncryptedStore[RowStore], *, write: bool) -> None:
        self._store = store.within
        self._keyring: Keyring = store.keyring
        self._write = write
        self.place = store.place

    def names(self) -> list[str]:
        """Of all cassettes."""
        return sorted(set(self._store.cassettes()))

    def rows(self, cassette: str) -> Outdated:
        """Write the rows of one cassette with the new key.

        Raises `CassetteError` where a row was tampered with.
        """
        place, told = place_of("row", cassette), f"A recording of {self.place}#{cassette}"
        for _ in range(_TRIES):
            held = self._store.read(cassette)
            old = [row for row in held.rows if not self._keyring.is_current(row.data)]
            new: list[Row] = []
            for row in old:
                at = place + row.slot.encode("utf-8", "surrogatepass")
                new.append(Row(row.slot, self._anew(row.data, at, told)))
            found = Outdated(len(held.rows), Counter(_key_of(row.data) for row in old))
            if not new or not self._write:
                return found
            if self._store.rewrite(cassette, new, known=held.version):
                return found
        raise StoreError(
            f"{self.place}#{cassette} is written by too many at once.",
            remedy="Run again when fewer tests are recording.",
            path=self.place,
        )

    def blobs(self) -> Outdated:
        """Of the whole store; those that were tampered with stay as they are, and are counted."""
        names, found = self._store.blob_names(), Outdated()
        for at in range(0, len(names), _BLOBS_AT_ONCE):
            held = self._store.blobs(names[at : at + _BLOBS_AT_ONCE])
            old = {n: data for n, data in held.items() if not self._keyring.is_current(data)}
            new: dict[str, bytes] = {}
            for name, data in old.items():
                with suppress(CassetteError):  # told where its recording is replayed
                    told = f"The blob {name} of {self.place}"
                    new[name] = self._anew(data, place_of("blob", name), told)
            if new and self._write:
                self._store.rewrite_blobs(new)
            found += Outdated(len(held), Counter(map(_key_of, old.values())))
        return found

    def lines(self, cassettes: Sequence[str]) -> Outdated:
        """Of the histories of `cassettes` and of runs; what cannot be decrypted is left, and not counted."""
        found, lines = Outdated(), dict[str, dict[bytes, bytes]]()
        for name in (*cassettes, RUNS):
            place, held = place_of("history", name), self._store.history(name)
            old: dict[bytes, bytes] = {}
            for line in held:
                if not self._keyring.is_current(line):
                    with suppress(CassetteError, StoreError):
                        old[line] = self._anew(line, place, "A line")
            found += Outdated(len(held), Counter(map(_key_of, old)))
            if old:
                lines[name] = old
        if lines and self._write:
            self._store.rewrite_histories(lines)
        return found

    def finish(self) -> None:
        """Leave nothing behind in a file of what was rewritten."""
        if self._write and isinstance(self._store, SqliteStore):
            self._store.compact()

    def _anew(self, data: bytes, place: bytes, told: str) -> bytes:
        return self._keyring.seal(self._keyring.open(data, place, told), place)


def _key_of(data: bytes) -> str:
    return key_id(data) if data[:1] == ENCRYPTED else PLAIN

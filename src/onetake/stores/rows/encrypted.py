"""A store that keeps what it is given encrypted: values only, names stay as they are.

It lies in front of the cache and the spool, so that these hold what the store holds. What is there in plain
is read (so that `encrypt` can be switched on any day), and nothing more is written so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Generic, TypeVar

from onetake.stores.port import BLOBS, Capacity, Claim, Held, Owned, Row, Trouble, capacity_of
from onetake.stores.rows.keyring import Keyring
from onetake.stores.rows.layered import LayeredStore

_Store = TypeVar("_Store", bound=Owned)


class EncryptedStore(Generic[_Store]):
    """`within` under the keys of `keyring`."""

    def __init__(self, within: _Store, keyring: Keyring) -> None:
        self.within = within
        self.keyring = keyring
        self.place = within.place

    def read(self, cassette: str, *, known: str = "", slots: Collection[str] | None = None) -> Held:
        held = self.within.read(cassette, known=known, slots=slots)
        rows = tuple(opened_row(self.keyring, self.place, cassette, row) for row in held.rows)
        return Held(rows, held.version, held.is_unchanged)

    def append(
        self, cassette: str, rows: Sequence[Row], *, replacing_run: str | None = None
    ) -> frozenset[str]:
        sealed = self._sealed(cassette, rows)
        return self.within.append(cassette, sealed, replacing_run=replacing_run)

    def rewrite(self, cassette: str, rows: Sequence[Row], *, known: str) -> bool:
        return self.within.rewrite(cassette, self._sealed(cassette, rows), known=known)

    def remove(self, cassette: str, slots: Sequence[str] | None = None, *, known: str = "") -> int:
        return self.within.remove(cassette, slots, known=known)

    def names(self, cassette: str | None = None) -> Iterator[str]:
        return self.within.names(cassette)

    def claim(self, name: str, holder: str, ttl_s: float) -> Claim:
        claim = self.within.claim(name, holder, ttl_s)
        if not claim.data:
            return claim
        told = f"An answer in {self.place}"
        return Claim(
            claim.is_own, self.keyring.open(claim.data, place_of("claim", name), told), claim.holder
        )

    def settle(self, name: str, holder: str, data: bytes, ttl_s: float) -> None:
        self.within.settle(name, holder, self.keyring.seal(data, place_of("claim", name)), ttl_s)

    def release(self, names: Sequence[str], holder: str) -> None:
        self.within.release(names, holder)

    def capacity(self) -> Capacity | None:
        return capacity_of(self.within)

    def close(self) -> None:
        self.within.close()

    def _sealed(self, cassette: str, rows: Sequence[Row]) -> list[Row]:
        return [sealed_row(self.keyring, cassette, row) for row in rows]


class EncryptedLayers(EncryptedStore[LayeredStore]):
    """An encrypted store on another machine, with its cache and its spool."""

    @property
    def remote(self) -> EncryptedStore[Owned]:
        return EncryptedStore(self.within.remote, self.keyring)

    def waiting(self) -> dict[str, int]:
        return self.within.waiting()

    def deliver(self) -> None:
        self.within.deliver()

    def drain_trouble(self) -> Trouble | None:
        return self.within.drain_trouble()


Layers = LayeredStore | EncryptedLayers
"""A store with a cache and a spool."""


def sealed_row(keyring: Keyring, cassette: str, row: Row) -> Row:
    """Encrypt a row for this cassette and its own name alone; one without data has nothing to hide."""
    if not row.data:
        return row
    return Row(row.slot, keyring.seal(row.data, place_of("row", cassette) + _encoded(row.slot)))


def opened_row(keyring: Keyring, place: str, cassette: str, row: Row) -> Row:
    """Decrypt a row of the store at `place`; one that was never encrypted is given as it is.

    Raises `StoreError` where its key is not here, `CassetteError` where it was changed or moved.
    """
    told = f"A recording of {place}#{cassette}"
    if cassette == BLOBS:
        told = f"The blob {row.slot} of {place}"
    at = place_of("row", cassette) + _encoded(row.slot)
    return Row(row.slot, keyring.open(row.data, at, told))


def place_of(kind: str, name: str) -> bytes:
    """Return what a value is sealed for: no two kinds and names give the same, whatever follows."""
    encoded = _encoded(name)
    return b"%b %d %b " % (kind.encode(), len(encoded), encoded)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")

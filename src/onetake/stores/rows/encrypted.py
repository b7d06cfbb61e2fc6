"""A store that keeps what it is given encrypted: values only, names stay as they are.

It lies in front of the cache and the spool, so that these hold what the store holds. What is there in plain
is read (so that `encrypt` can be switched on any day), and nothing more is written so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from onetake.errors import CassetteError, StoreError
from onetake.stores.port import Capacity, Claim, Held, Row, RowStore
from onetake.stores.rows.keyring import Keyring
from onetake.stores.rows.layered import LayeredStore, Trouble

_Store = TypeVar("_Store", bound=RowStore)


class EncryptedStore(Generic[_Store]):
    """`within` under the keys of `keyring`."""

    def __init__(self, within: _Store, keyring: Keyring) -> None:
        self.within = within
        self.keyring = keyring
        self.place = within.place

    def read(self, cassette: str, *, known: str = "") -> Held:
        held = self.within.read(cassette, known=known)
        if not held.rows:
            return held
        place, told = place_of("row", cassette), f"A recording of {self.place}#{cassette}"
        opened = self.keyring.open
        rows = tuple(
            Row(row.slot, opened(row.data, place + _encoded(row.slot), told)) for row in held.rows
        )
        return Held(rows, held.version)

    def append(
        self,
        cassette: str,
        rows: Sequence[Row],
        *,
        replacing_run: str | None = None,
        keep_s: float | None = None,
    ) -> frozenset[str]:
        sealed = self._sealed(cassette, rows)
        return self.within.append(cassette, sealed, replacing_run=replacing_run, keep_s=keep_s)

    def blobs(self, names: Sequence[str]) -> dict[str, bytes]:
        found = self.within.blobs(names)
        return {
            name: self.keyring.open(
                data, place_of("blob", name), f"The blob {name} of {self.place}"
            )
            for name, data in found.items()
        }

    def put_blobs(self, blobs: Mapping[str, bytes]) -> None:
        self.within.put_blobs(self._sealed_blobs(blobs))

    def old_blobs(self, older_than_s: float) -> list[str]:
        return self.within.old_blobs(older_than_s)

    def remove_blobs(self, names: Sequence[str], older_than_s: float) -> int:
        return self.within.remove_blobs(names, older_than_s)

    def cassettes(self) -> Iterator[str]:
        return self.within.cassettes()

    def remove(self, cassette: str, slots: Sequence[str] | None = None, *, known: str = "") -> int:
        return self.within.remove(cassette, slots, known=known)

    def claim(self, name: str, holder: str, ttl_s: float) -> Claim:
        claim = self.within.claim(name, holder, ttl_s)
        if not claim.data:
            return claim
        told = f"An answer in {self.place}"
        data = self.keyring.open(claim.data, place_of("claim", name), told)
        return Claim(claim.is_own, data, claim.holder)

    def settle(self, name: str, holder: str, data: bytes, ttl_s: float) -> None:
        self.within.settle(name, holder, self.keyring.seal(data, place_of("claim", name)), ttl_s)

    def release(self, names: Sequence[str], holder: str) -> None:
        self.within.release(names, holder)

    def history(self, cassette: str) -> list[bytes]:
        """Without the lines that cannot be decrypted: they are only statistics."""
        place, lines = place_of("history", cassette), list[bytes]()
        for line in self.within.history(cassette):
            with suppress(CassetteError, StoreError):
                lines.append(self.keyring.open(line, place, "A line"))
        return lines

    def add_histories(self, lines: Mapping[str, bytes]) -> None:
        seal = self.keyring.seal
        self.within.add_histories(
            {name: seal(line, place_of("history", name)) for name, line in lines.items()}
        )

    def once(self, token: str) -> bool:
        return self.within.once(token)

    def rewrite(self, cassette: str, rows: Sequence[Row], *, known: str) -> bool:
        return self.within.rewrite(cassette, self._sealed(cassette, rows), known=known)

    def rewrite_blobs(self, blobs: Mapping[str, bytes]) -> None:
        self.within.rewrite_blobs(self._sealed_blobs(blobs))

    def rewrite_histories(self, lines: Mapping[str, Mapping[bytes, bytes]]) -> None:
        """Each line as it lies there is found by what it says."""
        there: dict[str, dict[bytes, bytes]] = {}
        for name, wanted in lines.items():
            place = place_of("history", name)
            for line in self.within.history(name):
                with suppress(CassetteError, StoreError):
                    new = wanted.get(self.keyring.open(line, place, "A line"))
                    if new is not None:
                        there.setdefault(name, {})[line] = self.keyring.seal(new, place)
        self.within.rewrite_histories(there)

    def blob_names(self) -> list[str]:
        return self.within.blob_names()

    def capacity(self) -> Capacity | None:
        return self.within.capacity()

    def close(self) -> None:
        self.within.close()

    def _sealed(self, cassette: str, rows: Sequence[Row]) -> list[Row]:
        place, seal = place_of("row", cassette), self.keyring.seal
        return [Row(row.slot, seal(row.data, place + _encoded(row.slot))) for row in rows]

    def _sealed_blobs(self, blobs: Mapping[str, bytes]) -> dict[str, bytes]:
        seal = self.keyring.seal
        return {name: seal(data, place_of("blob", name)) for name, data in blobs.items()}


class EncryptedLayers(EncryptedStore[LayeredStore]):
    """One on another machine, with its cache and its spool."""

    @property
    def remote(self) -> EncryptedStore[RowStore]:
        return EncryptedStore(self.within.remote, self.keyring)

    def waiting(self) -> dict[str, int]:
        return self.within.waiting()

    def deliver(self) -> None:
        self.within.deliver()

    def drain_trouble(self) -> Trouble | None:
        return self.within.drain_trouble()


Layers = LayeredStore | EncryptedLayers
"""A store with a cache and a spool."""


def place_of(kind: str, name: str) -> bytes:
    """What a value is sealed for: no two kinds and names give the same, whatever follows."""
    encoded = _encoded(name)
    return b"%b %d %b " % (kind.encode(), len(encoded), encoded)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")

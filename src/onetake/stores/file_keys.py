"""The keys and digests of a cassette file's recordings, found out when somebody asks for them.

Recordings that are asked for in recorded order are known by their digests alone, a few at a time. Whoever asks
in another order needs all keys. Those of a large cassette are kept in an index on this machine, which holds for
exactly this text and these rules.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import overload

from msgspec import Struct

from onetake.errors import StoreError
from onetake.formats.stored import Stored
from onetake.matching.raw import DIGEST_SIZE, raw_digest
from onetake.messages import Request
from onetake.stores.placing import put_in_place
from onetake.stores.private import ensure_private
from onetake.stores.whole_files import read_file

_KEY_SIZE = DIGEST_SIZE
_NAME_SIZE = 20
_INDEX_FROM = 100  # recordings; below that computing the keys is cheaper than a second file
_BLOCK = 32  # digests that are computed together: each needs a little of one recording


class Index(Struct, frozen=True):
    """The file in which keys and digests are kept for one text and one set of rules."""

    path: Path
    cache: Path
    text: bytes
    fingerprint: str

    def read(self, size: int) -> tuple[list[bytes], list[bytes]] | None:
        """Return the keys and the digests of `size` recordings; None where the index is of another text."""
        try:
            known = read_file(self.path) or b""
        except StoreError:  # only a cache
            return None
        if len(known) != _NAME_SIZE + 2 * _KEY_SIZE * size or known[:_NAME_SIZE] != self._name:
            return None
        places = range(_NAME_SIZE, len(known), _KEY_SIZE)
        found = [known[at : at + _KEY_SIZE] for at in places]
        return found[:size], found[size:]

    def write(self, keys: Sequence[bytes], digests: Sequence[bytes]) -> None:
        """Keep the keys and the digests, if that can be done."""
        try:
            ensure_private(self.path.parent, self.cache)
            data = self._name + b"".join((*keys, *digests))
            put_in_place(self.path, data, is_private=True)
        except OSError:
            pass  # only a cache

    @property
    def _name(self) -> bytes:
        text = hashlib.sha256(self.text).digest()
        key = self.fingerprint.encode()[:64]
        return hashlib.blake2b(text, key=key, digest_size=_NAME_SIZE).digest()


class FileKeys:
    """The keys and digests of `entries`, which are all of one file. Several threads may ask: they agree."""

    def __init__(
        self, entries: Sequence[Stored], key: Callable[[Request], bytes], index: Index
    ) -> None:
        self._entries = entries
        self._key_of = key
        self._index: Index | None = index
        if len(entries) < _INDEX_FROM or not index.fingerprint:
            self._index = None
        self._keys: dict[int, bytes] = {}
        self._digests: dict[int, list[bytes]] = {}
        """Of each block of recordings that was asked for."""
        self._all: tuple[list[bytes], list[bytes]] | None = None

    @property
    def keys(self) -> Sequence[bytes]:
        """The key of each recording. Asking for one of them computes that one."""
        return _Lazy(len(self._entries), self._key, lambda: self._found[0])

    @property
    def digests(self) -> Sequence[bytes]:
        """The digest of each recording (see `matching.raw`). Asking for one of them computes a few."""
        return _Lazy(len(self._entries), self._digest, lambda: self._found[1])

    def _key(self, place: int) -> bytes:
        if self._all is not None:
            return self._all[0][place]
        key = self._keys.get(place)
        if key is None:
            key = self._keys[place] = self._key_of(self._entries[place].request)
        return key

    def _digest(self, place: int) -> bytes:
        if self._all is not None:
            return self._all[1][place]
        number, offset = divmod(place, _BLOCK)
        block = self._digests.get(number)
        if block is None:
            entries = self._entries[number * _BLOCK : (number + 1) * _BLOCK]
            block = self._digests[number] = [raw_digest(entry.request) for entry in entries]
        return block[offset]

    @property
    def _found(self) -> tuple[list[bytes], list[bytes]]:
        """All of them, read from the index or computed."""
        if self._all is None:
            size, index = len(self._entries), self._index
            kept = index.read(size) if index is not None else None
            self._all = kept or self._computed()
            if index is not None and kept is None:
                index.write(*self._all)
            self._index = None  # it holds on to the text
        return self._all

    def _computed(self) -> tuple[list[bytes], list[bytes]]:
        """Compute the key of each recording and the digest of its bytes: each request is decoded once."""
        keys: list[bytes] = []
        digests: list[bytes] = []
        for entry in self._entries:
            request = entry.request
            keys.append(self._key_of(request))
            digests.append(raw_digest(request))
        return keys, digests


class _Lazy(Sequence[bytes]):
    """Values of which any one can be had by itself, and all together for less."""

    def __init__(
        self, size: int, one: Callable[[int], bytes], every: Callable[[], list[bytes]]
    ) -> None:
        self._size, self._one, self._every = size, one, every

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...
    def __getitem__(self, place: int | slice) -> bytes | list[bytes]:
        if isinstance(place, slice):
            return self._every()[place]
        return self._one(range(self._size)[place])

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._every())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

"""How a large cassette opens quickly: of its file a copy is kept that needs no parsing.

The copy lies in the project's `.onetake/` under the digest of the file: each interaction packed for itself, and
their request lines apart. So an opening makes none of them, and a request makes those that it is compared
with. It holds plain values: what it is read from can be anybody's, and nothing in it is run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableSequence, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, overload

import msgspec

from onetake.compat.vcr.persisters.filesystem import bytes_of, named, text_of
from onetake.compat.vcr.request import Request
from onetake.compat.vcr.serialize import Serializer, pairs_of, read_entries
from onetake.compat.vcr.serializers import jsonserializer, yamlserializer
from onetake.formats.yaml_text import FileLike
from onetake.project import find_root
from onetake.stores.vcr_files import digest_of, keep_copy, known_copy

Pair = tuple[Any, Any]
"""A request and its answer."""
Line = tuple[str, str]
"""Method and URI of a request."""

_WORTH = 32 << 10  # bytes: what is smaller is parsed in a few milliseconds
_FILE_LIKE = 1  # the code of what is else told from bytes by nothing


class _Copy(msgspec.Struct, array_like=True):
    metadata: Any
    lines: list[Line]
    entries: list[bytes]


class Pairs(MutableSequence[Pair]):
    """Pairs, each made when it is first asked for. `line` tells of a request without making it."""

    def __init__(
        self, lines: Sequence[Line] | None, count: int, make: Callable[[int], Pair]
    ) -> None:
        self._items: list[Pair | int] = list(range(count))
        self._lines = lines
        self._make = make

    def line(self, index: int) -> Line | None:
        """None of what is no request."""
        item = self._items[index]
        if isinstance(item, int):
            if self._lines is not None:
                return self._lines[item]
            item = self[index]
        request = item[0]
        return (request.method, request.uri) if isinstance(request, Request) else None

    def passed(self, change: Callable[..., Pair], *, keeps_line: bool) -> Pairs:
        """These, each changed when it is made."""
        lines = self._lines if keeps_line else None
        return Pairs(lines, len(self), lambda index: change(*self[index]))

    @overload
    def __getitem__(self, index: int) -> Pair: ...

    @overload
    def __getitem__(self, index: slice) -> list[Pair]: ...

    def __getitem__(self, index: int | slice) -> Pair | list[Pair]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        item = self._items[index]
        if isinstance(item, int):
            item = self._items[index] = self._make(item)
        return item

    def __setitem__(self, index: Any, pair: Any) -> None:
        self._items[index] = pair

    def __delitem__(self, index: int | slice) -> None:
        del self._items[index]

    def insert(self, index: int, pair: Pair) -> None:
        self._items.insert(index, pair)

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Pair]:
        return (self[index] for index in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Iterable) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))


def load(
    path: str | PathLike[str], serializer: Serializer
) -> tuple[list[Pair] | Pairs, dict[str, Any] | None]:
    """What a file holds, and its metadata. Raises as `FilesystemPersister.load_cassette`."""
    content = bytes_of(path)
    with named(path, content):
        return _loaded(path, content, serializer)


def _loaded(
    path: str | PathLike[str], content: bytes, serializer: Serializer
) -> tuple[list[Pair] | Pairs, dict[str, Any] | None]:
    kind = _KINDS.get(id(serializer))
    if kind is None or len(content) < _WORTH:
        entries, metadata = read_entries(text_of(content, path), serializer)
        return [*pairs_of(entries)], metadata
    cache, digest = find_root(Path.cwd()) / ".onetake", digest_of(content)
    copy = _read(known_copy(cache, Path(path), digest, kind))
    if copy is not None:
        return _pairs_in(copy), copy.metadata
    entries, metadata = read_entries(text_of(content, path), serializer)
    pairs = pairs_of(entries)
    if (packed := _packed(entries, pairs, metadata)) is not None:
        keep_copy(cache, Path(path), digest, packed, kind)
    return [*pairs], metadata


_KINDS = {id(yamlserializer): "-yaml", id(jsonserializer): "-json"}


def _pairs_in(copy: _Copy) -> Pairs:
    def make(index: int) -> Pair:
        (pair,) = pairs_of([_to_entry(copy.entries[index])])
        return pair

    return Pairs(copy.lines, len(copy.entries), make)


def _read(packed: bytes | None) -> _Copy | None:
    if packed is None:
        return None
    try:
        copy = _to_copy(packed)
    except msgspec.MsgspecError:
        return None
    return copy if len(copy.lines) == len(copy.entries) else None


def _packed(entries: list[Any], pairs: list[tuple[Request, Any]], metadata: Any) -> bytes | None:
    """None where it holds what cannot be packed, or would not come back the same."""
    lines = [(request.method, request.uri) for request, _ in pairs]
    try:
        packed = [_encode(entry) for entry in entries]
        made = _encode(_Copy(metadata, lines, packed))
        is_same = all(map(_is_same, entries, map(_to_entry, packed)))
        return made if is_same and _read(made) is not None else None
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError):
        return None


def _is_same(one: Any, other: Any) -> bool:
    """Equal, and of the same types: a tuple is no list."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return len(one) == len(other) and all(
            _is_same(*keys) and _is_same(one[keys[0]], other[keys[1]])
            for keys in zip(one, other, strict=True)
        )
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    return bool(one == other)


def _tagged(value: Any) -> Any:
    if isinstance(value, FileLike):
        return msgspec.msgpack.Ext(_FILE_LIKE, bytes(value))
    raise TypeError(type(value).__name__)


def _untagged(code: int, content: memoryview) -> Any:
    if code == _FILE_LIKE:
        return FileLike(content)
    raise ValueError(f"unknown code {code}")


_encode = msgspec.msgpack.Encoder(enc_hook=_tagged).encode
_to_entry = msgspec.msgpack.Decoder(ext_hook=_untagged).decode
_to_copy = msgspec.msgpack.Decoder(_Copy, ext_hook=_untagged).decode

"""Small pieces that suites import from `vcr.util`: header dictionaries, bodies, function composition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from types import FunctionType
from typing import Any, Protocol, Self

Pairs = Mapping[str, Any] | Iterable[tuple[str, Any]]


class CaseInsensitiveDict(MutableMapping[str, Any]):
    """A dictionary of header names: found in any case, listed in the case that was set last."""

    def __init__(self, data: Pairs | None = None, **more: Any) -> None:
        self._store: dict[str, tuple[str, Any]] = {}
        self.update(() if data is None else data, **more)

    def __setitem__(self, key: str, value: Any) -> None:
        self._store[key.lower()] = (key, value)

    def __getitem__(self, key: str) -> Any:
        return self._store[key.lower()][1]

    def __delitem__(self, key: str) -> None:
        del self._store[key.lower()]

    def __iter__(self) -> Iterator[str]:
        return (key for key, _ in self._store.values())

    def __len__(self) -> int:
        return len(self._store)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        return dict(self.lower_items()) == dict(CaseInsensitiveDict(other).lower_items())

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return repr(dict(self))

    def lower_items(self) -> Iterator[tuple[str, Any]]:
        """The items with names in lower case."""
        return ((name, value) for name, (_, value) in self._store.items())

    def pairs(self) -> list[tuple[str, Any]]:
        """The items with names as they were set, in one step."""
        return list(self._store.values())

    def lowered(self) -> dict[str, Any]:
        """The values by names in lower case, in one step."""
        return {name: value for name, (_, value) in self._store.items()}

    def copy(self) -> Self:
        return type(self)(self._store.values())


class HasBody(Protocol):
    """A request, as far as reading its body goes."""

    @property
    def body(self) -> Any: ...


def read_body(request: HasBody) -> Any:
    """The body as bytes where it is a file or an iterator, else as it is (bytes, None, a mapping).

    ValueError where the pieces of an iterator are neither bytes, text nor byte values.
    """
    body = request.body
    if body is None or isinstance(body, bytes):
        return body
    if hasattr(body, "read"):
        return body.read()
    return joined(body) if _is_nonsequence_iterator(body) else body


def joined(pieces: Iterable[Any]) -> bytes:
    """The pieces of a body as one: bytes, text (as UTF-8) or single byte values."""
    whole = bytearray()
    for piece in pieces:
        match piece:
            case str():
                whole += piece.encode()
            case bytes() | bytearray() | memoryview():
                whole += piece
            case int():
                whole.append(piece)
            case _:
                raise ValueError(f"Body type {type(piece)} not supported")
    return bytes(whole)


def partition_dict(
    predicate: Callable[[Any, Any], object], dictionary: Mapping[Any, Any]
) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """The items that `predicate(key, value)` holds for, and the others."""
    holds: dict[Any, Any] = {}
    others: dict[Any, Any] = {}
    for key, value in dictionary.items():
        (holds if predicate(key, value) else others)[key] = value
    return holds, others


def compose(*functions: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    """One function that applies `functions` from the last to the first, leaving out what is None."""

    def composed(value: Any) -> Any:
        for function in reversed(functions):
            if function:
                value = function(value)
        return value

    return composed


def auto_decorate(
    decorator: Callable[[Any], Any],
    predicate: Callable[[str, Any], object] = lambda _name, value: isinstance(value, FunctionType),
) -> type[type]:
    """A metaclass that decorates each attribute that `predicate(name, value)` holds for, now and when set."""

    def decorated(name: str, value: Any) -> Any:
        return decorator(value) if predicate(name, value) else value

    class Decorating(type):
        def __new__(
            cls, name: str, bases: tuple[type, ...], attributes: dict[str, Any]
        ) -> Decorating:
            every = {key: decorated(key, value) for key, value in attributes.items()}
            return super().__new__(cls, name, bases, every)

        def __setattr__(cls, name: str, value: Any) -> None:
            super().__setattr__(name, decorated(name, value))

    return Decorating


def _is_nonsequence_iterator(value: object) -> bool:
    return hasattr(value, "__iter__") and not isinstance(
        value, bytes | bytearray | str | list | Mapping
    )


def _is_async_iterator(value: object) -> bool:
    return hasattr(value, "__aiter__")

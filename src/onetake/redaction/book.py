"""The secrets of one opening, and the one placeholder of each.

A value is written in many places: a field of an answer, the query of the next request, a header line. Wherever
it stands, it has the same placeholder, so that whoever is given the one in a replay sends on what was recorded.
The kind of a placeholder is that of the value's shape, else the name under which it was found first; secrets
that have a shape, and values of variables, are numbered in the order in which they were found.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import count

from msgspec import Struct

from onetake.redaction.names import KINDS, is_worth_remembering
from onetake.redaction.placeholders import BY_VALUE, placeholder
from onetake.redaction.secret import Secret
from onetake.redaction.shape_table import shape_kinds
from onetake.redaction.shapes import kind_of, shaped_secrets
from onetake.redaction.tokens import decodable_key, readable_jwt
from onetake.wire.edits import Edit

_MOST_SOUGHT = 64  # the oldest is forgotten: each is looked for in every body
_MOST_WRITTEN = 4096
_LARGEST = 9999  # numbers begin anew after it


class Known(Struct, frozen=True):
    """Values that were found, oldest first, and their kinds. Immutable, so each thread has a whole one."""

    kinds: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self.kinds)

    def with_(self, secrets: Iterable[Secret]) -> Known:
        """Return what is known when `secrets` are known too; words and numbers are not."""
        new = {
            one.value: one.kind
            for one in secrets
            if one.value not in self.kinds and is_worth_remembering(one.value)
        }
        if not new:
            return self
        return Known(dict(list({**self.kinds, **new}.items())[-_MOST_SOUGHT:]))


class Book:
    """The placeholders of one opening. May be asked from any thread."""

    __slots__ = ("_numbers", "_placeholders")

    def __init__(self) -> None:
        self._placeholders: dict[str, bytes] = {}
        self._numbers: dict[str, count[int]] = {}

    def placeholder(self, value: str, kind: str) -> bytes:
        """Return what stands for `value`, which was found as a secret of `kind`."""
        known = self._placeholders.get(value)
        if known is not None:
            return known
        return self._noted(value, kind_of(value) or kind, value)

    def _by_value(self, value: str) -> bytes:
        """Return what stands for `value` in a request where nothing but the value gives it away."""
        key = f"{BY_VALUE}\0{value}"
        return self._placeholders.get(key) or self._noted(key, BY_VALUE, value)

    def _noted(self, key: str, kind: str, value: str) -> bytes:
        number = 0
        if kind in _numbered():  # `setdefault` and `next` are whole: no two threads get one number
            number = next(self._numbers.setdefault(kind, count())) % _LARGEST + 1
        made = placeholder(kind, number).encode()
        if len(self._placeholders) < _MOST_WRITTEN and is_worth_remembering(value):
            made = self._placeholders.setdefault(key, made)
        return made

    def new(self, secret: Secret, given_s: float | None = None) -> bytes:
        """Return what stands for `secret`.

        `given_s` is the moment (UTC seconds) at which an answer gave it: what programs read stays readable.
        """
        if secret.new is not None:
            return secret.new
        if not secret.kind:
            return self._by_value(secret.value)
        raw = secret.value.encode("utf-8", "surrogatepass")
        if given_s is not None and raw.startswith(b"eyJ"):
            made = readable_jwt(raw, given_s)
            if made is not None:
                return made
        made = self.placeholder(secret.value, secret.kind)
        return decodable_key(raw, made) if secret.kind == "private-key" else made


@cache
def _numbered() -> frozenset[str]:
    return frozenset({BY_VALUE, *shape_kinds() - KINDS})


def edits_of(secrets: Iterable[Secret], book: Book) -> list[Edit]:
    """Return the edits that put what stands for each of `secrets` in its place."""
    return [Edit(one.start, one.end, book.new(one)) for one in secrets]


def written(data: bytes, secrets: Sequence[Secret], book: Book) -> bytes:
    """Return `data` with what stands for each of `secrets`, which are in order."""
    pieces: list[bytes] = []
    at = 0
    for one in secrets:
        pieces += (data[at : one.start], book.new(one))
        at = one.end
    return b"".join((*pieces, data[at:])) if pieces else data


def without_shapes(data: bytes) -> bytes:
    """Return `data` without the secrets that have a shape."""
    return written(data, shaped_secrets(data), Book())


def written_text(text: str, secrets: Sequence[Secret], book: Book) -> str:
    """Return `text` with what stands for each of `secrets`, whose places are those of its UTF-8."""
    if not secrets:
        return text
    data = text.encode("utf-8", "surrogatepass")
    return written(data, secrets, book).decode("utf-8", "surrogatepass")

"""Names and values of queries and forms.

`+` and `%20` are the same space; `a` and `a=` differ; an empty pair (`a&&b`) counts. Text with a
broken escape is compared undecoded, so that `%zz` and `%25zz` stay two things.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from msgspec import Struct

_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


class Pair(Struct, frozen=True, order=True):
    """One pair, decoded. `value` is None where there was no `=`."""

    name: bytes
    value: bytes | None


def read_pairs(text: bytes) -> list[Pair]:
    """The pairs in their order; none for empty text."""
    if not text:
        return []
    broken = not is_well_escaped(text)
    pairs: list[Pair] = []
    for piece in text.split(b"&"):
        name, equals, value = piece.partition(b"=")
        if not broken:
            name, value = _decoded(name), _decoded(value)
        pairs.append(Pair(name, value if equals else None))
    return pairs


def is_well_escaped(text: bytes) -> bool:
    """Whether every `%` begins an escape."""
    return b"%" not in text or _BROKEN_ESCAPE.search(text) is None


def pairs_identity(text: bytes) -> bytes:
    """The multiset of pairs as bytes that no other multiset has."""
    return identity_of(read_pairs(text), well_escaped=is_well_escaped(text))


def identity_of(pairs: Iterable[Pair], *, well_escaped: bool) -> bytes:
    """Return the identity of pairs that were read; those of text with a broken escape are told apart."""
    pieces = []
    for pair in pairs:
        if pair.value is None:
            pieces.append(b"%d:%s-" % (len(pair.name), pair.name))
        else:
            pieces.append(b"%d:%s=%d:%s" % (len(pair.name), pair.name, len(pair.value), pair.value))
    pieces.sort()
    if not well_escaped:
        pieces.insert(0, b"undecoded ")
    return b"".join(pieces)


def _decoded(text: bytes) -> bytes:
    if b"+" in text:
        text = text.replace(b"+", b" ")
    return unquote_to_bytes(text) if b"%" in text else text

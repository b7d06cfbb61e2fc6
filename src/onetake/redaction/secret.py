"""A secret in a text: where it stands, what it is, and which of two that overlap counts."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace


class Secret(Struct, frozen=True):
    """`data[start:end]` is `value`, spelled somehow, a secret of `kind`.

    `new` is what is to stand there where that is decided already, as within base64 or for a number.
    """

    start: int
    end: int
    kind: str
    value: str
    new: bytes | None = None
    is_known: bool = False  # it was found because its value is known
    is_shaped: bool = False  # it was found because of its shape


def merged(*groups: Iterable[Secret]) -> Sequence[Secret]:
    """Return the secrets of all groups in the order of their places.

    Of two that overlap the one of the earlier group stays, in one group the one that comes first. Of a known
    value that loses, what stands outside of the others becomes nothing.
    """
    kept: list[Secret] = []
    for group in groups:
        for one in group:
            if not kept or kept[-1].end <= one.start:
                kept.append(one)
                continue
            for piece in _free(kept, one):
                kept.insert(bisect_left(kept, piece.start, key=_start), piece)
    return kept


def _free(kept: Sequence[Secret], one: Secret) -> Sequence[Secret]:
    """Return `one` where it overlaps none of `kept`, else what is left of it where it is a known value."""
    at = bisect_left(kept, one.start, key=_start)
    if at and kept[at - 1].end > one.start:
        at -= 1
    stop = at
    while stop < len(kept) and kept[stop].start < one.end:
        stop += 1
    if at == stop:
        return (one,)
    if not one.is_known:
        return ()
    ends = (one.start, *(other.end for other in kept[at:stop]))
    starts = (*(other.start for other in kept[at:stop]), one.end)
    return [
        replace(one, start=start, end=end, new=_left_of(one, end - start))
        for start, end in zip(ends, starts, strict=True)
        if start < end
    ]


def _left_of(one: Secret, size: int) -> bytes:
    """Return what stands for a stretch of a secret whose other part has its placeholder."""
    is_base64 = one.kind == "base64" and one.new is not None
    return (one.new or b"")[:size] if is_base64 else b""


def outside(secrets: Sequence[Secret], known: Iterable[Sequence[Secret]]) -> Sequence[Secret]:
    """Return `secrets` without what is but a part of a longer one in a group of `known`.

    What a rule or a name tells of stays in any case.
    """
    if not any(one.is_shaped or one.is_known for one in secrets):
        return secrets
    longer = [other for group in known for other in group]
    return [
        one
        for one in secrets
        if not ((one.is_shaped or one.is_known) and any(_is_part(one, other) for other in longer))
    ]


def _is_part(one: Secret, other: Secret) -> bool:
    return other.start <= one.start and one.end <= other.end and _size(one) < _size(other)


def _start(secret: Secret) -> int:
    return secret.start


def _size(secret: Secret) -> int:
    return secret.end - secret.start

"""Changes to a text by position, and where its chunks end afterwards."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from onetake.messages import Chunk


class Edit(Struct, frozen=True):
    """`data[start:end]` becomes `new`."""

    start: int
    end: int
    new: bytes


def apply(data: bytes, edits: Sequence[Edit]) -> bytes:
    """`data` with `edits` made; they are in order and do not overlap."""
    pieces: list[bytes] = []
    at = 0
    for edit in edits:
        pieces += (data[at : edit.start], edit.new)
        at = edit.end
    pieces.append(data[at:])
    return b"".join(pieces)


def shift(chunks: Sequence[Chunk], edits: Sequence[Edit]) -> tuple[Chunk, ...]:
    """`chunks` after `edits`. A border within a replaced value keeps its distance from its start.

    Offsets stay in order and within the body.
    """
    shifted: list[Chunk] = []
    moved = 0
    following = iter(edits)
    edit = next(following, None)
    for chunk in chunks:
        while edit is not None and edit.end <= chunk.end:
            moved += len(edit.new) - (edit.end - edit.start)
            edit = next(following, None)
        if edit is not None and edit.start < chunk.end:
            end = edit.start + moved + min(chunk.end - edit.start, len(edit.new))
        else:
            end = chunk.end + moved
        shifted.append(Chunk(end, chunk.ms))
    return tuple(shifted)

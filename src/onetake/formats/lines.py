"""The lines of a journal: one interaction each, in the form that is written soonest."""

from __future__ import annotations

import msgspec

from onetake.errors import CassetteError
from onetake.formats.entries import (
    BROKEN,
    Entry,
    RawEntry,
    Recorded,
    from_interaction,
    to_interaction,
)
from onetake.messages import Interaction
from onetake.wire.late import late_decoder


class _Line(Entry, kw_only=True):
    seq: int


class _RawLine(RawEntry, kw_only=True):
    seq: int


_lines = late_decoder(_RawLine)
_encode = msgspec.json.Encoder().encode


def encode_plain(interaction: Interaction, seq: int) -> bytes:
    """One line of a journal, without its line end: `seq` is the place in the order of sending."""
    entry = from_interaction(interaction)
    response = interaction.response
    chunks = response.body.chunks if response is not None else ()
    line = _Line(
        seq=seq,
        request=entry.request,
        response=entry.response,
        failure=entry.failure,
        ended=entry.ended,
        recorded=Recorded(interaction.at, interaction.ms, chunks),
    )
    return _encode(line)


def decode_plain(line: bytes) -> tuple[int, Interaction]:
    """Read a line of a journal: its number and the interaction. Raises `CassetteError` for a torn one."""
    try:
        found = _lines.decode(line)
        return found.seq, to_interaction(found, _no_blob)
    except BROKEN as error:
        raise CassetteError(f"A line of a journal cannot be read: {error}.") from error


def _no_blob(name: str) -> bytes:
    raise CassetteError(f"A line of a journal refers to the blob {name}.")

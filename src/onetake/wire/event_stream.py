"""AWS event streams: binary messages with headers and a payload, as Bedrock streams its answers.

Format: "Amazon Event Stream encoding" (https://smithy.io/2.0/aws/amazon-eventstream.html). A message is
its whole length and that of its headers, the CRC of these eight bytes, the headers, the payload, and the
CRC of all before it; every number is big-endian.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from onetake.wire.edits import Edit, apply
from onetake.wire.late import late_decoder

_PRELUDE = struct.Struct(">III")
_CRC = struct.Struct(">I")
_SHORT = struct.Struct(">H")
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}  # of values, by type
_WITH_LENGTH = (6, 7)  # bytes, and a text
_TEXT = 7


class Frame(Struct, frozen=True):
    """One message: `name` is its event type (or that of its exception), "" where it has none."""

    name: str
    payload: bytes


class _Wrapped(Struct):
    data: bytes = msgspec.field(name="bytes")  # base64, as the API writes blobs in JSON


_wrapped = late_decoder(_Wrapped)


def begins(stream: bytes) -> bool:
    """Return whether `stream` begins with the first twelve bytes of a message, whose checksum fits."""
    if len(stream) < 16:
        return False
    size, of_headers, crc = _PRELUDE.unpack_from(stream)
    return bool(size >= 16 + of_headers and zlib.crc32(stream[:8]) == crc)


def _spans(stream: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield the place, the size of the headers and the end of each whole message, up to a broken one."""
    at = 0
    while len(stream) - at >= 16:
        size, of_headers, crc = _PRELUDE.unpack_from(stream, at)
        end = at + size
        if size < 16 + of_headers or end > len(stream) or zlib.crc32(stream[at : at + 8]) != crc:
            return
        if zlib.crc32(stream[at : end - 4]) != _CRC.unpack_from(stream, end - 4)[0]:
            return
        yield at, of_headers, end
        at = end


def payloads(stream: bytes) -> Iterator[tuple[int, int]]:
    """Yield where the payload of each whole message begins and ends. Never raises."""
    for at, of_headers, end in _spans(stream):
        yield at + 12 + of_headers, end - 4


def reframed(stream: bytes, edits: Sequence[Edit]) -> list[Edit]:
    """Return `edits` of payloads, in order, with the edits that make lengths and checksums fit."""
    made: list[Edit] = []
    first = 0
    for at, of_headers, end in _spans(stream):
        last = first
        while last < len(edits) and edits[last].end <= end:
            last += 1
        own = edits[first:last]
        if not own:
            continue
        first = last
        body = apply(stream[at + 12 : end - 4], [_moved(edit, -at - 12) for edit in own])
        prelude = _PRELUDE.pack(len(body) + 16, of_headers, 0)[:8]
        prelude += _CRC.pack(zlib.crc32(prelude))
        crc = _CRC.pack(zlib.crc32(prelude + body))
        made += (Edit(at, at + 12, prelude), *own, Edit(end - 4, end, crc))
    return [*made, *edits[first:]]


def _moved(edit: Edit, by: int) -> Edit:
    return Edit(edit.start + by, edit.end + by, edit.new)


def read_frames(stream: bytes) -> Iterator[Frame]:
    """The whole messages of `stream`, up to the first that is cut or broken. Never raises."""
    for at, of_headers, end in _spans(stream):
        start = at + 12
        headers = _headers(stream[start : start + of_headers])
        name = headers.get(":event-type") or headers.get(":exception-type") or ""
        yield Frame(name, stream[start + of_headers : end - 4])


def _headers(data: bytes) -> dict[str, str]:
    """The values that are texts; what follows a broken header is not read."""
    found: dict[str, str] = {}
    at = 0
    try:
        while at < len(data):
            value = at + 2 + data[at]
            name, kind = data[at + 1 : value - 1], data[value - 1]
            if kind in _WITH_LENGTH:
                (size,) = _SHORT.unpack_from(data, value)
                value += 2
            else:
                size = _SIZES[kind]
            at = value + size
            if kind == _TEXT:
                found[name.decode("utf-8", "replace")] = data[value:at].decode("utf-8", "replace")
    except (IndexError, KeyError, struct.error):
        pass
    return found


def unwrapped(payload: bytes) -> bytes:
    """The model's own event in a `chunk` of InvokeModelWithResponseStream, or nothing. Never raises."""
    try:
        return _wrapped.decode(payload).data
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return b""

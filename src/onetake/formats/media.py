"""Answers with their media made tiny: what a test needs is a valid file of the type, not its pixels.

A medium is known by its first bytes, whatever the headers say. JSON is changed within its text, so
that every byte outside a replaced string stays.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterator
from itertools import chain

import msgspec
from msgspec.structs import replace

from onetake.messages.http import Body, Chunk, Response, media_type
from onetake.wire.edits import Edit, apply

# Nothing this small is touched. Every tiny file is smaller, also as base64: shrinking twice is as once.
_KEPT_SIZE = 1024

_PNG = b64decode(  # 1x1, grey
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mP4DwABAQEAHLCMmQAAAABJRU5ErkJggg=="
)
_JPEG = b64decode(  # 1x1, grey, baseline
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19i"
    "Z2hnPk1xeXBkeFxlZ2P/wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAB//EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAI"
    "AQEAAD8AQH//2Q=="
)
_WEBP = b64decode("UklGRh4AAABXRUJQVlA4TBEAAAAvAAAAAAfQ//73v/+BiOh/AAA=")  # 1x1, VP8L
# Four samples of silence: 16 bit, mono, 8 kHz.
_WAV = b64decode("UklGRiwAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQgAAAAAAAAAAAAAAA==")
# Two frames of MPEG 1 layer III, 32 kbit/s at 44.1 kHz, mono: 144 * 32000 // 44100 = 104 bytes each.
# Side information of zeros alone says that no data follow: silence.
_MP3 = 2 * (b64decode("//sQxA==") + bytes(100))
_PDF = b64decode(  # one empty page
    "JVBERi0xLjQKMSAwIG9iago8PC9UeXBlL0NhdGFsb2cvUGFnZXMgMiAwIFI+PgplbmRvYmoKMiAwIG9iago8PC9UeXBlL1BhZ2Vz"
    "L0tpZHNbMyAwIFJdL0NvdW50IDE+PgplbmRvYmoKMyAwIG9iago8PC9UeXBlL1BhZ2UvUGFyZW50IDIgMCBSL01lZGlhQm94WzAg"
    "MCAzIDNdL1Jlc291cmNlczw8Pj4+PgplbmRvYmoKeHJlZgowIDQKMDAwMDAwMDAwMCA2NTUzNSBmIAowMDAwMDAwMDA5IDAwMDAw"
    "IG4gCjAwMDAwMDAwNTQgMDAwMDAgbiAKMDAwMDAwMDEwNSAwMDAwMCBuIAp0cmFpbGVyCjw8L1NpemUgNC9Sb290IDEgMCBSPj4K"
    "c3RhcnR4cmVmCjE4MAolJUVPRgo="
)

# kbit/s of layer III by the header's four bits, for MPEG 1 and for MPEG 2 and 2.5 (ISO 11172-3, 13818-3).
_BITRATES = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_SAMPLE_RATES = (44100, 48000, 32000)
_MPEG_1 = 3

# A whole string that could be base64, plain or URL-safe. Some servers escape what JSON need not: / + =.
_STRING = re.compile(
    rb'(?<!\\)"(?:data:[^",]{0,200};base64,)?'
    rb"((?:[A-Za-z0-9+/_-]++|\\/|\\u002[bBfF])*+(?:=|\\u003[dD]){0,2})"
    rb'"(?!\s*:)'
)
_ESCAPE = re.compile(rb"\\(?:/|u00(2[bBfF]|3[dD]))")
_EVENT_DATA = re.compile(rb"(?:\A|(?<=[\r\n]))data:[^\r\n]*")
_HEAD = 4096  # base64 digits: enough for two frames of MP3


def shrink(response: Response) -> Response:
    """Return the answer with each medium over 1 KiB replaced by a tiny valid file of its type.

    PNG, JPEG, WebP, MP3, WAV and PDF: as the whole body, or as base64 (also as a data: URL) in the
    strings of a JSON body and of the JSON in server-sent events. Chunks and content-length are made to
    fit. An answer without such media is returned itself. Never raises.
    """
    body = response.body
    events = media_type(response.headers.get("content-type")) == "text/event-stream"
    edits = list(_edits(body.data, events=events))
    if not edits:
        return response
    data = apply(body.data, edits)
    headers = response.headers
    if (
        not body.encoding and "content-length" in headers
    ):  # encoded, it counts what replay makes anew
        headers = headers.replacing("content-length", str(len(data)))
    fitting = Body(data=data, chunks=_moved(body.chunks, edits, len(data)), encoding=body.encoding)
    return replace(response, headers=headers, body=fitting)


def _edits(data: bytes, *, events: bool) -> Iterator[Edit]:
    """What to replace, in order."""
    if len(data) <= _KEPT_SIZE:
        return iter(())
    if (tiny := _tiny(data)) is not None:
        return iter([Edit(0, len(data), tiny)])
    if not events:
        return _in_json(data, 0, len(data))
    lines = ((found.start() + len(b"data:"), found.end()) for found in _EVENT_DATA.finditer(data))
    return chain.from_iterable(_in_json(data, start, end) for start, end in lines)


def _in_json(data: bytes, start: int, end: int) -> Iterator[Edit]:
    """The edits in the JSON text that lies there; none where it is not JSON."""
    if end - start <= _KEPT_SIZE:
        return
    edits = [
        Edit(*found.span(1), new)
        for found in _STRING.finditer(data, start, end)
        if found.end(1) - found.start(1) > _KEPT_SIZE
        and (new := _tiny_base64(found[1])) is not None
    ]
    if edits and _is_json(data[start:end]):
        yield from edits


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text.removeprefix(b"\xef\xbb\xbf"), type=msgspec.Raw)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return False
    return True


def _tiny_base64(text: bytes) -> bytes | None:
    """The tiny file of base64, in the same alphabet; None where it is no known medium."""
    digits = _ESCAPE.sub(_unescaped, text) if b"\\" in text else text
    url_safe = b"-" in digits or b"_" in digits
    padded = len(digits) % 4 == 0
    if not padded and (not url_safe or digits.endswith(b"=")):
        return None
    if url_safe and (b"+" in digits or b"/" in digits):
        return None
    altchars = b"-_" if url_safe else b"+/"
    try:
        tiny = _tiny(b64decode(digits[:_HEAD] + b"=" * (-len(digits[:_HEAD]) % 4), altchars))
    except Base64Error:
        return None
    if tiny is None:
        return None
    encoded = b64encode(tiny, altchars)
    return encoded if padded else encoded.rstrip(b"=")


def _unescaped(found: re.Match[bytes]) -> bytes:
    return bytes([int(found[1], 16)]) if found[1] else b"/"


def _tiny(data: bytes) -> bytes | None:
    """The tiny file of the type that the first bytes tell."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _PNG
    if data.startswith(b"\xff\xd8\xff"):
        return _JPEG
    if data.startswith(b"%PDF-"):
        return _PDF
    if data.startswith(b"RIFF"):
        return {b"WEBP": _WEBP, b"WAVE": _WAV}.get(data[8:12])
    # ID3v2: a version below 0xff, then a size in bytes of seven bits.
    if re.match(rb"ID3[^\xff]{2}.[\x00-\x7f]{4}", data, re.DOTALL) or _is_mpeg(data):
        return _MP3
    return None


def _is_mpeg(data: bytes) -> bool:
    """Whether two frames of layer III follow one another: eleven bits of one header are too weak a sign."""
    size = _frame_size(data[:4])
    return size > 0 and _frame_size(data[size : size + 4]) > 0


def _frame_size(header: bytes) -> int:
    """Bytes of the frame of layer III that begins so, or 0."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return 0
    version = header[1] >> 3 & 3
    bitrate, rate = header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or bitrate in (0, 15) or rate == 3:
        return 0
    kilobits = _BITRATES[version != _MPEG_1][bitrate]
    samples = 144 if version == _MPEG_1 else 72
    hertz = _SAMPLE_RATES[rate] >> {3: 0, 2: 1, 0: 2}[version]
    return samples * kilobits * 1000 // hertz + (header[2] >> 1 & 1)


def _moved(chunks: tuple[Chunk, ...], edits: list[Edit], size: int) -> tuple[Chunk, ...]:
    """The chunks of the edited body: ends within a replaced string move in proportion.

    Ends that fall together are one chunk, which came when the last of them did.
    """
    moved: list[Chunk] = []
    shift = at = 0
    for chunk in chunks:
        while at < len(edits) and edits[at].end <= chunk.end:
            shift += len(edits[at].new) - (edits[at].end - edits[at].start)
            at += 1
        place = chunk.end + shift
        if at < len(edits) and (edit := edits[at]).start < chunk.end:
            # Rounded up, so that the first piece of a body is not empty.
            within = (edit.start - chunk.end) * len(edit.new) // (edit.end - edit.start)
            place = edit.start + shift - within
        place = min(max(place, moved[-1].end if moved else 0), size)
        if moved and moved[-1].end == place:
            moved.pop()
        moved.append(Chunk(place, chunk.ms))
    if moved:
        moved[-1] = Chunk(size, moved[-1].ms)
    return tuple(moved)

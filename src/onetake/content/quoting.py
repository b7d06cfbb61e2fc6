"""How a value is written where it stands, and back.

A value of a body is plain UTF-8; around it lie the escapes of JSON, of forms or of XML. `raw_span` leads a span
of the value to the span of the bytes that spell it, so that an edit touches no other byte.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from base64 import b64decode, b64encode
from enum import StrEnum
from html import unescape
from urllib.parse import quote_plus, unquote_to_bytes

from onetake.wire.encodings import decoder
from onetake.wire.json_tokens import text_of

GZIP_MAGIC = b"\x1f\x8b\x08"
_GZIP_HEAD = GZIP_MAGIC + b"\0\0\0\0\0\0\xff"  # no flags, no time, of no system
_MOST_STORED = 65_535  # bytes of a block that is only stored (RFC 1951, section 3.2.4)


class Quoting(StrEnum):
    """The escapes around a value. GZIP and BASE64 can only be written as a whole."""

    PLAIN = "plain"
    JSON = "json"
    FORM = "form"
    XML = "xml"
    GZIP = "gzip"
    BASE64 = "base64"

    @property
    def is_whole(self) -> bool:
        """Whether an edit of the value writes all of it anew."""
        return self in (Quoting.GZIP, Quoting.BASE64)


_PAIR = rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_UNITS = {
    Quoting.JSON: re.compile(rb"%b|\\u[0-9a-fA-F]{4}|\\.|[^\\]+|\\" % _PAIR, re.DOTALL),
    Quoting.FORM: re.compile(rb"%[0-9A-Fa-f]{2}|\+|[^%+]+|%", re.DOTALL),
    Quoting.XML: re.compile(rb"&[#\w]{1,32};|[^&]+|&", re.DOTALL),
}
_ESCAPES = {Quoting.JSON: (b"\\",), Quoting.FORM: (b"%", b"+"), Quoting.XML: (b"&",)}


def unquote(raw: bytes, quoting: Quoting) -> bytes:
    """Return the value that `raw` spells. Never raises: what is not spelled in this way stands for itself."""
    match quoting:
        case Quoting.JSON if b"\\" in raw:
            return text_of(raw).encode("utf-8", "surrogatepass")
        case Quoting.FORM:
            plain = raw.replace(b"+", b" ") if b"+" in raw else raw
            return unquote_to_bytes(plain) if b"%" in plain else plain
        case Quoting.XML if b"&" in raw:
            return unescape(raw.decode("utf-8", "surrogateescape")).encode(
                "utf-8", "surrogateescape"
            )
        case Quoting.GZIP:
            return _unzipped(raw)
        case Quoting.BASE64:
            try:
                return b64decode(raw, validate=True)
            except ValueError:
                return raw
    return raw


def quote(value: bytes, quoting: Quoting) -> bytes:
    """Spell `value` so that `unquote` gives it back."""
    match quoting:
        case Quoting.JSON:
            text = value.decode("utf-8", "surrogateescape")
            return json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8", "surrogateescape")
        case Quoting.FORM:
            return quote_plus(value).encode()
        case Quoting.XML:
            marks = ((b"&", b"&amp;"), (b"<", b"&lt;"), (b">", b"&gt;"), (b'"', b"&quot;"))
            for mark, escape in marks:
                value = value.replace(mark, escape)
            return value
        case Quoting.GZIP:
            return gzip_stored(value)
        case Quoting.BASE64:
            return b64encode(value)
    return value


def raw_span(raw: bytes, quoting: Quoting, start: int, end: int) -> tuple[int, int]:
    """Return the span of `raw` that spells `value[start:end]`. An escape is never cut in two."""
    if quoting.is_whole:
        return 0, len(raw)
    if quoting is Quoting.PLAIN or not any(mark in raw for mark in _ESCAPES[quoting]):
        return start, end
    at = 0  # in the value
    begin = len(raw)
    for unit in _UNITS[quoting].finditer(raw):
        spelled = unit[0]
        is_escape = spelled[:1] in _ESCAPES[quoting]
        size = len(unquote(spelled, quoting)) if is_escape else len(spelled)
        if begin == len(raw) and at + size > start:
            begin = unit.start() if is_escape else unit.start() + start - at
        if at + size >= end:
            stop = unit.end() if is_escape else unit.start() + end - at
            return min(begin, stop), stop
        at += size
    return begin, len(raw)


def gzip_stored(data: bytes) -> bytes:
    """Write a gzip file (RFC 1952) that holds `data` uncompressed: equal bytes give equal bytes everywhere."""
    blocks = [data[at : at + _MOST_STORED] for at in range(0, len(data), _MOST_STORED)] or [b""]
    pieces = [_GZIP_HEAD]
    for number, block in enumerate(blocks, 1):
        size = len(block)
        pieces += (struct.pack("<BHH", number == len(blocks), size, size ^ 0xFFFF), block)
    pieces.append(struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF))
    return b"".join(pieces)


def _unzipped(raw: bytes) -> bytes:
    coder = decoder("gzip")
    try:
        return coder.feed(raw) + coder.finish() if coder else raw
    except (ValueError, zlib.error):  # broken, or larger than what is decoded
        return raw

"""How a value is written where it stands, and back.

A value of a body is plain UTF-8; around it lie the escapes of JSON, of forms or of XML. `Escapes` lead a span
of the value to the span of the bytes that spell it, so that an edit touches no other byte.
"""

from __future__ import annotations

import json
import re
import zlib
from bisect import bisect_left, bisect_right
from enum import StrEnum
from html import unescape
from urllib.parse import quote as percent_encoded
from urllib.parse import quote_plus, unquote_to_bytes

from onetake.wire.encodings import decoder, encoded
from onetake.wire.json_tokens import string_of
from onetake.wire.late import late_pattern


class Quoting(StrEnum):
    """The escapes around a value. GZIP can only be written as a whole."""

    PLAIN = "plain"
    JSON = "json"
    FORM = "form"
    PERCENT = "percent"  # of a form but for `+`, which stands for itself (RFC 8187)
    XML = "xml"
    GZIP = "gzip"

    @property
    def is_whole(self) -> bool:
        """Tell whether an edit of the value writes all of it anew."""
        return self is Quoting.GZIP


_PAIR = rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPES = {
    Quoting.JSON: late_pattern(rb"%b|\\u[0-9a-fA-F]{4}|\\." % _PAIR, re.DOTALL),
    Quoting.FORM: late_pattern(rb"%[0-9A-Fa-f]{2}|\+"),
    Quoting.PERCENT: late_pattern(rb"%[0-9A-Fa-f]{2}"),
    Quoting.XML: late_pattern(rb"&[#\w]{1,32};"),
}


def unquote(raw: bytes, quoting: Quoting) -> bytes:
    """Return the value that `raw` spells. Never raises: what is not spelled in this way stands for itself."""
    match quoting:
        case Quoting.JSON if b"\\" in raw:
            text = string_of(raw)
            return _unescaped(raw, quoting) if text is None else text.encode()
        case Quoting.FORM if b"+" in raw:
            return unquote_to_bytes(raw.replace(b"+", b" "))
        case Quoting.FORM | Quoting.PERCENT if b"%" in raw:
            return unquote_to_bytes(raw)
        case Quoting.XML if b"&" in raw:
            return _unescaped(raw, quoting)
        case Quoting.GZIP:
            return _unzipped(raw)
    return raw


def quote(value: bytes, quoting: Quoting) -> bytes:
    """Spell `value` so that `unquote` gives it back."""
    match quoting:
        case Quoting.JSON:
            text = value.decode("utf-8", "surrogateescape")
            return json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8", "surrogateescape")
        case Quoting.FORM:
            return quote_plus(value).encode()
        case Quoting.PERCENT:
            return percent_encoded(value, "").encode()
        case Quoting.XML:
            marks = ((b"&", b"&amp;"), (b"<", b"&lt;"), (b">", b"&gt;"))
            for mark, escape in (*marks, (b'"', b"&quot;"), (b"'", b"&#39;")):
                value = value.replace(mark, escape)
            return value
        case Quoting.GZIP:
            return encoded(value, "gzip")
    return value


class Escapes:
    """The escapes of a spelled value, which lead from places in the value to places in its spelling."""

    def __init__(self, raw: bytes, quoting: Quoting) -> None:
        self._raw, self._is_whole = raw, quoting.is_whole
        # Of each escape: where it begins and ends in the value and in the bytes that spell it.
        self._begins: list[int] = []
        self._ends: list[int] = []
        self._spans: list[tuple[int, int]] = []
        expression = _ESCAPES.get(quoting)
        shorter = 0
        for found in expression.finditer(raw) if expression is not None else ():
            start, end = found.span()
            size = len(_unescape(found[0], quoting))
            self._begins.append(start - shorter)
            self._ends.append(start - shorter + size)
            self._spans.append((start, end))
            shorter += end - start - size

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the bytes that spell `value[start:end]`. An escape is never cut in two."""
        if self._is_whole:
            return 0, len(self._raw)
        if not self._spans:
            return start, end
        first = self._first(start)
        return first, first if start == end else self._last(end)

    def _first(self, place: int) -> int:
        number = bisect_right(self._ends, place)
        if number < len(self._begins) and self._begins[number] < place:
            return self._spans[number][0]
        return self._spans[number - 1][1] + place - self._ends[number - 1] if number else place

    def _last(self, place: int) -> int:
        number = bisect_left(self._begins, place) - 1
        if number < 0:
            return place
        return self._spans[number][1] + max(0, place - self._ends[number])


def _unescaped(raw: bytes, quoting: Quoting) -> bytes:
    return _ESCAPES[quoting].sub(lambda found: _unescape(found[0], quoting), raw)


def _unescape(escape: bytes, quoting: Quoting) -> bytes:
    """Return what one escape stands for; a broken one stands for itself."""
    match quoting:
        case Quoting.JSON:
            text = string_of(escape)
            return escape if text is None else text.encode()
        case Quoting.XML:
            return unescape(escape.decode("ascii")).encode("utf-8", "surrogatepass")
    return b" " if escape == b"+" else unquote_to_bytes(escape)


def _unzipped(raw: bytes) -> bytes:
    coder = decoder("gzip")
    try:
        return coder.feed(raw) + coder.finish() if coder else raw
    except (ValueError, zlib.error):  # broken, or larger than what is decoded
        return raw

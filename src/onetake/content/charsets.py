"""Bytes in other character sets, made UTF-8 for reading, and positions led back to them."""

from __future__ import annotations

import codecs
import re

_PARAMETER = re.compile(r';\s*charset\s*=\s*"?([\w.:-]{1,40})', re.IGNORECASE)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_JSON_START = re.compile(rb'[ \t\r\n]*(?:\{[ \t\r\n]*["}]|\[[ \t\r\n]*["\[{\]\d-])')
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
# Codecs that are no character sets of bodies, or that decode whatever they are given.
_REFUSED = ("idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem")
_WITHOUT_MARK = {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}  # which Python would write again
# Where zeros stand among the first four bytes, if these are characters of ASCII.
_ZEROS: dict[tuple[bool, ...], str] = {
    (False, True, True, True): "utf-32-le",
    (True, True, True, False): "utf-32-be",
    (False, True, False, True): "utf-16-le",
    (True, False, True, False): "utf-16-be",
}
_FIRST = frozenset(b"\0\t\n\r" + bytes(range(0x20, 0x7F)))


def charset_of(data: bytes, content_type: str) -> tuple[str, int]:
    """Return the character set of `data` and the length of its byte order mark.

    The bytes come first: a mark, or the zeros between the first characters of JSON, XML or a form in UTF-16.
    What is valid UTF-8 is UTF-8; else the claimed set is taken, and Latin-1 for what begins as JSON. An empty
    name says that `data` is no text.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return (name, len(mark)) if _is_in(data[len(mark) :], name) else ("", 0)
    name = _by_zeros(data)
    if name:
        return (name, 0) if _is_in(data, name) else ("", 0)
    if data.isascii() or _is_in(data, "utf-8"):
        return "utf-8", 0
    claimed = _claimed(content_type) or _guessed(data)
    return (claimed, 0) if claimed and _is_exactly_in(data, claimed) else ("", 0)


def to_utf8(data: bytes, charset: str, mark: int) -> bytes:
    """Return the text of `data`, which is in `charset` and begins with a mark of `mark` bytes, as UTF-8."""
    if charset in ("utf-8", ""):
        return data[mark:] if mark else data
    return data[mark:].decode(charset).encode("utf-8", "surrogatepass")


def size_in(text: bytes, charset: str) -> int:
    """Return how many bytes the UTF-8 `text` has in `charset`."""
    return len(in_charset(text, charset))


def in_charset(text: bytes, charset: str) -> bytes:
    """Return the UTF-8 `text` in `charset`; a character that it lacks becomes a question mark."""
    if charset in ("utf-8", ""):
        return text
    return text.decode("utf-8", "surrogatepass").encode(charset, "replace")


def _by_zeros(data: bytes) -> str:
    head = data[:4]
    if 0 not in head or not _FIRST.issuperset(head):
        return ""
    return _ZEROS.get(tuple(not byte for byte in head), "")


def _claimed(content_type: str) -> str:
    found = _PARAMETER.search(content_type)
    if found is None:
        return ""
    try:
        info = codecs.lookup(found[1])
    except (LookupError, ValueError):
        return ""
    is_text = getattr(info, "_is_text_encoding", True)
    name = _WITHOUT_MARK.get(info.name, info.name)
    return name if is_text and name.replace("-", "_") not in _REFUSED else ""


def _guessed(data: bytes) -> str:
    return "iso8859-1" if _JSON_START.match(data) and not _CONTROL.search(data) else ""


def _is_exactly_in(data: bytes, charset: str) -> bool:
    """Return whether `data` is text in `charset`, spelled as Python spells it: else no place leads back."""
    try:
        return data.decode(charset).encode(charset) == data
    except (UnicodeError, LookupError):
        return False


def _is_in(data: bytes, charset: str) -> bool:
    try:
        return data.decode(charset) is not None
    except (UnicodeError, LookupError):
        return False

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
# Codecs that are no character sets of bodies, or that decode whatever they are given.
_REFUSED = ("idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem")


def charset_of(data: bytes, content_type: str) -> tuple[str, int]:
    """Return the character set of `data` and the length of its byte order mark.

    The bytes come first: a mark, or the zeros between the first characters of JSON, XML or a form in UTF-16.
    What is valid UTF-8 is UTF-8; else the claimed set is taken. An empty name says that `data` is no text.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return (name, len(mark)) if _is_in(data[len(mark) :], name) else ("", 0)
    name = _by_zeros(data)
    if name:
        return (name, 0) if _is_in(data, name) else ("", 0)
    if data.isascii() or _is_in(data, "utf-8"):
        return "utf-8", 0
    claimed = _claimed(content_type)
    return (claimed, 0) if claimed and _is_in(data, claimed) else ("", 0)


def to_utf8(data: bytes, charset: str, mark: int) -> bytes:
    """Return the text of `data`, which is in `charset` and begins with a mark of `mark` bytes, as UTF-8."""
    if charset in ("utf-8", ""):
        return data[mark:] if mark else data
    return data[mark:].decode(charset).encode("utf-8", "surrogatepass")


def place_in(text: bytes, at: int, charset: str, mark: int) -> int:
    """Return where the byte `at` of the UTF-8 `text` stands in the bytes that it was made of."""
    if charset in ("utf-8", ""):
        return at + mark
    before = text[:at].decode("utf-8", "surrogatepass")
    return mark + len(before.encode(charset, "surrogatepass"))


def in_charset(text: bytes, charset: str) -> bytes:
    """Return the UTF-8 `text` in `charset`; a character that it lacks becomes a question mark."""
    if charset in ("utf-8", ""):
        return text
    return text.decode("utf-8", "surrogatepass").encode(charset, "replace")


def _by_zeros(data: bytes) -> str:
    head = data[:4]
    if len(head) < 4 or head.count(0) < 2:
        return ""
    if not head[0] and not head[2] and head[1] and head[3]:
        return "utf-16-be"
    if not head[1] and not head[3] and head[0] and head[2]:
        return "utf-16-le"
    return ""


def _claimed(content_type: str) -> str:
    found = _PARAMETER.search(content_type)
    if found is None:
        return ""
    try:
        info = codecs.lookup(found[1])
    except (LookupError, ValueError):
        return ""
    is_text = getattr(info, "_is_text_encoding", True)
    return info.name if is_text and info.name not in _REFUSED else ""


def _is_in(data: bytes, charset: str) -> bool:
    try:
        return data.decode(charset) is not None
    except (UnicodeError, LookupError):
        return False

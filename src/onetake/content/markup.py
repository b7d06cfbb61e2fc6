"""The values of XML and HTML: texts between tags, CDATA, comments and attributes, with their spans.

Nothing is parsed as a tree: markup that is broken, or cut, is read as far as it goes, and what is no tag is
text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from onetake.content.quoting import Quoting
from onetake.wire.late import late_pattern

# No alternative looks further than to the next `<` in vain, so reading is linear.
_TOKEN = late_pattern(
    rb"""<!\[CDATA\[(?P<data>(?:[^\]]++|\](?!\]>))*+)(?:\]\]>)?"""
    rb"""|<!--(?P<comment>(?:[^-]++|-(?!->))*+)(?:-->)?"""
    rb"""|<(?P<close>/?)(?:[\w.-]++:)?+(?P<name>[\w.-]*+)(?P<within>(?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+)>"""
    rb"""|(?P<text><?[^<]*+)"""
)
_ATTRIBUTE = late_pattern(
    rb"""(?:^|\s)(?:[\w.-]++:)?+([\w.-]++)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'<>=]++))"""
)


class Value(NamedTuple):
    """A text and the name of the element or attribute that it is the value of, or an empty name."""

    start: int
    end: int
    quoting: Quoting
    name: str


def values_of(text: bytes) -> Iterator[Value]:
    """Yield the values of `text`, in order. Never raises."""
    name = ""
    for token in _TOKEN.finditer(text):
        match token.lastgroup:
            case "data":
                yield Value(*token.span("data"), Quoting.PLAIN, name)
                name = ""
            case "comment":
                yield Value(*token.span("comment"), Quoting.PLAIN, "")
            case "text":
                if token[0].strip():
                    yield Value(*token.span(), Quoting.XML, name)
                    name = ""
            case _:
                yield from _attributes(token)
                is_open = not token["close"] and not token["within"].endswith(b"/")
                name = token["name"].decode("latin-1") if is_open else ""


def _attributes(tag: re.Match[bytes]) -> Iterator[Value]:
    within = tag["within"]
    if b"=" not in within:
        return
    offset = tag.start("within")
    for found in _ATTRIBUTE.finditer(within):
        start, end = found.span(found.lastindex or 2)
        yield Value(offset + start, offset + end, Quoting.XML, found[1].decode("latin-1"))

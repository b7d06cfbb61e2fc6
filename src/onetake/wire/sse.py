"""Server-sent events of a whole stream (WHATWG HTML, section 9.2.6)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

_LINE_END = re.compile(r"\r\n|\r|\n")


class ServerEvent(Struct, frozen=True):
    """One event: its type ("" for `message`) and its data, lines joined by line ends."""

    name: str
    data: str


def read_events(stream: bytes) -> Iterator[ServerEvent]:
    """The events of `stream`, also a last one without its empty line, as cut streams end. Never raises."""
    name = ""
    data: list[str] = []
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    for line in (*_LINE_END.split(text), ""):
        if not line:
            if data:
                yield ServerEvent(name, "\n".join(data))
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data.append(value)
        elif field == "event":
            name = value

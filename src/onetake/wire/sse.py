"""Server-sent events of a whole stream (WHATWG HTML, section 9.2.6)."""

from __future__ import annotations

import re

from msgspec import Struct

_LINE_END = re.compile(r"\r\n|\r|\n")


class ServerEvent(Struct, frozen=True):
    """One event: its type ("" for `message`) and its data, lines joined by line ends."""

    name: str
    data: str


def read_events(stream: bytes) -> list[ServerEvent]:
    """Return the events of `stream`, and a last one without its empty line, as of a cut one. Never raises."""
    events: list[ServerEvent] = []
    name = ""
    data: list[str] = []
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    for line in (*_LINE_END.split(text), ""):
        if not line:
            if data:
                events.append(ServerEvent(name, "\n".join(data)))
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data.append(value)
        elif field == "event":
            name = value
    return events

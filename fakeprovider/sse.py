"""Server-sent events: one event is one chunk."""

from __future__ import annotations

from fakeprovider.messages import Answer, HeaderLines, to_json


def event(data: object, *, name: str | None = None) -> bytes:
    """One event; `name` adds the `event:` line."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + to_json(data) + b"\n\n"


def stream(events: list[bytes], headers: HeaderLines) -> Answer:
    """An event stream whose chunks are the events."""
    head = (("content-type", "text/event-stream; charset=utf-8"), *headers)
    return Answer(headers=head, chunks=tuple(events), framing="chunked")

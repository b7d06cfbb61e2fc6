"""Secrets in bodies: which reader a body needs, and the edits that it asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

import msgspec

from onetake.messages import media_type
from onetake.redaction.fields import (
    has_fragment,
    json_edits,
    may_hold_secrets,
    places_of_fragments,
)
from onetake.redaction.names import field_kind, is_secret_value
from onetake.redaction.placeholders import is_placeholder, placeholder, url_placeholder
from onetake.redaction.shaped import shape_edits
from onetake.wire.edits import Edit

if TYPE_CHECKING:
    from onetake.wire.multipart import Part

_BLANK = b" \t\r\n"
_FORM = "application/x-www-form-urlencoded"
_XML = re.compile(rb"<(?:[\w.-]+:)?([\w.-]{1,64})(?:\s[^<>]*)?>([^<>]+)</")
_EVENT_LINE = re.compile(rb"(?:data|event|id|retry)?:")


def is_form(content_type: str, body: bytes) -> bool:
    """Whether `body` is read as pairs: it claims so, and does not look like JSON."""
    return media_type(content_type) == _FORM and body.lstrip(_BLANK)[:1] not in (b"{", b"[")


def body_edits(content_type: str, body: bytes) -> list[Edit]:
    """The edits that redact `body`, in order."""
    if not body:
        return []
    first = body[:1] if body[0] > 0x20 else body.lstrip(_BLANK)[:1]
    if first == b"{" or first == b"[":
        return _json(body) if may_hold_secrets(body) else []
    claim = media_type(content_type)
    if claim == _FORM:
        return list(_form(body)) if has_fragment(body) or b"%" in body else []
    if not has_fragment(body):
        return []
    if claim.startswith("multipart/"):
        return list(_multipart(content_type, body))
    if first == b"<":
        return list(_xml(body))
    if "event-stream" in claim or "json" in claim or _EVENT_LINE.match(body):
        return list(_lines(body))
    return []


# What no secret of a shape stands in: it would be found by chance, and changing it would break it.
_NO_TEXT = ("image/", "audio/", "video/", "font/", "model/")
_NO_DOCUMENTS = frozenset(
    {"application/pdf", "application/zip", "application/gzip", "application/wasm"}
)


def is_text(content_type: str) -> bool:
    """Whether a body of this type may be text: one whose type is not told, too."""
    claim = media_type(content_type)
    return not claim.startswith(_NO_TEXT) and claim not in _NO_DOCUMENTS


def shaped_body_edits(
    content_type: str, body: bytes, *, in_url: bool = False, given_s: float | None = None
) -> list[Edit]:
    """The edits that redact `body` by shape, in order. Of an upload only what is text is looked at."""
    edits = shape_edits(body, in_url=in_url, given_s=given_s)
    if not edits or not media_type(content_type).startswith("multipart/"):
        return edits
    binary = _binary_spans(content_type, body)
    return [edit for edit in edits if not any(start <= edit.start < end for start, end in binary)]


def _binary_spans(content_type: str, body: bytes) -> list[tuple[int, int]]:
    return [
        (start, start + len(part.body))
        for part, start in placed_parts(content_type, body)
        if not is_text(part.headers.get("content-type")) or b"\0" in part.body
    ]


def is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data)
    except (ValueError, RecursionError):
        return False
    return True


def _json(body: bytes) -> list[Edit]:
    if is_json(body):
        return list(json_edits(body))
    return list(_lines(body))


def _lines(body: bytes) -> Iterator[Edit]:
    """JSON lines, the data lines of an event stream, and JSON that breaks off.

    Most events of a stream hold no such name: only lines that may are taken apart.
    """
    end = 0
    for at in places_of_fragments(body):
        if at < end:
            continue
        begin = body.rfind(b"\n", 0, at) + 1
        end = body.find(b"\n", at)
        line = body[begin : end if end >= 0 else len(body)]
        end = begin + len(line)
        start = len(line) - len(line.lstrip(_BLANK))
        if line[start : start + 5] == b"data:":
            start += 5
        yield from json_edits(line[start:].rstrip(b"\r"), begin + start)


def _form(body: bytes) -> Iterator[Edit]:
    at = 0
    for piece in body.split(b"&"):
        name, equals, value = piece.partition(b"=")
        kind = field_kind(unquote_plus(name.decode("latin-1"))) if equals else None
        if kind:
            text = unquote_plus(value.decode("utf-8", "replace"))
            if is_secret_value(text) and not is_placeholder(text):
                start = at + len(name) + 1
                yield Edit(start, at + len(piece), url_placeholder(kind).encode(), kind, text)
        at += len(piece) + 1


def _xml(body: bytes) -> Iterator[Edit]:
    for found in _XML.finditer(body):
        kind = field_kind(found[1].decode("latin-1"))
        value = found[2].decode("utf-8", "replace")
        if kind and is_secret_value(value) and not is_placeholder(value):
            new = b"&lt;" + placeholder(kind).encode()[1:-1] + b"&gt;"
            if found[2] != new:
                yield Edit(*found.span(2), new, kind, value)


def _multipart(content_type: str, body: bytes) -> Iterator[Edit]:
    for part, start in placed_parts(content_type, body):
        kind = field_kind(part.name or "")
        text = part.body.decode("utf-8", "replace")
        if kind and part.filename is None and is_secret_value(text) and not is_placeholder(text):
            end = start + len(part.body)
            yield Edit(start, end, placeholder(kind).encode(), kind, text)
        elif part.body.lstrip(_BLANK)[:1] == b"{" and may_hold_secrets(part.body):
            yield from json_edits(part.body, start)


def placed_parts(content_type: str, body: bytes) -> Iterator[tuple[Part, int]]:
    """The parts of an upload, each with where its content begins, up to one that cannot be found."""
    from onetake.wire.multipart import parse

    try:
        parsed = parse(content_type, body)
    except (ValueError, RecursionError):
        return
    at = 0
    for part in parsed.parts if parsed else ():
        start = _content(body, part.body, at)
        if start < 0:
            return
        at = start + len(part.body)
        yield part, start


def _content(body: bytes, content: bytes, at: int) -> int:
    """Where a part's content stands: after an empty line and before the next delimiter."""
    for end_of_line in b"\r\n", b"\n":
        found = body.find(end_of_line * 2 + content + end_of_line + b"--", at)
        if found >= 0:
            return found + 2 * len(end_of_line)
    return -1

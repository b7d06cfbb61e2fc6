"""A body by its meaning: two spellings of one value are one body.

What the content type claims is tried first, then what the bytes look like (urllib calls every body
a form). What does not parse as it claims is compared as bytes. The kind is part of the identity,
so a JSON body and a bytes body never meet by accident.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from onetake.matching.pairs import identity_of, is_well_escaped, read_pairs
from onetake.matching.urls import framed, to_bytes
from onetake.messages import Headers, Request, media_type


class Kind(StrEnum):
    EMPTY = "empty"
    JSON = "json"
    LINES = "lines"
    FORM = "form"
    MULTIPART = "multipart"
    BYTES = "bytes"


class PartFacts(Struct, frozen=True, kw_only=True):
    """What counts of one part of a multipart body.

    `further` are its other headers, sorted, and its disposition where that is not `form-data`.
    """

    name: str
    filename: str | None = None
    content_type: str = ""
    further: tuple[tuple[str, str], ...] = ()
    content: bytes = b""


class Content(Struct, frozen=True):
    """A body that was read: `value` is JSON data, a list of it for each line, a list of `Pair`, a list of
    `PartFacts`, or bytes, by its kind. A fraction or exponent in JSON stays text, as `msgspec.Raw`."""

    kind: Kind
    value: Any


# A float stays the text it was (`1.0` is not `1.00`); the encoder writes it back verbatim.
_decode = msgspec.json.Decoder(float_hook=msgspec.Raw).decode
_encode = msgspec.json.Encoder(order="deterministic").encode
_BLANK = b" \t\r\n"
_FORM = "application/x-www-form-urlencoded"


def body_kind(request: Request) -> Kind:
    """How `request`'s body is compared."""
    return read_body(request).kind


def body_identity(request: Request) -> bytes:
    """`content_identity(read_body(request))`; raises nothing."""
    body = request.body
    if body[:1] in (b"{", b"[") and not _claims_multipart(request):  # the usual one, made short
        try:
            return b"json:" + _encode(_decode(body))
        except (ValueError, RecursionError):
            pass
    return content_identity(read_body(request))


def read_body(request: Request) -> Content:
    """`request`'s body, taken apart. Never raises."""
    body = request.body
    if not body:
        return Content(Kind.EMPTY, b"")
    content_type = request.headers.get("content-type")
    claim = media_type(content_type)
    if claim.startswith("multipart/"):
        parts = _parts(content_type, body)
        return Content(Kind.BYTES, body) if parts is None else Content(Kind.MULTIPART, parts)
    if body[:1] in (b"{", b"[") or "json" in claim or body.lstrip(_BLANK)[:1] in (b"{", b"["):
        value = parse_json(body)
        if value is not None:
            return Content(Kind.JSON, value[0])
        lines = parse_lines(body)
        if lines is not None:
            return Content(Kind.LINES, lines)
    if claim == _FORM and is_well_escaped(body):
        return Content(Kind.FORM, read_pairs(body))
    return Content(Kind.BYTES, body)


def content_identity(content: Content) -> bytes:
    """The bytes that equal bodies share."""
    match content.kind:
        case Kind.JSON:
            identity = _encode(content.value)
        case Kind.LINES:
            identity = b"\n".join(map(_encode, content.value))
        case Kind.FORM:
            identity = identity_of(content.value, well_escaped=True)
        case Kind.MULTIPART:
            identity = _parts_identity(content.value)
        case _:
            identity = content.value
    return b"%s:%s" % (content.kind.value.encode(), identity)


def parse_json(data: bytes) -> tuple[Any] | None:
    """The value of `data`, in a tuple as it may be None; None where it is not JSON that can be compared."""
    try:
        value = _decode(data)
        _encode(value)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return None
    return (value,)


def parse_lines(body: bytes) -> list[Any] | None:
    """The values of JSON lines, blank ones left out; None where one is not JSON."""
    values = [parse_json(line) for line in body.split(b"\n") if line.strip(_BLANK)]
    return None if None in values else [value[0] for value in values if value is not None]


def write_json(value: object) -> bytes:
    """The canonical text of a JSON value, for comparing."""
    return _encode(value)


def _claims_multipart(request: Request) -> bool:
    return request.headers.get("content-type").lstrip()[:10].lower() == "multipart/"


def _parts(content_type: str, body: bytes) -> list[PartFacts] | None:
    from onetake.wire.multipart import parse

    try:
        parsed = parse(content_type, body)
    except (ValueError, RecursionError):
        return None
    if parsed is None:
        return None
    return [
        PartFacts(
            name=part.name,
            filename=part.filename,
            content_type=part.content_type,
            further=tuple(sorted(_further(part.headers))),
            content=part.body,
        )
        for part in parsed.parts
    ]


def _further(headers: Headers) -> Iterator[tuple[str, str]]:
    for name, value in headers:
        lowered = name.lower()
        if lowered == "content-disposition":
            how = media_type(value)
            if how != "form-data":  # `attachment`, `inline`
                yield lowered, how
        elif lowered not in ("content-type", "content-length"):
            yield lowered, value.strip()


def _parts_identity(parts: Sequence[PartFacts]) -> bytes:
    pieces: list[bytes] = []
    for part in parts:
        pieces += [
            to_bytes(part.name),
            b"-" if part.filename is None else b"+" + to_bytes(part.filename),
            to_bytes(part.content_type),
            sha256(part.content).digest(),
            framed(*[to_bytes(text) for line in part.further for text in line]),
        ]
    return framed(*pieces)

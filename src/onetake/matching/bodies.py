"""A body by its meaning: two spellings of one value are one body.

What the content type claims is tried first, then what the bytes look like (urllib calls every body
a form). What does not parse as it claims is compared as bytes. The kind is part of the identity,
so a JSON body and a bytes body never meet by accident.
"""

from __future__ import annotations

from enum import StrEnum
from hashlib import sha256

import msgspec

from onetake.matching.pairs import is_well_escaped, pairs_identity
from onetake.matching.urls import framed, to_bytes
from onetake.messages import Request, media_type


class Kind(StrEnum):
    EMPTY = "empty"
    JSON = "json"
    LINES = "lines"
    FORM = "form"
    MULTIPART = "multipart"
    BYTES = "bytes"


# A float stays the text it was (`1.0` is not `1.00`); the encoder writes it back verbatim.
_decoder = msgspec.json.Decoder(float_hook=msgspec.Raw)
_encoder = msgspec.json.Encoder(order="deterministic")
_BLANK = b" \t\r\n"
_FORM = "application/x-www-form-urlencoded"


def body_kind(request: Request) -> Kind:
    """How `request`'s body is compared."""
    return identify(request)[0]


def body_identity(request: Request) -> bytes:
    kind, identity = identify(request)
    return b"%s:%s" % (kind.value.encode(), identity)


def identify(request: Request) -> tuple[Kind, bytes]:
    """The kind of the body and the bytes that equal bodies of that kind share."""
    body = request.body
    if not body:
        return Kind.EMPTY, b""
    content_type = request.headers.get("content-type")
    claim = media_type(content_type)
    if claim.startswith("multipart/"):
        identity = _multipart(content_type, body)
        return (Kind.BYTES, body) if identity is None else (Kind.MULTIPART, identity)
    if body[:1] in (b"{", b"[") or "json" in claim or body.lstrip(_BLANK)[:1] in (b"{", b"["):
        try:
            return Kind.JSON, _encoder.encode(_decoder.decode(body))
        except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
            identity = _lines(body)
            if identity is not None:
                return Kind.LINES, identity
    if claim == _FORM and is_well_escaped(body):
        return Kind.FORM, pairs_identity(body)
    return Kind.BYTES, body


def _lines(body: bytes) -> bytes | None:
    lines = [line for line in body.split(b"\n") if line.strip(_BLANK)]
    try:
        return b"\n".join([_encoder.encode(_decoder.decode(line)) for line in lines])
    except (ValueError, RecursionError):
        return None


def _multipart(content_type: str, body: bytes) -> bytes | None:
    from onetake.wire.multipart import parse

    try:
        parsed = parse(content_type, body)
    except (ValueError, RecursionError):
        return None
    if parsed is None:
        return None
    pieces: list[bytes] = []
    for part in parsed.parts:
        further = sorted(
            (name.lower(), value.strip())
            for name, value in part.headers
            if name.lower() not in ("content-disposition", "content-type", "content-length")
        )
        pieces += [
            _text(part.name),
            _text(part.filename),
            _text(part.content_type),
            sha256(part.body).digest(),
            framed(*[to_bytes(text) for line in further for text in line]),
        ]
    return framed(*pieces)


def _text(text: str | None) -> bytes:
    return b"-" if text is None else b"+" + to_bytes(text)

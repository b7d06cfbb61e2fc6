"""A body by its meaning, as bytes: two spellings of one value are one body.

The kind is part of the identity, so a JSON body and a text never meet by accident.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from onetake.content import Kind, Meaning, PartFacts, request_meaning
from onetake.matching.urls import framed, to_bytes
from onetake.messages import Request
from onetake.wire.json_values import canonical_json, write_json
from onetake.wire.pairs import identity_of


def body_identity(request: Request) -> bytes:
    """Return the bytes that requests with equal bodies share. Never raises."""
    body = request.body
    if body[:1] in (b"{", b"[") and not _needs_reading(request):  # the usual body, made short
        canonical = canonical_json(body)
        if canonical is not None:
            return b"json:" + canonical
    return meaning_identity(request_meaning(request))


def meaning_identity(meaning: Meaning) -> bytes:
    """Return the bytes that equal meanings share."""
    match meaning.kind:
        case Kind.JSON:
            identity = write_json(meaning.value)
        case Kind.LINES:
            identity = b"\n".join(map(write_json, meaning.value))
        case Kind.FORM:
            identity = identity_of(meaning.value, well_escaped=True)
        case Kind.MULTIPART:
            identity = _parts_identity(meaning.value)
        case Kind.MESSAGE:
            identity = _parts_identity([meaning.value])
        case Kind.EMPTY:
            identity = b""
        case _:
            return b"bytes:%s" % meaning.value
    return b"%s:%s" % (meaning.kind.value.encode(), identity)


def _needs_reading(request: Request) -> bool:
    """Return whether the headers of `request` say that its body is more than the JSON that it begins as."""
    for name, value in request.headers.items:
        match len(name):
            case 12 if name.lower() == "content-type":
                if value.lstrip()[:10].lower() == "multipart/":
                    return True
            case 16 if not request.encoding and name.lower() == "content-encoding":
                return True
    return False


def _parts_identity(parts: Sequence[PartFacts]) -> bytes:
    pieces: list[bytes] = []
    for part in parts:
        pieces += [
            to_bytes(part.name),
            b"-" if part.filename is None else b"+" + to_bytes(part.filename),
            to_bytes(part.content_type),
            to_bytes(part.line),
            sha256(meaning_identity(part.content)).digest(),
            framed(*[to_bytes(text) for line in part.further for text in line]),
        ]
    return framed(*pieces)

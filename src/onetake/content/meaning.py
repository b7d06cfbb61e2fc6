"""What of a body is compared, as a frozen value: two spellings of one meaning are equal."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from onetake.content.body import Content, read_request
from onetake.content.codings import undone
from onetake.content.kinds import Kind, holds_control, is_gzip
from onetake.content.parts import Part
from onetake.messages import Request

_MOST_TEXT = 1 << 20  # bytes of a body or a part that are looked at as text


class Meaning(Struct, frozen=True):
    """The kind of a body, and its value as `Content.value` describes it; parts are `PartFacts`.

    `media_type` is what the body claims to be. It is not compared: it tells whether bytes may be text.
    """

    kind: Kind
    value: Any = b""
    media_type: str = ""

    @property
    def text(self) -> str | None:
        """The text of a body that is compared byte by byte; None where it is none, or too long."""
        return text_of(self.value) if self.kind.is_opaque else None


class PartFacts(Struct, frozen=True, kw_only=True):
    """The facts of one part, or of a message within a body, that are compared (see `content.parts.Part`)."""

    label: str
    name: str = ""
    filename: str | None = None
    content_type: str = ""
    line: str = ""
    further: tuple[tuple[str, str], ...] = ()
    content: Meaning = Meaning(Kind.EMPTY)


EMPTY = Meaning(Kind.EMPTY)


def meaning_of(content: Content) -> Meaning:
    """Return what of a read body is compared."""
    value = content.value
    match content.kind:
        case Kind.MULTIPART:
            value = [_facts(part) for part in content.parts]
        case Kind.MESSAGE:
            value = _facts(content.parts[0])
        case kind if kind.is_opaque:
            value = _unzipped(content.data) if is_gzip(content.data) else content.data
    return Meaning(content.kind, value, content.media_type)


def _unzipped(data: bytes) -> bytes:
    """Return a gzip file without the time at which it was made, and without how well it was packed.

    The mark of gzip stays in front, so that a file and its packed form are two bodies. Of a file that cannot be
    unpacked as a whole only the time is left out (RFC 1952, section 2.3.1).
    """
    plain, encoding, _ = undone("gzip", data)
    return data[:3] + plain if encoding else data[:4] + bytes(4) + data[8:]


def request_meaning(request: Request) -> Meaning:
    """Read the body of `request` and return what of it is compared. Never raises."""
    return meaning_of(read_request(request))


def opaque(value: bytes, claim: str = "") -> Meaning:
    """Return the meaning of bytes that are compared as they are."""
    return Meaning(Kind.TEXT, value, claim)


def text_of(data: bytes) -> str | None:
    """Return the text that `data` is; None where it is none, or too long to be looked at."""
    if len(data) > _MOST_TEXT or holds_control(data):
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _facts(part: Part) -> PartFacts:
    return PartFacts(
        label=part.label,
        name=part.name,
        filename=part.filename,
        content_type=part.content_type,
        line=part.line,
        further=part.further,
        content=meaning_of(part.content),
    )

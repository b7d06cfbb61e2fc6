"""What a body is, known from its bytes first and from the claimed media type second."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache

from onetake.wire.late import late_pattern
from onetake.wire.pairs import is_well_escaped

_BLANK = b" \t\r\n\x1e"
_FORM = "application/x-www-form-urlencoded"
MESSAGES = frozenset({"message/rfc822", "message/global", "application/http"})
"""Media types that name header lines with a body below them."""
# At most so many bytes are looked at to tell an event stream, XML or a form from other texts.
_HEAD = 4096

# The lines of an event stream: fields, comments (`: ping`) and empty ones. The last may be cut.
_EVENT_LINES = late_pattern(rb"(?:(?:(?:data|event|id|retry)?:[^\r\n]*+)?(?:[\r\n]|\Z))*+\Z")
_DATA_FIELD = late_pattern(rb"(?:\A|[\r\n])data:")
_XML_START = late_pattern(rb"<(?:[A-Za-z_?!])")
_PAIR = rb"[A-Za-z_$][\w.$\[\]~%%+-]{0,255}+=%b(?:=(?![&=])%b)*+" % (
    (rb"[\w.~%+*!$'(),;:@/?|\[\]\x80-\xff-]*+",) * 2
)
_PAIRS = late_pattern(rb"%b(?:&%b)*+(?:&|=*)" % (_PAIR, _PAIR))
_DASHED = late_pattern(rb"(?:\r?\n)?--([0-9A-Za-z'()+_,./:=?-]{1,70})\r?\n(?=[Cc]ontent-)")
_BEFORE_JSON = late_pattern(
    rb"\s*(?:\)\]\}'?,?\s*|(?:while\s*\(1\)|for\s*\(;;\));\s*|(?:/\*[^*]{0,64}\*/\s*)?[\w$.]{1,64}\s*\(\s*"
    rb"|//[^\r\n]*\r?\n\s*)(?=[{\[])"
)
_CONTROL = late_pattern(rb"[\x00-\x08\x0b\x0c\x0e-\x1d\x1f]")

# Media types of which no text is expected, whatever the bytes happen to look like.
_NO_TEXT = ("image/", "audio/", "video/", "font/", "model/")
_NO_DOCUMENTS = frozenset(
    {"application/pdf", "application/zip", "application/gzip", "application/wasm"}
)


class Kind(StrEnum):
    """The kinds of bodies. `value` of a `Content` has the shape that its kind names (see `Content`)."""

    EMPTY = "empty"
    JSON = "json"
    LINES = "lines"  # JSON lines, and JSON text sequences
    FORM = "form"
    MULTIPART = "multipart"
    MESSAGE = "message"  # header lines and a body: e-mail, HTTP within a batch
    SSE = "sse"
    XML = "xml"
    EVENTS = "events"  # messages of an AWS event stream
    TEXT = "text"
    BINARY = "binary"

    @property
    def is_opaque(self) -> bool:
        """Tell whether bodies of this kind are compared byte by byte."""
        return self in _OPAQUE


_OPAQUE = frozenset({Kind.SSE, Kind.XML, Kind.EVENTS, Kind.TEXT, Kind.BINARY})


@lru_cache(maxsize=256)
def may_be_text(media_type: str) -> bool:
    """Return whether a body of this media type may be text; a body without one may."""
    return not media_type.startswith(_NO_TEXT) and media_type not in _NO_DOCUMENTS


def looks_like_json(text: bytes) -> bool:
    """Return whether `text` begins as a JSON object or list does."""
    return text[:1] in (b"{", b"[") or text.lstrip(_BLANK)[:1] in (b"{", b"[")


def start_of_json(text: bytes) -> int | None:
    """Return where JSON begins in `text`, None where it holds none.

    In front of it may stand what keeps a browser from running it (`)]}',`, `while(1);`), a call of JSONP, or a
    comment.
    """
    if looks_like_json(text):
        return 0
    found = _BEFORE_JSON.match(text)
    return found.end() if found else None


def kind_of_text(text: bytes, media_type: str, *, is_json: bool = True) -> Kind:
    """Return the kind of a text that is not empty: JSON where it begins as JSON does, or claims to be.

    Without `is_json` that has been tried, and it is something else.
    """
    if is_json and (looks_like_json(text) or "json" in media_type):
        return Kind.JSON
    if looks_like_events(text, media_type):
        return Kind.SSE
    if looks_like_form(text, media_type):
        return Kind.FORM
    if looks_like_xml(text):
        return Kind.XML
    return Kind.BINARY if holds_control(text) else Kind.TEXT


def looks_like_form(text: bytes, media_type: str = "") -> bool:
    """Return whether `text` is pairs of names and values: by its claim, or where every piece is a pair."""
    if media_type == _FORM:
        return is_well_escaped(text)
    if b"=" not in text[:257]:
        return False
    if b"=" not in text.rstrip(b"="):  # base64
        return False
    return _PAIRS.fullmatch(text) is not None and is_well_escaped(text)


def looks_like_events(text: bytes, media_type: str = "") -> bool:
    """Return whether `text` is a stream of server-sent events."""
    if "event-stream" in media_type:
        return True
    head = text[:_HEAD]
    if len(text) > _HEAD:
        head = head[: head.rfind(b"\n") + 1] or head  # whole lines
    return _DATA_FIELD.search(head) is not None and _EVENT_LINES.match(head) is not None


def looks_like_xml(text: bytes) -> bool:
    """Return whether `text` begins as XML or HTML does."""
    return _XML_START.match(text.lstrip(_BLANK)[:_HEAD]) is not None


def is_gzip(data: bytes) -> bool:
    """Return whether `data` begins as a gzip file does."""
    return data.startswith(b"\x1f\x8b\x08")


def holds_control(text: bytes) -> bool:
    """Return whether `text` has bytes that no text has."""
    return _CONTROL.search(text) is not None


def boundary_in(text: bytes) -> str:
    """Return the boundary of a multipart body that does not claim to be one, or an empty string."""
    found = _DASHED.match(text)
    return found[1].decode("ascii") if found else ""

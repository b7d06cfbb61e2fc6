"""The one reader of bodies: a message's headers and bytes in, a `Content` out.

Reading is total and lazy. What a body is gets decided at once, from a few of its bytes where they tell;
its value and its leaves are made when they are first asked for. Every room that needs to know what a body
says asks a `Content`.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from onetake.content import charsets, kinds
from onetake.content.codings import undone
from onetake.content.kinds import Kind
from onetake.messages import Headers, Request, Response, media_type
from onetake.wire import event_stream, multipart
from onetake.wire.edits import Edit, apply
from onetake.wire.json_values import is_json, parse_json, parse_lines
from onetake.wire.pairs import read_pairs
from onetake.wire.sse import read_events

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from onetake.content.leaves import Leaf
    from onetake.content.parts import Part

Steps = tuple[str | int, ...]

DEEPEST = 8
"""Bodies within bodies that are read; what lies deeper counts as bytes."""

MOST_PARTS = 100_000
"""Parts of a multipart body."""

_NOT_AS_CLAIMED = {
    "json": (Kind.JSON, Kind.LINES),
    "multipart/": (Kind.MULTIPART,),
    "x-www-form-urlencoded": (Kind.FORM, Kind.JSON, Kind.LINES),
    "event-stream": (Kind.SSE,),
}


class Content:
    """One body, read. Attributes are never changed after reading; what is lazy is computed once.

    - `kind`: what the body is
    - `media_type`: the type as claimed, in lower case, without parameters
    - `data`: the bytes with content codings undone
    - `encoding`: the codings that were undone, as the header lists them (`gzip`), or an empty string
    - `charset`: of the text; empty where the body is no text
    - `root`, `prefix`: where its values stand: `body`, or the part and the steps to a body within a body
    - `within`: the leaf that holds this body, None for the body of a message
    - `parts`: those of a multipart body, or the one of a message; none for other kinds
    """

    def __init__(
        self,
        data: bytes,
        content_type: str = "",
        *,
        encoding: str = "",
        problem: str = "",
        root: str = "body",
        prefix: Steps = (),
        within: Leaf | None = None,
        depth: int = 0,
    ) -> None:
        self.data = data
        self.content_type = content_type
        self.media_type = media_type(content_type)
        self.encoding = encoding
        self.root, self.prefix, self.within, self.depth = root, prefix, within, depth
        self.charset, self.mark = "utf-8", 0
        self._value: Any = None
        self._reached = (0, 0)
        self._told = problem
        self.parts: Sequence[Part] = ()
        self.kind = self._recognised()

    # What it is.

    def _recognised(self) -> Kind:
        data, claim = self.data, self.media_type
        if not data:
            return Kind.EMPTY
        is_read = data[:1] in (b"{", b"[") and data.isascii() and not claim.startswith("multipart/")
        if is_read and (kind := self._structured(data)):  # the usual body, made short
            self.text = data
            return kind
        # Within a body nobody mends the checksums of an event stream.
        if not self.depth and b"\0" in data[:12] and event_stream.begins(data):
            self.charset = ""
            return Kind.EVENTS
        if self.depth < DEEPEST and (kind := self._divided()):
            return kind
        if data[:1] == b"\x1f" and kinds.is_gzip(data):
            self.charset = ""
            return Kind.BINARY
        if not data.isascii() or b"\0" in data[:4]:
            self.charset, self.mark = charsets.charset_of(data, self.content_type)
        if not self.charset:
            return Kind.BINARY
        text = self.text
        if not text:
            return Kind.TEXT
        kind = kinds.kind_of_text(text, claim)
        if kind is Kind.JSON:
            is_known = text is data and is_read
            structured = None if is_known else self._structured(text)
            return structured or kinds.kind_of_text(text, claim, is_json=False)
        return kind

    def _structured(self, text: bytes) -> Kind | None:
        if is_json(text):
            return Kind.JSON
        lines = parse_lines(text)
        if lines is not None:
            self._value = lines
            return Kind.LINES
        return None

    def _divided(self) -> Kind | None:
        """The kind of a body that is made of parts, or of header lines and a body."""
        from onetake.content.parts import read_message, read_parts

        content_type = self.content_type
        if not self.media_type.startswith("multipart/"):
            if self.media_type in kinds.MESSAGES:
                message = read_message(self)
                if message is None:
                    return None
                self.parts = (message,)
                return Kind.MESSAGE
            boundary = kinds.boundary_in(self.data) if b"--" in self.data[:4] else ""
            if not boundary:
                return None
            content_type = f'multipart/mixed; boundary="{boundary}"'
        if self.data.count(b"\n--") > MOST_PARTS:
            self._told = f"it may have more than {MOST_PARTS} parts, so it counts as bytes"
            return None
        parsed = multipart.parse(content_type, self.data)
        if parsed is None:
            return None
        self.parts = read_parts(self, parsed)
        return Kind.MULTIPART

    @cached_property
    def overflow(self) -> str:
        """Which bound its leaves pass, so that all of it is one leaf; else an empty string."""
        from onetake.content.leaves import overflow_of

        return overflow_of(self)

    @property
    def problem(self) -> str:
        """Why the body could not be read as claimed, or which bound it passes; else an empty string."""
        if self._told:
            return self._told
        if self.overflow:
            return f"{self.overflow}, so it counts as bytes"
        if self.depth >= DEEPEST and self.kind is not Kind.EMPTY:
            return f"it lies {DEEPEST} bodies deep, so what it holds counts as bytes"
        for claim, expected in _NOT_AS_CLAIMED.items():
            if claim in self.media_type and self.kind not in (*expected, Kind.EMPTY):
                return f"it claims to be {self.media_type} and does not read as such"
        return ""

    # What it says.

    @cached_property
    def text(self) -> bytes:
        """The text in UTF-8, without a byte order mark; the data where the body is no text."""
        if not self.mark and self.charset in ("utf-8", ""):
            return self.data
        return charsets.to_utf8(self.data, self.charset, self.mark)

    @cached_property
    def value(self) -> Any:
        """The value that the kind names.

        JSON: the value, fractions and exponents as `msgspec.Raw`. LINES: a list with one value a line. FORM: a
        list of `Pair`. MULTIPART: a list of `Part`. MESSAGE: one `Part`. SSE: a list of `{"event", "data"}`, or
        of data alone where an event has no name. EVENTS: a list of `{"event", "payload"}`. Others: the text, in
        bytes.
        """
        match self.kind:
            case Kind.JSON:
                parsed = parse_json(self.text)
                # What cannot be written again has its text for a value: reading never fails.
                return parsed[0] if parsed is not None else self.text.decode("utf-8", "replace")
            case Kind.LINES:
                return self._value
            case Kind.MULTIPART:
                return self.parts
            case Kind.MESSAGE:
                return self.parts[0]
            case Kind.FORM:
                return read_pairs(self.text)
            case Kind.SSE:
                return [_event(event.name, event.data) for event in read_events(self.text)]
            case Kind.EVENTS:
                frames = event_stream.read_frames(self.data)
                return [{"event": one.name, "payload": _parsed(one.payload)} for one in frames]
        return self.text

    def leaves(self, *, numbers: bool = True) -> Iterator[Leaf]:
        """Yield every text value with its path, its span and its quoting, in the order of the bytes.

        A leaf that holds JSON, a form or an upload is followed by the leaves below it. Without `numbers` those
        of JSON are passed over, of which a body may have very many.
        """
        from onetake.content.leaves import leaves_of

        return leaves_of(self, numbers=numbers)

    # How it is changed.

    def lifted(self, edit: Edit) -> Edit:
        """Return an edit of `text` as an edit of the bytes of the message that holds this body."""
        if self.charset not in ("utf-8", "") or self.mark:
            edit = Edit(
                self._place(edit.start),
                self._place(edit.end),
                charsets.in_charset(edit.new, self.charset),
            )
        if self.within is None:
            return edit
        return self.within.edit(edit.new, edit.start, edit.end)

    def _place(self, at: int) -> int:
        """Return where the byte `at` of `text` stands in `data`, counted from the place asked for before."""
        reached, place = self._reached
        if at < reached:
            reached = place = 0
        place += charsets.size_in(self.text[reached:at], self.charset)
        self._reached = (at, place)
        return self.mark + place


def read(headers: Headers, data: bytes, *, encoding: str = "") -> Content:
    """Read a body. Never raises.

    `encoding` says which content codings have been undone already, as the cassette keeps a body; else those
    that `headers` claim are undone here.
    """
    content_type, codings = _claims(headers)
    problem = ""
    if codings and data and not encoding:
        data, encoding, problem = undone(codings, data)
    return Content(data, content_type, encoding=encoding, problem=problem)


def _claims(headers: Headers) -> tuple[str, str]:
    """Return the content type and the content codings that header lines claim, the codings as one list."""
    content_type, codings = "", list[str]()
    for name, value in headers.items:
        match len(name):
            case 12 if not content_type and name.lower() == "content-type":
                content_type = value
            case 16 if name.lower() == "content-encoding":
                codings.append(value)
    return content_type, ",".join(codings)


def read_request(request: Request) -> Content:
    """Read the body of `request`. Never raises."""
    return read(request.headers, request.body, encoding=request.encoding)


def read_response(response: Response) -> Content:
    """Read the body of `response`. Never raises."""
    return read(response.headers, response.body.data, encoding=response.body.encoding)


def opened(request: Request) -> Request:
    """Return `request` with the content codings of its body undone, and named in `encoding`.

    A body whose coding is not known here, or that does not end where its coding says, stays as it is.
    """
    if not request.body or request.encoding:
        return request
    codings = _claims(request.headers)[1]
    if not codings:
        return request
    data, encoding, _ = undone(codings, request.body)
    return request.replace(body=data, encoding=encoding) if encoding else request


def edited(content: Content, edits: Sequence[Edit]) -> bytes:
    """Return the data of `content` with `edits`, which are in order, and no other byte changed.

    Lengths and checksums of the messages of an AWS event stream are made to fit.
    """
    return apply(content.data, completed(content, edits))


def completed(content: Content, edits: Sequence[Edit]) -> Sequence[Edit]:
    """Return `edits` with those that the framing of the body needs besides."""
    if content.kind is Kind.EVENTS and edits:
        return event_stream.reframed(content.data, edits)
    return edits


def _event(name: str, data: str) -> Any:
    value = _parsed(data.encode("utf-8", "replace"), data)
    return {"event": name, "data": value} if name else value


def _parsed(data: bytes, text: str | None = None) -> Any:
    parsed = parse_json(data)
    if parsed is not None:
        return parsed[0]
    return data.decode("utf-8", "replace") if text is None else text

"""The text values of a body: each with its path, its span in the bytes, and how it is quoted there.

A leaf's value may be a body of its own: JSON in a JSON string, a form in a form field. Its leaves stand below
it, and an edit of one of them is led outwards, through every quoting, to the bytes of the message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from onetake.content import kinds, markup
from onetake.content.kinds import Kind
from onetake.content.quoting import Escapes, Quoting, quote, unquote
from onetake.wire import event_stream
from onetake.wire.edits import Edit
from onetake.wire.json_tokens import read_scalars
from onetake.wire.late import late_pattern

if TYPE_CHECKING:
    from onetake.content.body import Content, Steps

MOST = 500_000
"""Leaves of one body that are told apart; a body with more counts as bytes."""
LARGEST = 64 << 20
"""Bytes of a body whose leaves are told apart."""

_TELLING = 300  # bytes of a value that tell whether it may hold more values
_FIELD = late_pattern(rb"([^:\r\n]*+)(?::[ \t]?([^\r\n]*+))?")
_LINE = late_pattern(rb"[^\n]+")
# A leaf ends with one of these, or is a message of an event stream, which has at least 16 bytes.
_ENDS = (b",", b"\n", b"\r", b"&", b"<", b"=")
# `name: value` and `name=value` as YAML, GraphQL, settings and connection strings write them.
_ASSIGNMENT = late_pattern(
    rb"""(?<![\w.$-])(?P<quote>["']?)(?P<name>[A-Za-z_$][\w.$ -]{0,63}?)(?P=quote)[ \t]*+"""
    rb"""(?::(?!//|:)|=)[ \t]*+"""
    rb"""(?:\"{3}(?P<block>(?:[^"]++|"(?!""))*+)\"{3}|"(?P<double>(?:[^"\\\n]++|\\.)*+)"|'(?P<single>[^'\n]*+)'|(?P<bare>[^\s"',;&<>(){}\[\]]++))"""
)


class Leaf:
    """One text value. Attributes are never changed.

    - `holder`: the body in whose `text` it stands, at `start` to `end`
    - `root`, `steps`: its path
    - `name`: the name of the field that it is the value of, or an empty string
    - `is_number`: whether it is a JSON number, which an edit must leave one
    - `is_header`: whether it is a header line of a part
    """

    __slots__ = (
        "__dict__", "end", "holder", "is_header", "is_number", "name", "quoting", "root", "start", "steps",
    )  # fmt: skip

    def __init__(
        self,
        holder: Content,
        root: str,
        steps: Steps,
        start: int,
        end: int,
        quoting: Quoting = Quoting.PLAIN,
        name: str = "",
        *,
        is_number: bool = False,
        is_header: bool = False,
    ) -> None:
        self.holder, self.root, self.steps = holder, root, steps
        self.start, self.end, self.quoting, self.name = start, end, quoting, name
        self.is_number, self.is_header = is_number, is_header

    @property
    def raw(self) -> bytes:
        """The bytes that spell the value."""
        return self.holder.text[self.start : self.end]

    @cached_property
    def value(self) -> bytes:
        """The value, in UTF-8."""
        return unquote(self.raw, self.quoting)

    @cached_property
    def _escapes(self) -> Escapes:
        return Escapes(self.raw, self.quoting)

    @cached_property
    def content(self) -> Content | None:
        """The body that the value is; None where it is plain text."""
        return _within(self)

    def edit(self, new: bytes, start: int = 0, end: int | None = None) -> Edit:
        """Return the edit of the message's bytes that makes `value[start:end]` of this leaf `new`.

        A value that can only be written as a whole (`quoting.is_whole`) is written with the rest of it.
        """
        stop = len(self.value) if end is None else end
        first, last = self._escapes.span(start, stop)
        is_equal = new == self.value[start:stop]
        if self.quoting.is_whole:
            new = self.value[:start] + new + self.value[stop:]
        spelled = self.raw[first:last] if is_equal else quote(new, self.quoting)
        made = Edit(self.start + first, self.start + last, spelled)
        return self.holder.lifted(made)


def leaves_of(content: Content, *, numbers: bool = True) -> Iterator[Leaf]:
    """Yield the leaves of `content`, each followed by those of the body that it holds."""
    if content.overflow:
        yield _whole(content)
        return
    for leaf in _own_leaves(content, numbers=numbers):
        yield leaf
        if leaf.is_number or leaf.holder is not content:  # the latter came with what is below it
            continue
        inner = leaf.content
        if inner is not None and not leaf.quoting.is_whole:
            yield from leaves_of(inner, numbers=numbers)


def overflow_of(content: Content) -> str:
    """Return which bound the leaves of `content` pass, or an empty string."""
    text = content.text
    if len(text) <= 2 * MOST or content.parts:
        return ""
    if len(text) > LARGEST:
        return f"it has more than {LARGEST} bytes"
    if len(text) // 16 + sum(text.count(end) for end in _ENDS) < MOST:
        return ""
    has_more = next(islice(_own_leaves(content), MOST, None), None) is not None
    return f"it has more than {MOST} values" if has_more else ""


def assignments(leaf: Leaf) -> Iterator[Leaf]:
    """Yield the named values within a text: `password: x`, `AccountKey=x;`, `login(token: "x")`.

    Each is a leaf with the path of `leaf` and a name of its own.
    """
    from onetake.content.body import Content

    text = leaf.value
    if b"=" not in text and b":" not in text:
        return
    holder = leaf.holder
    offset = leaf.start
    if leaf.quoting is not Quoting.PLAIN:
        depth = holder.depth + 1
        holder = Content(
            text, "text/plain", root=leaf.root, prefix=leaf.steps, within=leaf, depth=depth
        )
        offset = 0
        if holder.text is not holder.data:
            return
    for found in _ASSIGNMENT.finditer(holder.text, offset, offset + len(text)):
        group = found.lastgroup or "bare"
        name = found["name"].decode("utf-8", "replace")
        quoting = Quoting.JSON if group == "double" else Quoting.PLAIN
        yield Leaf(holder, leaf.root, leaf.steps, *found.span(group), quoting, name)


def _own_leaves(content: Content, *, numbers: bool = True) -> Iterator[Leaf]:
    text, root, prefix = content.text, content.root, content.prefix
    match content.kind:
        case Kind.JSON:
            yield from _json(content, 0, len(text), prefix, numbers)
        case Kind.LINES:
            for number, line in enumerate(_lines(text)):
                yield from _json(content, *line.span(), (*prefix, number), numbers)
        case Kind.FORM:
            yield from _form(content)
        case Kind.MULTIPART | Kind.MESSAGE:
            for part in content.parts:
                yield from part.head_leaves()
                yield from leaves_of(part.content, numbers=numbers)
        case Kind.SSE:
            yield from _fields(content, numbers)
        case Kind.EVENTS:
            number = at = 0
            for number, (start, end) in enumerate(event_stream.payloads(text), 1):
                yield from _line(content, start, end, (*prefix, number - 1), numbers)
                at = end + 4  # after the checksum
            yield from _line(content, at, len(text), (*prefix, number), numbers)  # what is cut
        case Kind.XML:
            for value in markup.values_of(text):
                yield Leaf(content, root, prefix, *value)
        case Kind.TEXT | Kind.BINARY:
            begin = kinds.start_of_json(text)
            if begin is not None:  # it breaks off, or holds more than JSON
                yield from _json(content, begin, len(text), prefix, numbers)
            yield _whole(content)


def _whole(content: Content) -> Leaf:
    """Return all of a body as one leaf."""
    text = content.text
    quoting = Quoting.GZIP if kinds.is_gzip(text) else Quoting.PLAIN
    name = content.within.name if content.within is not None else ""
    return Leaf(content, content.root, content.prefix, 0, len(text), quoting, name)


def _lines(text: bytes) -> Iterator[re.Match[bytes]]:
    return (line for line in _LINE.finditer(text) if line[0].strip(b" \t\r\x1e"))


def _json(content: Content, start: int, end: int, prefix: Steps, numbers: bool) -> Iterator[Leaf]:
    root = content.root
    for scalar in read_scalars(content.text, start, end, numbers=numbers):
        steps = (*prefix, *scalar.steps) if prefix else scalar.steps
        name = scalar.steps[-1] if scalar.steps else ""
        if not isinstance(name, str):
            name = next((step for step in reversed(scalar.steps) if isinstance(step, str)), "")
        quoting = Quoting.JSON if scalar.is_string else Quoting.PLAIN
        yield Leaf(
            content,
            root,
            steps,
            scalar.start,
            scalar.end,
            quoting,
            name,
            is_number=not scalar.is_string,
        )


def _line(content: Content, start: int, end: int, prefix: Steps, numbers: bool) -> Iterator[Leaf]:
    if kinds.looks_like_json(content.text[start : start + 64]):
        yield from _json(content, start, end, prefix, numbers)
    elif end > start:
        yield Leaf(content, content.root, prefix, start, end)


def _fields(content: Content, numbers: bool) -> Iterator[Leaf]:
    """Yield the leaves of an event stream; `number` counts the lines with data, a comment has no name."""
    number = 0
    for line in _FIELD.finditer(content.text):
        if line[1] == b"data" and line[2] is not None:
            yield from _line(content, *line.span(2), (*content.prefix, number), numbers)
            number += 1
        elif line[0]:
            start, end = line.span(0 if line[2] is None else 2)
            name = "" if line[2] is None else line[1].decode("utf-8", "replace")
            steps = (*content.prefix, number)
            yield Leaf(content, content.root, steps, start, end, Quoting.PLAIN, name)


def _form(content: Content) -> Iterator[Leaf]:
    root = "form" if content.root == "body" and not content.prefix else content.root
    at = 0
    for piece in content.text.split(b"&"):
        name, equals, _ = piece.partition(b"=")
        if equals:
            plain = unquote(name, Quoting.FORM).decode("utf-8", "replace")
            steps = (*content.prefix, plain)
            start = at + len(name) + 1
            yield Leaf(content, root, steps, start, at + len(piece), Quoting.FORM, plain)
        elif piece:
            yield Leaf(content, root, content.prefix, at, at + len(piece), Quoting.FORM)
        at += len(piece) + 1


def _may_hold_more(head: bytes) -> bool:
    return kinds.looks_like_json(head) or b"=" in head or b"--" in head[:4]


def _within(leaf: Leaf) -> Content | None:
    from onetake.content.body import DEEPEST, Content

    holder = leaf.holder
    if leaf.is_number or leaf.is_header or holder.depth >= DEEPEST:
        return None
    if leaf.quoting is Quoting.PLAIN and leaf.end - leaf.start == len(holder.text):
        return None  # it is all of its body, which was read already
    if leaf.quoting is not Quoting.GZIP and not _may_hold_more(leaf.value[:_TELLING]):
        return None
    inner = Content(
        leaf.value,
        root=leaf.root,
        prefix=leaf.steps,
        within=leaf,
        depth=holder.depth + 1,
    )
    if leaf.quoting is Quoting.GZIP or inner.kind in (Kind.JSON, Kind.LINES, Kind.MULTIPART):
        return inner
    is_form = inner.kind is Kind.FORM and b"&" in inner.text
    return inner if is_form else None

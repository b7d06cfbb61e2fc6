"""The parts of a multipart body, and messages within bodies: header lines, and a body to be read in turn."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from onetake.content.body import Content
from onetake.content.leaves import Leaf
from onetake.content.quoting import Quoting
from onetake.messages import Headers, media_type
from onetake.wire import multipart
from onetake.wire.late import late_pattern

if TYPE_CHECKING:
    from onetake.content.body import Steps

_HEAD_LINE = late_pattern(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]++)[ \t]*+:[ \t]*+([^\r\n]*+)(?:\r?\n|\Z)")
# A line of a header block that was read already, with the lines that are folded below it.
_FOLDED_LINE = late_pattern(
    rb"(?m)^([^:\s][^:\r\n]*+):[ \t]*+([^\r\n]*+(?:\r?\n[ \t]++[^\r\n]*+)*+)"
)
_START_LINE = late_pattern(rb"(?:[A-Z]{3,20} \S+(?: HTTP/[\d.]+)?|HTTP/[\d.]+ \d{3}[^\r\n]*)\r?\n")
_BLANK_LINE = late_pattern(rb"\r?\n")
# The value of a parameter: of the extended form (RFC 8187) what follows the language.
_FILENAME = late_pattern(
    rb"""(?i);\s*+filename(?:\*[ \t]*+=[ \t]*+[\w-]*+'[\w-]*+'([^;\r\n]*+)"""
    rb"""|[ \t]*+=[ \t]*+(?:"((?:[^"\\\r\n]|\\.)*+)"|([^;"\r\n]++)))"""
)
_MOST_LINES = 1000


class Part:
    """One part of a body, or a message within a body. Attributes are never changed after reading.

    - `label`: what paths call the part: its name, else its number from 0
    - `name`: the form field, or an empty string
    - `filename`: the last component of the file's name (RFC 7578, section 4.2), None where it is no file
    - `content_type`: as claimed; of a multipart the media type alone, as its boundary never counts
    - `line`: the first line of an HTTP message, or an empty string
    - `further`: its other header lines that count, names in lower case, sorted
    """

    def __init__(
        self,
        holder: Content,
        *,
        label: str,
        headers: Headers,
        head: tuple[int, int],
        body: tuple[int, int],
        name: str = "",
        filename: str | None = None,
        line: str = "",
        steps: Steps = (),
    ) -> None:
        self.label, self.name, self.line = label, name, line
        self.filename = None if filename is None else base_name(filename)
        self.headers = headers
        claimed = headers.get("content-type")
        is_divided = claimed.lstrip()[:10].lower() == "multipart/"
        self.content_type = media_type(claimed) if is_divided else claimed
        self.further = tuple(sorted(_further(headers)))
        self.steps = steps
        self._holder, self._head, self._body = holder, head, body

    @cached_property
    def content(self) -> Content:
        """The body of the part, read."""
        holder, root = self._holder, self._root
        steps = (*self.steps, "content")
        start, end = self._body
        leaf = Leaf(holder, root, steps, start, end, Quoting.PLAIN, self.name)
        return Content(
            holder.data[start:end],
            self.headers.get("content-type"),
            root=root,
            prefix=steps,
            within=leaf,
            depth=holder.depth + 1,
        )

    @property
    def _root(self) -> str:
        """The root of its paths: the parts of a whole message's body have one of their own."""
        is_outermost = self.label and not self._holder.prefix
        return "part" if is_outermost else self._holder.root

    def head_leaves(self) -> Iterator[Leaf]:
        """Yield the values of the header lines, and the whole file name as the sender gave it."""
        holder, root = self._holder, self._root
        for found in _FOLDED_LINE.finditer(holder.data, *self._head):
            start, stop = found.span(2)
            name = found[1].decode("latin-1").rstrip().lower()
            if name == "content-disposition":
                yield from self._file_names(root, start, stop)
            elif stop > start:
                steps = (*self.steps, "header", name)
                yield Leaf(holder, root, steps, start, stop, Quoting.PLAIN, name, is_header=True)

    def _file_names(self, root: str, start: int, end: int) -> Iterator[Leaf]:
        for found in _FILENAME.finditer(self._holder.data, start, end):
            group = found.lastindex or 1
            quoting = Quoting.PERCENT if group == 1 else Quoting.PLAIN
            steps = (*self.steps, "filename")
            yield Leaf(self._holder, root, steps, *found.span(group), quoting, "filename")


def base_name(filename: str) -> str:
    """Return the last component of a file's name, whichever system's separators it has."""
    return re.split(r"[/\\]", filename)[-1] if "/" in filename or "\\" in filename else filename


def read_parts(holder: Content, parsed: multipart.Multipart) -> list[Part]:
    """Read the parts of `holder`, whose data is `parsed`."""
    parts: list[Part] = []
    for number, (part, head, start) in enumerate(multipart.placed(parsed)):
        label = part.name or str(number)
        parts.append(
            Part(
                holder,
                label=label,
                headers=part.headers,
                head=(head, start),
                body=(start, start + len(part.body)),
                name=part.name,
                filename=part.filename,
                steps=(*holder.prefix, label),
            )
        )
    return parts


def read_message(holder: Content) -> Part | None:
    """Read header lines and a body (RFC 5322), with a first line before them where it is HTTP.

    Returns None where the bytes are no such message.
    """
    data = holder.data
    first = _START_LINE.match(data)
    begin = at = first.end() if first else 0
    lines: list[tuple[str, str]] = []
    while found := _HEAD_LINE.match(data, at):
        lines.append((found[1].decode("latin-1"), found[2].decode("latin-1").strip()))
        at = found.end()
        while data[at : at + 1] in (b" ", b"\t") and at < len(data):  # a folded line
            end = data.find(b"\n", at)
            end = len(data) if end < 0 else end + 1
            lines[-1] = (lines[-1][0], f"{lines[-1][1]} {data[at:end].decode('latin-1').strip()}")
            at = end
        if len(lines) > _MOST_LINES:
            return None
    blank = _BLANK_LINE.match(data, at)
    if (blank is None and at < len(data)) or not (lines or first):
        return None
    start = blank.end() if blank else at
    return Part(
        holder,
        label="",
        headers=Headers(tuple(lines)),
        head=(begin, at),
        body=(start, len(data)),
        line=first[0].decode("latin-1").strip() if first else "",
        steps=holder.prefix,
    )


def _further(headers: Headers) -> Iterator[tuple[str, str]]:
    for name, value in headers:
        lowered = name.lower()
        if lowered == "content-disposition":
            how = media_type(value)
            if how != "form-data":  # `attachment`, `inline`
                yield lowered, how
        elif lowered not in ("content-type", "content-length"):
            yield lowered, value.strip()

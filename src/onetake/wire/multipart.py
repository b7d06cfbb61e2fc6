"""Multipart bodies (RFC 2046, RFC 7578), read and written byte for byte.

What is read is only believed if writing it again gives the same bytes; `parse` gives None else. So a
caller can take a body apart, compare or keep its parts, and lose nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from msgspec import Struct

from onetake.messages import Headers
from onetake.wire.late import late_pattern

_PARAMETER = late_pattern(r';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))', re.DOTALL)
_ESCAPED = late_pattern(r'\\(["\\])')
_PADDING = late_pattern(rb"[ \t]+\r?\n")
_AFTER_CLOSE = late_pattern(rb"[ \t]*(?:\r?\n|\Z)")


class Part(Struct, frozen=True, kw_only=True):
    """One part. `head` is the exact header block where `Name: value` lines do not give it."""

    headers: Headers = Headers()
    body: bytes = b""
    head: bytes = b""

    @property
    def name(self) -> str:
        """The form field, or an empty string."""
        return _parameter(self.headers.get("content-disposition"), "name") or ""

    @property
    def filename(self) -> str | None:
        """The file's name as the sender gave it, None where the part is no file."""
        return _parameter(self.headers.get("content-disposition"), "filename")

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type")


class Multipart(Struct, frozen=True, kw_only=True):
    """A whole body. `preamble` is all before the first `--`, `epilogue` all after the last."""

    boundary: str
    parts: tuple[Part, ...] = ()
    preamble: bytes = b""
    epilogue: bytes = b"\r\n"
    line_end: bytes = b"\r\n"


def parse(content_type: str, body: bytes) -> Multipart | None:
    """The parts of `body`, or None where it is not the multipart that `content_type` claims.

    Never raises. `render` of the result is `body`.
    """
    boundary = _boundary(content_type)
    if not boundary:
        return None
    try:
        dashed = b"--" + boundary.encode("latin-1")
    except UnicodeEncodeError:
        return None
    line_end = b"\n" if re.search(rb"(?:\A|\n)" + re.escape(dashed) + rb"\n", body) else b"\r\n"
    found = _split(line_end + body, line_end, line_end + dashed)
    if found is None:
        return None
    preamble, contents, epilogue = found
    parts = [_part(content, line_end) for content in contents]
    multipart = Multipart(
        boundary=boundary,
        parts=tuple(part for part in parts if part is not None),
        preamble=(preamble + line_end)[len(line_end) :],
        epilogue=epilogue,
        line_end=line_end,
    )
    return multipart if None not in parts and render(multipart) == body else None


def render(multipart: Multipart) -> bytes:
    """The body's bytes. Raises UnicodeEncodeError for texts that are not latin-1."""
    line_end = multipart.line_end
    dashed = b"--" + multipart.boundary.encode("latin-1")
    pieces = [multipart.preamble]
    for part in multipart.parts:
        head = part.head or _head(part.headers, line_end)
        pieces += [dashed, line_end, head, line_end, part.body, line_end]
    pieces += [dashed, b"--", multipart.epilogue]
    return b"".join(pieces)


def placed(multipart: Multipart) -> Iterator[tuple[Part, int, int]]:
    """Yield each part with where its header block and its body begin in the rendered bytes."""
    gap = len(multipart.line_end)
    delimiter = 2 + len(multipart.boundary) + gap
    at = len(multipart.preamble)
    for part in multipart.parts:
        head = at + delimiter
        start = head + len(part.head or _head(part.headers, multipart.line_end)) + gap
        at = start + len(part.body) + gap
        yield part, head, start


def _split(
    text: bytes, line_end: bytes, delimiter: bytes
) -> tuple[bytes, list[bytes], bytes] | None:
    """What lies before, between and after the delimiters; None where the last one is missing."""
    pieces = text.split(delimiter)
    held: list[list[bytes]] = [[pieces[0]]]
    for at, piece in enumerate(pieces[1:], 1):
        if piece.startswith(line_end):
            held.append([piece[len(line_end) :]])
        elif piece.startswith(b"--") and _AFTER_CLOSE.match(piece, 2):
            preamble, *contents = (delimiter.join(one) for one in held)
            return preamble, contents, delimiter.join([piece[2:], *pieces[at + 1 :]])
        elif _PADDING.match(piece):  # a delimiter too, which no sender writes so
            return None
        else:  # only begins like the delimiter
            held[-1].append(piece)
    return None


def _part(content: bytes, line_end: bytes) -> Part | None:
    if content.startswith(line_end):
        return Part(body=content[len(line_end) :])
    head, blank, body = content.partition(line_end + line_end)
    if not blank:
        return None
    lines: list[tuple[str, str]] = []
    for line in head.decode("latin-1").split(line_end.decode()):
        name, colon, value = line.partition(":")
        if line[:1] in (" ", "\t") and lines:  # folded
            lines[-1] = (lines[-1][0], f"{lines[-1][1]} {line.strip()}")
        elif colon and name:
            lines.append((name.rstrip(" \t"), value.strip(" \t")))
        else:
            return None
    headers = Headers(tuple(lines))
    exact = head + line_end
    return Part(
        headers=headers, body=body, head=b"" if _head(headers, line_end) == exact else exact
    )


def _head(headers: Headers, line_end: bytes) -> bytes:
    return b"".join(b"%b: %b%b" % (name, value, line_end) for name, value in headers.to_bytes())


def _boundary(content_type: str) -> str:
    if content_type.lstrip()[:10].lower() != "multipart/":
        return ""
    for name, quoted, plain in _PARAMETER.findall(content_type):
        if name.lower() == "boundary":
            text: str = _ESCAPED.sub(r"\1", quoted) if quoted else plain.rstrip(" \t")
            return "" if "\r" in text or "\n" in text else text
    return ""


def _parameter(value: str, wanted: str) -> str | None:
    """A parameter of a content-disposition; the extended form (RFC 8187) wins over the plain one."""
    found: str | None = None
    for name, quoted, plain in _PARAMETER.findall(value):
        text: str = _ESCAPED.sub(r"\1", quoted) if quoted else plain.strip(" \t")
        if name.lower() == wanted + "*" and text.count("'") >= 2:
            charset, _, encoded = text.split("'", 2)
            try:
                return unquote(encoded, charset or "utf-8", errors="replace")
            except (LookupError, ValueError):
                continue
        if name.lower() == wanted and found is None:
            found = _utf8(text)
    return found


def _utf8(text: str) -> str:
    """Header texts are latin-1 here, names of files are UTF-8 on the wire."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text

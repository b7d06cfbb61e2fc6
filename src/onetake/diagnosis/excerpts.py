"""Two long values, cut down to where they begin to differ."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from onetake.messages import Request
from onetake.redaction import safe_url, without_shapes

WIDTH = 60
_TERMINAL = 80
_BEFORE = 16
_AROUND = 100  # bytes


def first_difference(one: Sequence[object], other: Sequence[object]) -> int:
    """The first index at which two texts or bytes differ (the length of the shorter, if none)."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def likeness(one: str | bytes, other: str | bytes) -> float:
    """From 0 to 1: how much of the longer is common to both at the beginning and the end."""
    if one == other:
        return 1.0
    head = first_difference(one, other)
    rest = min(len(one), len(other)) - head
    tail = first_difference(one[: -rest - 1 : -1], other[: -rest - 1 : -1]) if rest else 0
    return (head + tail) / max(len(one), len(other))


def excerpts(one: str, other: str) -> tuple[str, str]:
    """Both texts on one line each, at most `WIDTH` characters around the first difference.

    An old recording may hold what is not written any more.
    """
    one, other = _shown(one), _shown(other)
    start = max(0, first_difference(one, other) - _BEFORE)
    if max(len(one), len(other)) <= WIDTH:
        start = 0
    return _window(one, start), _window(other, start)


def window(data: bytes, offset: int) -> str:
    """100 bytes either side of `offset`, printable: text as it is, other bytes as `.`."""
    piece = without_shapes(data[max(0, offset - _AROUND) : offset + _AROUND])
    return "".join([chr(byte) if 0x20 <= byte < 0x7F else "." for byte in piece])


def _shown(text: str) -> str:
    return without_shapes(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


def _window(text: str, start: int) -> str:
    room = WIDTH - (1 if start else 0)
    piece = text[start:]
    if len(piece) > room:
        piece = piece[: room - 1] + "…"
    return ("…" if start else "") + one_line(piece)


def wrapped(text: str, first: str = "", rest: str = "") -> list[str]:
    """Lines of a terminal's width that begin with `first` and `rest`; no word is broken, to be pasted."""
    return textwrap.wrap(
        text,
        _TERMINAL,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def line_of(request: Request) -> str:
    """Method and URL of a request, for showing anywhere."""
    return one_line(f"{request.method} {safe_url(request.url)}")


def one_line(text: str) -> str:
    """`text` without what a terminal would obey."""
    return "".join([c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text])

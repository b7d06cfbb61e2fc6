"""Headers as a reader sees them: one `name: value` text a line.

A line of a recording never becomes two lines of an answer: what would end it is written as spaces, and
refused where it is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from onetake.errors import CassetteError
from onetake.messages import Headers
from onetake.wire.late import late_pattern

MOST_LINES = 1000  # no server or client lets so many through

# A fold (RFC 9112, section 5.2) stays within its line.
_ENDS = late_pattern(r"\r\n(?![ \t])|(?<!\r)\n|\r(?!\n)|\0")
_LINE_END = late_pattern(r"[\r\n\0]")


def to_lines(headers: Headers) -> list[str | tuple[str, str]]:
    """A name that itself holds a colon and a space is kept as a pair, so that nothing is lost."""
    return [
        f"{name}: {value}" if ": " not in name and not name.endswith(":") else (name, value)
        for name, value in [(one_line(n), _folded(v)) for n, v in headers.items]
    ]


def one_line(text: str) -> str:
    """`text` as it can stand in a line of a message's head."""
    return _LINE_END.sub(" ", text) if _LINE_END.search(text) else text


def one_lines(*texts: str) -> list[str]:
    """Return `texts` as they can stand in lines of a message's head."""
    return list(map(one_line, texts))


def check_one_line(text: str, what: str) -> None:
    """Raises `CassetteError` for a text that would end its line."""
    if _LINE_END.search(text):
        raise CassetteError(f"{what} holds a line end or a NUL: {text[:80]!r}.")


def _folded(value: str) -> str:
    return _ENDS.sub(" ", value) if _LINE_END.search(value) else value


def from_lines(lines: Iterable[str | tuple[str, str]]) -> Headers:
    """Raises `CassetteError` for a line without a colon, for texts that cannot be in a header, for too many."""
    found = tuple(map(_line, lines))
    if len(found) > MOST_LINES:
        raise CassetteError(f"There are {len(found)} header lines, more than {MOST_LINES}.")
    return Headers(found)


@lru_cache(maxsize=2048)  # the same lines come with every recording of a client
def _line(line: str | tuple[str, str]) -> tuple[str, str]:
    if isinstance(line, tuple):
        name, value = line
    else:
        name, separator, value = line.partition(": ")
        if not separator:  # written by hand
            name, separator, value = line.partition(":")
        if not separator:
            raise CassetteError(f"A header line has no colon: {line[:80]!r}.")
    try:
        f"{name}{value}".encode("latin-1")
    except UnicodeEncodeError:
        raise CassetteError(f"The header {name[:80]!r} holds more than latin-1.") from None
    check_one_line(name, "The name of a header")
    if _ENDS.search(value):
        raise CassetteError(f"The header {name[:80]!r} holds a line end or a NUL.")
    return name, value

"""Headers as a reader sees them: one `name: value` text a line."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from onetake.errors import CassetteError
from onetake.messages import Headers


def to_lines(headers: Headers) -> list[str | tuple[str, str]]:
    """A name that itself holds a colon and a space is kept as a pair, so that nothing is lost."""
    return [
        f"{name}: {value}" if ": " not in name and not name.endswith(":") else (name, value)
        for name, value in headers.items
    ]


def from_lines(lines: Iterable[str | tuple[str, str]]) -> Headers:
    """Raises `CassetteError` for a line without a colon and for texts that cannot be in a header."""
    return Headers(tuple(map(_line, lines)))


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
    return name, value

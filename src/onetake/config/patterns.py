"""Regular expressions in settings."""

from __future__ import annotations

import re

from onetake.errors import UsageError


def check_pattern(pattern: str, place: str) -> None:
    """Raises `UsageError` where `pattern` is no regular expression, or finds empty text."""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UsageError(
            f"{place}: {pattern!r} is no regular expression: {error}.",
            remedy="Correct the expression (Python's re).",
        ) from None
    if compiled.fullmatch(""):
        raise UsageError(
            f"{place}: {pattern!r} also finds nothing at all.",
            remedy="Make it find one character or more.",
        )

"""The difference of two values that stand for bodies, as `diff -u` writes it."""

from __future__ import annotations

import difflib
import json
from typing import Any

_MOST_LINES = 20
_LONGEST = 200  # characters of a line


def difference_of_bodies(new: Any, recorded: Any) -> str:
    """Return a short difference of two bodies; their sizes where they are no text."""
    before, after = _text(recorded), _text(new)
    if before is None or after is None or before == after:
        return f"the bodies differ ({_size(new)} in this request, {_size(recorded)} recorded)"
    lines = [
        line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
        for line in difflib.unified_diff(
            before.splitlines(), after.splitlines(), "recorded", "this request", n=1, lineterm=""
        )
    ]
    more = len(lines) - _MOST_LINES
    if more > 0:
        lines[_MOST_LINES:] = [f"… ({more} more lines)"]
    return "\n".join(lines)


def _text(content: Any) -> str | None:
    """Return what is shown of a body: its text, or its meaning as JSON; None for bytes that are no text."""
    match content:
        case None:
            return ""
        case str():
            return content
        case bytes() | bytearray():
            try:
                return content.decode()
            except UnicodeDecodeError:
                return None
    return json.dumps(content, indent=2, sort_keys=True, default=str)


def _size(content: Any) -> str:
    if content is None:
        return "no body"
    return f"{len(content)} bytes" if hasattr(content, "__len__") else type(content).__name__

"""The difference of two values that stand for bodies, as `diff -u` writes it."""

from __future__ import annotations

import difflib
import json
from typing import Any


def difference_of_bodies(new: Any, recorded: Any, most_lines: int, longest: int) -> str:
    """Return a difference of two bodies, or their sizes where they are no text.

    Of more than `most_lines` the rest is counted; a line of more than `longest` characters is cut.
    """
    before, after = _text(recorded), _text(new)
    if before is None or after is None or before == after:
        return f"the bodies differ ({_size(new)} in this request, {_size(recorded)} recorded)"
    lines = [
        line if len(line) <= longest else f"{line[:longest]}…"
        for line in difflib.unified_diff(
            before.splitlines(), after.splitlines(), "recorded", "this request", n=1, lineterm=""
        )
    ]
    more = len(lines) - most_lines
    if more > 0:
        lines[most_lines:] = [f"… ({more} more lines)"]
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

"""Recordings in which a value was redacted that cannot be seen to be secret: how a request meets them.

Elsewhere, or later, another value stands in its place, or a dummy; who looks it up does not know which.
So where the recording has a placeholder of that sort anything may stand, and the rest must be equal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from onetake.config.paths import Path, Step, parse_path, path_text
from onetake.content.walk import visited, visited_pairs
from onetake.errors import UsageError
from onetake.matching.fields import Fields, changed, fields_of
from onetake.matching.placeholders import unnumbered_request
from onetake.messages import Request
from onetake.wire.placeholders import BY_VALUE

_LONGEST = 8192  # characters that a value may have


class Template(Struct, frozen=True):
    """The text that a recording has at `path`, and what a request may have there."""

    path: Path
    text: str
    pattern: re.Pattern[str]


def paths_by_value(request: Request) -> tuple[str, ...]:
    """The paths of `request`, as it is written, at which something was redacted by value."""
    return tuple(dict.fromkeys(path for path, _ in _marked(fields_of(request))))


def templates_of(request: Request) -> tuple[Template, ...]:
    """What a request must look like to be the recorded `request`, at the paths that it lists."""
    listed = frozenset(request.by_value)
    made: list[Template] = []
    for path, text in _marked(fields_of(unnumbered_request(request))) if listed else ():
        if path not in listed:
            continue
        try:
            parsed = parse_path(path)
        except UsageError:
            continue
        made.append(Template(parsed, text, _pattern(BY_VALUE.split(text))))
    return tuple(made)


def _pattern(pieces: Sequence[str]) -> re.Pattern[str]:
    """Return an expression for `pieces` in order, with anything between them.

    Each piece is looked for once, from the left, so that a text that does not fit takes no longer.
    """
    first, *rest = map(re.escape, pieces)
    if not rest:
        return re.compile(first)
    *middle, last = rest
    gap = f"(?s:.{{1,{_LONGEST}}}?)"
    found = "".join(f"(?>{gap}{piece})" if piece else gap for piece in middle)
    return re.compile(f"{first}{found}{gap}{last}")


def fitted(fields: Fields, templates: Sequence[Template]) -> Fields | None:
    """`fields` with the texts of the recording where they fit `templates`; None where one does not."""
    for template in templates:
        fits: list[bool] = []
        fields = changed(fields, template.path, _fitting(template, fits))
        if not any(fits):
            return None
    return fields


def _fitting(template: Template, fits: list[bool]) -> Callable[[Any], Any]:
    def change(value: Any) -> Any:
        if isinstance(value, str) and template.pattern.fullmatch(value):
            fits.append(True)
            return template.text
        return value

    return change


def _marked(fields: Fields) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of every value with such a placeholder."""
    marked = _Marked()
    marked.text("url.path", (), fields.url.path)
    list(visited_pairs(fields.query or (), marked, "query"))
    for name, value in fields.headers:
        marked.text("header", (name,), value)
    visited(fields.content, marked)
    return iter(marked.found)


class _Marked:
    """A visitor that notes the texts in which a value was redacted, and changes none."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    def text(self, root: str, steps: tuple[Step, ...], text: str) -> str:
        if BY_VALUE.search(text):
            self.found.append((path_text(root, steps), text))
        return text

    def number(self, *_: object) -> None:
        return None

    def order(self, _: str) -> str:
        return ""

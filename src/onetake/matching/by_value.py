"""Recordings in which a value was redacted that cannot be seen to be secret: how a request meets them.

Elsewhere, or later, another value stands in its place, or a dummy; who looks it up does not know which.
So where the recording has a placeholder of that sort anything may stand, and the rest must be equal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from onetake.config.paths import Path, Step, parse_path, path_text
from onetake.errors import UsageError
from onetake.matching.bodies import Kind
from onetake.matching.fields import Fields, changed, decoded, fields_of, structured
from onetake.messages import Request
from onetake.wire.placeholders import BY_VALUE, unnumbered_request

_LONGEST = 8192  # characters that a value may have
_DEEPEST = 64


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
        pieces = map(re.escape, BY_VALUE.split(text))
        made.append(Template(parsed, text, re.compile(f"(?s:.{{1,{_LONGEST}}}?)".join(pieces))))
    return tuple(made)


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
    """Every text with such a placeholder, and its path."""
    if BY_VALUE.search(fields.url.path):
        yield "url.path", fields.url.path
    for pair in fields.query or ():
        yield from _text("query", (_name(pair.name),), pair.value)
    for name, value in fields.headers:
        yield from _text("header", (name,), value)
    content = fields.content
    match content.kind:
        case Kind.JSON | Kind.LINES:
            yield from _json("body", (), content.value)
        case Kind.FORM:
            for pair in content.value:
                yield from _text("form", (_name(pair.name),), pair.value)
        case Kind.MULTIPART:
            for part in content.value:
                yield from _text("part", (part.name, "filename"), part.filename)
                text = decoded(part.content)
                if text is None or not BY_VALUE.search(text):
                    continue
                parsed = structured(part.content)
                if parsed is None:
                    yield from _text("part", (part.name, "content"), text)
                else:
                    yield from _json("part", (part.name, "content"), parsed[0])
        case Kind.BYTES:
            yield from _text("body", (), decoded(content.value))


def _name(name: bytes) -> str:
    return name.decode("utf-8", "replace")


def _text(
    root: str, steps: tuple[Step, ...], value: str | bytes | None
) -> Iterator[tuple[str, str]]:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "surrogateescape")
    if value and BY_VALUE.search(value):
        yield path_text(root, steps), value


def _json(root: str, steps: tuple[Step, ...], value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield from _text(root, steps, value)
    elif len(steps) < _DEEPEST and not isinstance(value, msgspec.Raw):
        items: Any = ()
        if isinstance(value, dict):
            items = value.items()
        elif isinstance(value, list):
            items = enumerate(value)
        for step, item in items:
            yield from _json(root, (*steps, step), item)

"""A request as fields with paths: what rules edit, and where volatile values are looked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from onetake.config.paths import Path, Step, path_text, step_fits
from onetake.config.rules import Replacement
from onetake.content import Meaning, request_meaning
from onetake.content.walk import (
    GONE,
    Change,
    changed_pairs,
    lower,
    number_text,
    text,
    to_bytes,
    visited,
    visited_pairs,
)
from onetake.content.walk import changed as changed_meaning
from onetake.matching.volatile import Volatile
from onetake.messages import Request, Url, read_url
from onetake.providers import unsigned
from onetake.wire.pairs import Pair, is_well_escaped, read_pairs


class Fields(Struct, frozen=True, kw_only=True):
    """A request in the parts that paths name.

    `query` is None where its escapes are broken: then `url.query` is compared as it is.
    """

    method: str
    url: Url
    query: tuple[Pair, ...] | None
    headers: tuple[tuple[str, str], ...]
    content: Meaning


class Value(Struct, frozen=True):
    """A volatile value: where it stands, its kind, and what it was."""

    path: str
    kind: str
    text: str


def fields_of(request: Request, *, headers: bool = True) -> Fields:
    """Read `request` into fields; `headers` says whether its header lines are wanted."""
    url = read_url(request.url)
    query = to_bytes(unsigned(url.query))
    lines = request.headers if headers else ()
    return Fields(
        method=request.method.upper(),
        url=url,
        query=tuple(read_pairs(query)) if is_well_escaped(query) else None,
        headers=tuple([(name.lower(), value.strip()) for name, value in lines]),
        content=request_meaning(request),
    )


# Rules.


def without(fields: Fields, path: Path) -> Fields:
    """Take out of `fields` what `path` names; a part of the URL, the method and a whole body become empty."""
    return changed(fields, path, lambda _: GONE)


def replacing(fields: Fields, path: Path, new: Replacement) -> Fields:
    """Replace what `path` names, or what its pattern finds there, by a name."""
    mark = f"\0{new.name}\0"
    if not new.pattern:
        return changed(fields, path, lambda _: mark)
    expression = re.compile(new.pattern)

    def change(value: Any) -> Any:
        if isinstance(value, str):
            return expression.sub(lambda _: mark, value)
        if isinstance(value, int | msgspec.Raw) and not isinstance(value, bool):
            written = number_text(value)
            made = expression.sub(lambda _: mark, written)
            return value if made == written else made
        return value

    return changed(fields, path, change)


def changed(fields: Fields, path: Path, change: Change) -> Fields:
    """Return `fields` with what `path` names made by `change`, which gets None where a whole is named."""
    match path.root:
        case "method":
            return replace(fields, method=text(change(fields.method)))
        case "url":
            name = str(path.steps[0])
            if name == "host":
                netloc = text(change(fields.url.netloc))
                return replace(fields, url=replace(fields.url, host=netloc, port=""))
            return replace(
                fields, url=replace(fields.url, **{name: text(change(getattr(fields.url, name)))})
            )
        case "query":
            if fields.query is None:
                return fields
            return replace(fields, query=changed_pairs(fields.query, path.steps[0], change))
        case "header":
            lines = []
            for name, value in fields.headers:
                new = change(value) if step_fits(lower(path.steps[0]), name) else value
                if new is not GONE:
                    lines.append((name, text(new)))
            return replace(fields, headers=tuple(lines))
    return replace(fields, content=changed_meaning(fields.content, path, change))


# Volatile values.


def blanked(
    fields: Fields,
    volatile: Volatile,
    at: float,
    match_on: Sequence[str],
    headers: Sequence[str] = (),
) -> tuple[Fields, tuple[Value, ...]]:
    """Replace every volatile value by a numbered placeholder. Returns the fields, and what the values were.

    Only what `match_on` compares is looked at, of the headers only `headers`. Equal values of one request get
    one number, so structure counts. Numbers are given in an order that does not depend on the values nor
    on the order of keys.
    """
    blank = _Blank(volatile, at)
    url, query, lines, content = fields.url, fields.query, fields.headers, fields.content
    if "url" in match_on or "path" in match_on:
        url = replace(url, path=blank.text("url.path", (), url.path))
    if query is not None and ("url" in match_on or "query" in match_on):
        query = tuple(visited_pairs(query, blank, "query"))
    if "headers" in match_on:
        lines = tuple(
            (name, blank.text("header", (name,), value) if name in headers else value)
            for name, value in sorted(lines, key=lambda line: line[0])
        )
    if "body" in match_on:
        content = visited(content, blank)
    made = replace(fields, url=url, query=query, headers=lines, content=content)
    return made, tuple(blank.values)


class _Blank:
    """The placeholders of one request: a visitor that puts them in the place of volatile values."""

    def __init__(self, volatile: Volatile, at: float) -> None:
        self._volatile = volatile
        self._at = at
        self._numbers: dict[tuple[str, str], int] = {}
        self.values: list[Value] = []

    def text(self, root: str, steps: tuple[Step, ...], text: str) -> str:
        pieces: list[str] = []
        end = 0
        for found in self._volatile.find(text, self._at):
            value = text[found.start : found.end]
            number = self._numbers.setdefault((found.kind, value), len(self._numbers) + 1)
            pieces += (text[end : found.start], f"\0{found.kind}:{number}\0")
            end = found.end
            self.values.append(Value(path_text(root, steps), found.kind, value))
        return "".join((*pieces, text[end:])) if pieces else text

    def number(self, root: str, steps: tuple[Step, ...], text: str) -> str | None:
        """Replace a number that is volatile as a whole: part of a number never is."""
        if not self._volatile.kind_of_number(text, self._at):
            return None
        return self.text(root, steps, text)

    def order(self, text: str) -> str:
        """Sort values by what is left of them without volatile values."""
        pieces: list[str] = []
        end = 0
        for found in self._volatile.find(text, self._at):
            pieces += (text[end : found.start], f"\0{found.kind}\0")
            end = found.end
        return "".join((*pieces, text[end:]))

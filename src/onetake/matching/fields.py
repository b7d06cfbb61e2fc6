"""A request as fields with paths: what rules edit, and where volatile values are looked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from onetake.config.paths import Deep, Glob, Path, Pattern, Step, path_text, step_fits
from onetake.config.rules import Replacement
from onetake.matching.bodies import (
    Content,
    Kind,
    PartFacts,
    parse_json,
    parse_lines,
    read_body,
    write_json,
)
from onetake.matching.pairs import Pair, is_well_escaped, read_pairs
from onetake.matching.urls import to_bytes
from onetake.matching.volatile import Volatile
from onetake.messages import Request, Url, media_type, read_url
from onetake.providers import unsigned

_MOST_TEXT = 1 << 20  # bytes of a part or a body that are looked at as text
_DEEPEST = 256  # levels of JSON into which rules and volatile values are looked for
_NUMBERS = (int, msgspec.Raw)

Change: TypeAlias = Callable[[Any], Any]


class _Gone(Struct, frozen=True):
    """What an ignored field becomes: its container drops it; in a list, a mark keeps its place."""


GONE = _Gone()
_PLACE = "\0ignored\0"


class Fields(Struct, frozen=True, kw_only=True):
    """`query` is None where its escapes are broken: then `url.query` is compared as it is."""

    method: str
    url: Url
    query: tuple[Pair, ...] | None
    headers: tuple[tuple[str, str], ...]
    content: Content


class Value(Struct, frozen=True):
    """A volatile value: where it stands, its kind, and what it was."""

    path: str
    kind: str
    text: str


def fields_of(request: Request, *, headers: bool = True) -> Fields:
    """`headers` says whether they are wanted at all."""
    url = read_url(request.url)
    query = to_bytes(unsigned(url.query))
    lines = request.headers if headers else ()
    return Fields(
        method=request.method.upper(),
        url=url,
        query=tuple(read_pairs(query)) if is_well_escaped(query) else None,
        headers=tuple([(name.lower(), value.strip()) for name, value in lines]),
        content=read_body(request),
    )


# Rules.


def without(fields: Fields, path: Path) -> Fields:
    """`fields` without what `path` names; a part of the URL, the method and a whole body become empty."""
    return changed(fields, path, lambda _: GONE)


def replacing(fields: Fields, path: Path, new: Replacement) -> Fields:
    """`fields` with what `path` names, or what its pattern finds there, replaced by a name."""
    mark = f"\0{new.name}\0"
    if not new.pattern:
        return changed(fields, path, lambda _: mark)
    expression = re.compile(new.pattern)

    def change(value: Any) -> Any:
        if isinstance(value, str):
            return expression.sub(lambda _: mark, value)
        if isinstance(value, _NUMBERS) and not isinstance(value, bool):
            text = _number_text(value)
            changed = expression.sub(lambda _: mark, text)
            return value if changed == text else changed
        return value

    return changed(fields, path, change)


def changed(fields: Fields, path: Path, change: Change) -> Fields:
    """`fields` with what `path` names made by `change`, which gets None where a whole is named."""
    replace = msgspec.structs.replace
    match path.root:
        case "method":
            return replace(fields, method=_text(change(fields.method)))
        case "url":
            name = str(path.steps[0])
            if name == "host":
                netloc = _text(change(fields.url.netloc))
                return replace(fields, url=replace(fields.url, host=netloc, port=""))
            return replace(
                fields, url=replace(fields.url, **{name: _text(change(getattr(fields.url, name)))})
            )
        case "query":
            if fields.query is None:
                return fields
            return replace(fields, query=_changed_pairs(fields.query, path.steps[0], change))
        case "header":
            lines = []
            for name, value in fields.headers:
                new = change(value) if step_fits(_lower(path.steps[0]), name) else value
                if new is not GONE:
                    lines.append((name, _text(new)))
            return replace(fields, headers=tuple(lines))
    return replace(fields, content=_changed_content(fields.content, path, change))


def _changed_content(content: Content, path: Path, change: Change) -> Content:
    kind, value = content.kind, content.value
    if path.root == "body" and not path.steps:
        new = change(None)
        if new is GONE:
            return Content(Kind.EMPTY, b"")
        return _searched(content, change) if new is None else Content(Kind.BYTES, to_bytes(new))
    if path.root == "body" and kind in (Kind.JSON, Kind.LINES):
        new = _changed_json(value, path.steps, change)
        return Content(Kind.EMPTY, b"") if new is GONE else Content(kind, new)
    if path.root == "form" and kind is Kind.FORM:
        return Content(kind, _changed_pairs(value, path.steps[0], change))
    if path.root == "part" and kind is Kind.MULTIPART:
        parts = [_changed_part(part, path.steps, change) for part in value]
        return Content(kind, [part for part in parts if part is not None])
    return content


def _searched(content: Content, change: Change) -> Content:
    """A whole body in which a pattern is replaced: in each of its values, or in its text."""
    kind, value = content.kind, content.value
    match kind:
        case Kind.JSON | Kind.LINES:
            return Content(kind, _changed_json(value, (Deep(),), change))
        case Kind.FORM:
            return Content(kind, _changed_pairs(value, Glob("*"), change))
        case Kind.MULTIPART:
            return Content(
                kind, [_changed_part(part, (Glob("*"), "content"), change) for part in value]
            )
    new = change(decoded(value))
    return content if new is None else Content(kind, to_bytes(new))


def _changed_pairs(pairs: Sequence[Pair], pattern: Pattern, change: Change) -> tuple[Pair, ...]:
    changed: list[Pair] = []
    for pair in pairs:
        if not step_fits(pattern, pair.name.decode("utf-8", "replace")):
            changed.append(pair)
            continue
        new = change(None if pair.value is None else pair.value.decode("utf-8", "surrogateescape"))
        if new is None:
            changed.append(pair)
        elif new is not GONE:
            changed.append(Pair(pair.name, _text(new).encode("utf-8", "surrogateescape")))
    return tuple(changed)


def _changed_part(part: PartFacts, steps: Sequence[Pattern], change: Change) -> PartFacts | None:
    if not step_fits(steps[0], part.name):
        return part
    replace = msgspec.structs.replace
    match steps[1:]:
        case ():
            new = change(None)
            if new is GONE:
                return None
            return part if new is None else PartFacts(name=part.name, content=to_bytes(_text(new)))
        case ("filename",):
            new = change(part.filename)
            return replace(part, filename=None if new is GONE else new)
        case ("type",):
            return replace(part, content_type=_text(change(part.content_type)))
        case ("content",):
            new = change(decoded(part.content))
            return part if new is None else replace(part, content=to_bytes(_text(new)))
        case ("content", *deeper):
            parsed = structured(part.content)
            if parsed is None:
                return part
            new = _changed_json(parsed[0], deeper, change)
            return replace(part, content=b"" if new is GONE else write_json(new))
    return part


def _changed_json(
    value: Any, steps: Sequence[Pattern], change: Change, deepest: int = _DEEPEST
) -> Any:
    if not steps:
        return change(value)
    first, rest = steps[0], steps[1:]
    if isinstance(first, str) and isinstance(value, dict):  # the usual step, made short
        if first not in value or not deepest:
            return value
        item = _changed_json(value[first], rest, change, deepest - 1)
        if item is not GONE:
            return {**value, first: item}
        return {name: other for name, other in value.items() if name != first}
    is_deep = isinstance(first, Deep)
    if is_deep:
        value = _changed_json(value, rest, change, deepest)
        rest = steps
    if not deepest:
        return value
    if isinstance(value, dict):
        fields: dict[str, Any] = {}
        for name, item in value.items():
            if is_deep or step_fits(first, name):
                item = _changed_json(item, rest, change, deepest - 1)  # noqa: PLW2901
            if item is not GONE:
                fields[name] = item
        return fields
    if isinstance(value, list):
        items: list[Any] = []
        for i, item in enumerate(value):
            if is_deep or step_fits(first, i):
                item = _changed_json(item, rest, change, deepest - 1)  # noqa: PLW2901
            items.append(_PLACE if item is GONE else item)
        return items
    return value


def _lower(pattern: Pattern) -> Pattern:
    match pattern:
        case str():
            return pattern.lower()
        case Glob():
            return Glob(pattern.text.lower())
    return pattern


def _text(value: Any) -> str:
    return "" if value is GONE or value is None else str(value)


def decoded(data: bytes) -> str | None:
    """The text that `data` is, None where it is none or too long."""
    if len(data) > _MOST_TEXT or b"\0" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def structured(data: bytes) -> tuple[Any] | None:
    """The value of JSON, or the list of those of JSON lines, in a tuple; None for other bytes."""
    if data.lstrip()[:1] not in (b"{", b"["):
        return None
    parsed = parse_json(data)
    if parsed is not None:
        return parsed
    lines = parse_lines(data)
    return None if lines is None else (lines,)


def _number_text(value: int | msgspec.Raw) -> str:
    return str(value) if isinstance(value, int) else bytes(value).decode()


# Volatile values.


# What is text, or may be: an upload whose type is not told is looked at.
_NO_TEXT = ("image/", "audio/", "video/", "font/", "model/")
_NO_DOCUMENTS = ("application/pdf", "application/zip", "application/gzip")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def blanked(
    fields: Fields,
    volatile: Volatile,
    at: float,
    match_on: Sequence[str],
    headers: Sequence[str] = (),
) -> tuple[Fields, tuple[Value, ...]]:
    """`fields` with every volatile value replaced by a numbered placeholder, and what they were.

    Only in what `match_on` compares, of the headers only in `headers`. Equal values of one request get
    one number, so structure counts. Numbers are given in an order that does not depend on the values nor
    on the order of keys.
    """
    blank = _Blank(volatile, at)
    url, query, lines, content = fields.url, fields.query, fields.headers, fields.content
    if "url" in match_on or "path" in match_on:
        url = msgspec.structs.replace(url, path=blank.text("url.path", url.path))
    if query is not None and ("url" in match_on or "query" in match_on):
        query = tuple(blank.pairs("query", query))
    if "headers" in match_on:
        lines = tuple(
            (name, blank.text(("header", (name,)), value) if name in headers else value)
            for name, value in sorted(lines, key=lambda line: line[0])
        )
    if "body" in match_on:
        claims = [value for name, value in lines if name == "content-type"]
        content = blank.content(content, media_type(claims[0]) if claims else "")
    changed = msgspec.structs.replace(fields, url=url, query=query, headers=lines, content=content)
    return changed, tuple(blank.values)


class _Blank:
    """The placeholders of one request."""

    def __init__(self, volatile: Volatile, at: float) -> None:
        self._volatile = volatile
        self._at = at
        self._numbers: dict[tuple[str, str], int] = {}
        self.values: list[Value] = []

    def text(self, path: str | tuple[str, tuple[Step, ...]], text: str) -> str:
        pieces: list[str] = []
        end = 0
        for found in self._volatile.find(text, self._at):
            value = text[found.start : found.end]
            number = self._numbers.setdefault((found.kind, value), len(self._numbers) + 1)
            pieces += (text[end : found.start], f"\0{found.kind}:{number}\0")
            end = found.end
            where = path if isinstance(path, str) else path_text(*path)
            self.values.append(Value(where, found.kind, value))
        if not pieces:
            return text
        return "".join((*pieces, text[end:]))

    def pairs(self, root: str, pairs: Sequence[Pair]) -> Iterator[Pair]:
        for pair in sorted(pairs, key=self._without_values):
            if pair.value is None:
                yield pair
                continue
            text = pair.value.decode("utf-8", "surrogateescape")
            name = pair.name.decode("utf-8", "replace")
            changed = self.text((root, (name,)), text)
            yield Pair(pair.name, changed.encode("utf-8", "surrogateescape"))

    def _without_values(self, pair: Pair) -> tuple[bytes, str]:
        """The order of pairs: by name, then by what is left of the value without volatile ones."""
        text = (pair.value or b"").decode("utf-8", "replace")
        pieces: list[str] = []
        end = 0
        for found in self._volatile.find(text, self._at):
            pieces += (text[end : found.start], f"\0{found.kind}\0")
            end = found.end
        return pair.name, "".join((*pieces, text[end:]))

    def content(self, content: Content, claim: str) -> Content:
        value = content.value
        match content.kind:
            case Kind.JSON:
                value = self.json("body", (), value)
            case Kind.LINES:
                value = [self.json("body", (i,), line) for i, line in enumerate(value)]
            case Kind.FORM:
                value = list(self.pairs("form", value))
            case Kind.MULTIPART:
                value = [self.part(part) for part in value]
            case Kind.BYTES:
                text = _text_of(value, claim)
                value = value if text is None else to_bytes(self.text("body", text))
        return Content(content.kind, value)

    def json(self, root: str, steps: tuple[Step, ...], value: Any) -> Any:
        if isinstance(value, str):
            return self.text((root, steps), value)
        if isinstance(value, bool) or len(steps) > _DEEPEST:
            return value
        if isinstance(value, dict):
            fields: dict[str, Any] = {}
            for name in sorted(value):
                fields[name] = self.json(root, (*steps, name), value[name])
            return fields
        if isinstance(value, list):
            items: list[Any] = []
            for i, item in enumerate(value):
                items.append(self.json(root, (*steps, i), item))
            return items
        if isinstance(value, _NUMBERS):
            return self.number((root, steps), value)
        return value

    def number(self, path: tuple[str, tuple[Step, ...]], value: int | msgspec.Raw) -> Any:
        """A number is volatile as a whole or not at all; as a placeholder it is still no text."""
        text = _number_text(value)
        if not self._volatile.kind_of_number(text, self._at):
            return value
        return ["\0number\0", self.text(path, text)]

    def part(self, part: PartFacts) -> PartFacts:
        replace = msgspec.structs.replace
        if part.filename:
            filename = self.text(("part", (part.name, "filename")), part.filename)
            part = replace(part, filename=filename)
        text = _text_of(part.content, media_type(part.content_type))
        if text is None:
            return part
        place = (part.name, "content")
        parsed = structured(part.content)
        if parsed is None:
            return replace(part, content=to_bytes(self.text(("part", place), text)))
        before = len(self.values)
        value = self.json("part", place, parsed[0])
        return part if len(self.values) == before else replace(part, content=write_json(value))


def _text_of(data: bytes, claim: str) -> str | None:
    """The text that `data` is; None for what claims to be something else, or looks like it."""
    if claim.startswith(_NO_TEXT) or claim in _NO_DOCUMENTS:
        return None
    text = decoded(data)
    return None if text is None or _CONTROL.search(data) else text

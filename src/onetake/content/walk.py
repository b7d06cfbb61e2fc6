"""The one walker by path over what a body says.

It works on meanings, not on bytes: what it returns is for comparing. Edits of bytes are made on leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeAlias

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from onetake.config.paths import Deep, Glob, Path, Pattern, Step, step_fits
from onetake.content.kinds import Kind, may_be_text
from onetake.content.meaning import EMPTY, Meaning, PartFacts, opaque
from onetake.wire.json_values import parse_json, write_json
from onetake.wire.pairs import Pair

_DEEPEST = 256  # levels of JSON into which is looked
_NUMBERS = (int, msgspec.Raw)

Change: TypeAlias = Callable[[Any], Any]
"""Returns what a value becomes, or `GONE`. It is given None where a whole body or part is named."""


class _Gone(Struct, frozen=True):
    """The mark of an ignored value: its container drops it, and a list keeps its place."""


GONE = _Gone()
_PLACE = "\0ignored\0"


class Visitor(Protocol):
    """Is shown every value of a body, with its path, and returns what it becomes."""

    def text(self, root: str, steps: tuple[Step, ...], text: str, /) -> str: ...

    def number(self, root: str, steps: tuple[Step, ...], text: str, /) -> str | None:
        """Return what the number that is written `text` becomes; None where it stays."""

    def order(self, text: str, /) -> str:
        """Return by what values of one name are sorted before they are shown."""


# One path: what rules name.


def changed(meaning: Meaning, path: Path, change: Change) -> Meaning:
    """Return `meaning` with what `path` names made by `change`."""
    if path.root == "body" and not path.steps:
        return _deeper(meaning, (), change)
    match path.root, meaning.kind:
        case ("body", Kind.JSON | Kind.LINES | Kind.MESSAGE):
            return _deeper(meaning, path.steps, change)
        case ("form", Kind.FORM) | ("part", Kind.MULTIPART):
            return _deeper(meaning, path.steps, change)
    return meaning


def changed_pairs(pairs: Iterable[Pair], pattern: Pattern, change: Change) -> tuple[Pair, ...]:
    """Return the pairs of a query or a form with the values of what `pattern` names changed."""
    made: list[Pair] = []
    for pair in pairs:
        if not step_fits(pattern, pair.name.decode("utf-8", "replace")):
            made.append(pair)
            continue
        new = change(None if pair.value is None else pair.value.decode("utf-8", "surrogateescape"))
        if new is None:
            made.append(pair)
        elif new is not GONE:
            made.append(Pair(pair.name, text(new).encode("utf-8", "surrogateescape")))
    return tuple(made)


def text(value: Any) -> str:
    """Return a changed value as text; what is gone is empty."""
    return "" if value is GONE or value is None else str(value)


def to_bytes(value: str) -> bytes:
    """Return a text as bytes, lone surrogates too."""
    return str(value).encode("utf-8", "surrogatepass")


def lower(pattern: Pattern) -> Pattern:
    """Return a step that fits names in lower case, for names that compare without case."""
    match pattern:
        case str():
            return pattern.lower()
        case Glob():
            return Glob(pattern.text.lower())
    return pattern


def number_text(value: int | msgspec.Raw) -> str:
    """Return a JSON number as it was written."""
    return str(value) if isinstance(value, int) else bytes(value).decode()


def _deeper(meaning: Meaning, steps: Sequence[Pattern], change: Change) -> Meaning:
    """Change what `steps` reach below the top of a body."""
    kind, value = meaning.kind, meaning.value
    if not steps:
        new = change(None)
        if new is None:
            return _searched(meaning, change)
        return EMPTY if new is GONE else opaque(to_bytes(new), meaning.media_type)
    match kind:
        case Kind.JSON | Kind.LINES:
            new = _changed_json(value, steps, change)
            return EMPTY if new is GONE else replace(meaning, value=new)
        case Kind.FORM if len(steps) == 1:
            return replace(meaning, value=list(changed_pairs(value, steps[0], change)))
        case Kind.MULTIPART:
            parts = [_changed_part(part, steps, change) for part in value]
            return replace(meaning, value=[part for part in parts if part is not None])
        case Kind.MESSAGE:
            return replace(meaning, value=_changed_facts(value, steps, change))
    return meaning


def _searched(meaning: Meaning, change: Change) -> Meaning:
    """Replace a pattern in a whole body: in each of its values, or in its text."""
    match meaning.kind:
        case Kind.JSON | Kind.LINES:
            return replace(meaning, value=_changed_json(meaning.value, (Deep(),), change))
        case Kind.FORM:
            return replace(meaning, value=list(changed_pairs(meaning.value, Glob("*"), change)))
        case Kind.MULTIPART:
            parts = [replace(one, content=_searched(one.content, change)) for one in meaning.value]
            return replace(meaning, value=parts)
        case Kind.MESSAGE:
            facts = meaning.value
            facts = replace(facts, content=_searched(facts.content, change))
            return replace(meaning, value=facts)
    new = change(meaning.text)
    return meaning if new is None else opaque(to_bytes(new), meaning.media_type)


def _changed_part(part: PartFacts, steps: Sequence[Pattern], change: Change) -> PartFacts | None:
    if not step_fits(steps[0], part.label):
        return part
    if steps[1:]:
        return _changed_facts(part, steps[1:], change)
    new = change(None)
    if new is None:
        return part
    if new is GONE:
        return None
    return PartFacts(label=part.label, name=part.name, content=opaque(to_bytes(new)))


def _changed_facts(part: PartFacts, steps: Sequence[Pattern], change: Change) -> PartFacts:
    match steps:
        case ("filename",):
            new = change(part.filename)
            return replace(part, filename=None if new is GONE else new)
        case ("type",):
            return replace(part, content_type=text(change(part.content_type)))
        case ("line",):
            return replace(part, line=text(change(part.line)))
        case ("header", name):
            lines = [
                (key, change(value) if step_fits(lower(name), key) else value)
                for key, value in part.further
            ]
            kept = tuple((key, text(value)) for key, value in lines if value is not GONE)
            return replace(part, further=kept)
        case ("content", *deeper):
            content = _deeper(part.content, deeper, change)
            return part if content is part.content else replace(part, content=content)
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
    if isinstance(value, str) and not is_deep and value[:1] in ("{", "["):
        return _changed_inner(value, steps, change, deepest)
    return value


def _changed_inner(value: str, steps: Sequence[Pattern], change: Change, deepest: int) -> str:
    """Change JSON that stands in a string; the string stays as it is where nothing in it changes."""
    parsed = parse_json(value)
    if parsed is None:
        return value
    new = _changed_json(parsed[0], steps, change, deepest - 1)
    if new is GONE or write_json(new) == write_json(parsed[0]):
        return value
    return write_json(new).decode()


# Every value: what is volatile, and what was redacted by value.


def visited(meaning: Meaning, visitor: Visitor) -> Meaning:
    """Return `meaning` with every value as `visitor` makes it.

    The order of visits does not depend on the order of keys or pairs.
    """
    root = {Kind.FORM: "form", Kind.MULTIPART: "part"}.get(meaning.kind, "body")
    return _visited(meaning, visitor, root, ())


def visited_pairs(
    pairs: Iterable[Pair], visitor: Visitor, root: str, steps: tuple[Step, ...] = ()
) -> Iterator[Pair]:
    """Yield the pairs of a query or a form with every value as `visitor` makes it, sorted by name."""
    for pair in sorted(pairs, key=lambda pair: (pair.name, visitor.order(_value(pair)))):
        if pair.value is None:
            yield pair
            continue
        plain = pair.value.decode("utf-8", "surrogateescape")
        new = visitor.text(root, (*steps, pair.name.decode("utf-8", "replace")), plain)
        yield Pair(pair.name, new.encode("utf-8", "surrogateescape"))


def _value(pair: Pair) -> str:
    return (pair.value or b"").decode("utf-8", "replace")


def _visited(meaning: Meaning, visitor: Visitor, root: str, steps: tuple[Step, ...]) -> Meaning:
    value = meaning.value
    match meaning.kind:
        case Kind.JSON:
            new = _visited_json(value, visitor, root, steps)
        case Kind.LINES:
            new = [_visited_json(line, visitor, root, (*steps, i)) for i, line in enumerate(value)]
        case Kind.FORM:
            new = list(visited_pairs(value, visitor, root, steps))
        case Kind.MULTIPART:
            new = [_visited_part(one, visitor, root, (*steps, one.label)) for one in value]
        case Kind.MESSAGE:
            new = _visited_part(value, visitor, root, steps)
        case _:
            plain = meaning.text if may_be_text(meaning.media_type) else None
            if plain is None:
                return meaning
            shown = visitor.text(root, steps, plain)
            return meaning if shown is plain else replace(meaning, value=to_bytes(shown))
    return replace(meaning, value=new)


def _visited_part(
    part: PartFacts, visitor: Visitor, root: str, steps: tuple[Step, ...]
) -> PartFacts:
    filename = part.filename
    if filename:
        filename = visitor.text(root, (*steps, "filename"), filename)
    line = visitor.text(root, (*steps, "line"), part.line) if part.line else ""
    further = tuple(
        (name, visitor.text(root, (*steps, "header", name), value)) for name, value in part.further
    )
    content = _visited(part.content, visitor, root, (*steps, "content"))
    return replace(part, filename=filename, line=line, further=further, content=content)


def _visited_json(value: Any, visitor: Visitor, root: str, steps: tuple[Step, ...]) -> Any:
    if isinstance(value, str):
        return visitor.text(root, steps, value)
    if isinstance(value, bool) or len(steps) > _DEEPEST:
        return value
    if isinstance(value, dict):
        fields: dict[str, Any] = {}
        for name in sorted(value):
            fields[name] = _visited_json(value[name], visitor, root, (*steps, name))
        return fields
    if isinstance(value, list):
        items: list[Any] = []
        for i, item in enumerate(value):
            items.append(_visited_json(item, visitor, root, (*steps, i)))
        return items
    if isinstance(value, _NUMBERS):
        new = visitor.number(root, steps, number_text(value))
        return value if new is None else ["\0number\0", new]
    return value

"""What differs between two requests, in the path grammar in which rules are written.

`method`, `url.host`, `url.path`, `query.NAME`, `header.NAME`, `body.a.b[0]`, `form.NAME`,
`part.NAME.filename`, `body` (bytes).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import chain, islice, zip_longest
from typing import Any

from msgspec import Struct

from onetake.config.paths import Step, path_text
from onetake.content import Kind, Meaning, PartFacts, request_meaning
from onetake.diagnosis.excerpts import excerpts, first_difference, window
from onetake.diagnosis.facts import Difference
from onetake.diagnosis.json_differences import json_differences, shown, to_json
from onetake.diagnosis.kinds import MISSING, kind_of
from onetake.messages import Request, read_url
from onetake.wire.pairs import Pair, read_pairs

_MOST = 200
_LONG = 20  # characters; where a longer text begins to differ is worth saying

Moments = tuple[float, float]


class Change(Struct, frozen=True):
    """Two values at one path: texts, numbers and other JSON, bytes, a whole part or body, or `MISSING`."""

    path: str
    recorded: Any
    sent: Any


def changes(recorded: Request, sent: Request, headers: Sequence[str] = ()) -> list[Change]:
    """What differs, in the order of the request, and `headers` (names in lower case) last; at most 200."""
    found = islice(chain(_all(recorded, sent), _headers(recorded, sent, headers)), _MOST)
    return list(found)


def to_difference(change: Change, at: Moments = (0.0, 0.0)) -> Difference:
    """`change` as short texts.

    `at` is when the two were made (UTC seconds, 0 if not known): a time near it is told from a number.
    """
    one, other = change.recorded, change.sent
    if isinstance(one, bytes) and isinstance(other, bytes):
        return _of_bytes(change.path, one, other, at)
    texts = excerpts(_shown(one), _shown(other))
    if isinstance(one, Meaning) and isinstance(other, Meaning):
        empty = {one.kind: "added", other.kind: "removed"}
        return Difference(change.path, *texts, empty.get(Kind.EMPTY, "type"))
    offset = None
    if isinstance(one, str) and isinstance(other, str) and max(len(one), len(other)) > _LONG:
        offset = first_difference(one, other)
    return Difference(change.path, *texts, kind_of(one, other, at), offset)


def _all(recorded: Request, sent: Request) -> Iterator[Change]:
    if recorded.method.upper() != sent.method.upper():
        yield Change("method", recorded.method, sent.method)
    one, other = read_url(recorded.url), read_url(sent.url)
    for name in "scheme", "netloc", "path":
        if getattr(one, name) != getattr(other, name):
            path = "url.host" if name == "netloc" else f"url.{name}"
            yield Change(path, getattr(one, name), getattr(other, name))
    yield from _pairs("query", read_pairs(_bytes(one.query)), read_pairs(_bytes(other.query)))
    yield from meaning_changes(request_meaning(recorded), request_meaning(sent))


def _headers(recorded: Request, sent: Request, names: Sequence[str]) -> Iterator[Change]:
    for name in names:
        one, other = recorded.headers.get_all(name), sent.headers.get_all(name)
        if one != other:
            values = [", ".join(lines) if lines else MISSING for lines in (one, other)]
            yield Change(path_text("header", (name,)), values[0], values[1])


def meaning_changes(
    recorded: Meaning, sent: Meaning, root: str = "", steps: tuple[Step, ...] = ()
) -> Iterator[Change]:
    """Yield what differs between two bodies; `root` and `steps` say where bodies within bodies stand."""
    path = path_text(root or "body", steps)
    if recorded.kind is not sent.kind:
        are_bytes = all(
            one.kind.is_opaque or (steps and one.kind is Kind.EMPTY) for one in (recorded, sent)
        )
        values = (recorded.value, sent.value) if are_bytes else (recorded, sent)
        if values[0] != values[1]:
            yield Change(path, *values)
        return
    match recorded.kind:
        case Kind.JSON | Kind.LINES:
            try:
                yield from list(_json(path, recorded.value, sent.value))
            except RecursionError:  # nested too deeply to be looked into
                yield Change(path, recorded, sent)
        case Kind.FORM:
            yield from _pairs(root or "form", recorded.value, sent.value, steps)
        case Kind.MULTIPART:
            yield from _parts(root or "part", steps, recorded.value, sent.value)
        case Kind.MESSAGE:
            yield from _part(root or "body", steps, recorded.value, sent.value)
        case kind if kind.is_opaque and recorded.value != sent.value:
            yield Change(path, recorded.value, sent.value)


def _json(path: str, one: Any, other: Any) -> Iterator[Change]:
    for where, left, right in json_differences(path, to_json(one), to_json(other)):
        yield Change(where, left, right)


def _pairs(
    root: str, recorded: Sequence[Pair], sent: Sequence[Pair], steps: tuple[Step, ...] = ()
) -> Iterator[Change]:
    one, other = _by_name(recorded), _by_name(sent)
    for name in dict.fromkeys((*one, *other)):
        values = sorted(one.get(name, []), key=_order), sorted(other.get(name, []), key=_order)
        for left, right in zip_longest(*values):
            if left != right:
                yield Change(path_text(root, (*steps, _text(name))), _value(left), _value(right))


def _by_name(pairs: Sequence[Pair]) -> dict[bytes, list[Pair]]:
    grouped: dict[bytes, list[Pair]] = {}
    for pair in pairs:
        grouped.setdefault(pair.name, []).append(pair)
    return grouped


def _order(pair: Pair) -> bytes:
    return pair.value or b""


def _value(pair: Pair | None) -> Any:
    if pair is None:
        return MISSING
    return None if pair.value is None else _text(pair.value)


def _parts(
    root: str, steps: tuple[Step, ...], recorded: Sequence[PartFacts], sent: Sequence[PartFacts]
) -> Iterator[Change]:
    for one, other in zip_longest(recorded, sent):
        here = (*steps, (other or one).label)
        if one is None or other is None or one.name != other.name:
            yield Change(path_text(root, here), one or MISSING, other or MISSING)
        else:
            yield from _part(root, here, one, other)


def _part(root: str, steps: tuple[Step, ...], one: PartFacts, other: PartFacts) -> Iterator[Change]:
    facts = (
        ("filename", one.filename, other.filename),
        ("type", one.content_type, other.content_type),
        ("line", one.line, other.line),
    )
    for name, left, right in facts:
        if left != right:
            yield Change(path_text(root, (*steps, name)), left, right)
    recorded, sent = dict(one.further), dict(other.further)
    for name in dict.fromkeys((*recorded, *sent)):
        if recorded.get(name) != sent.get(name):
            values = recorded.get(name, MISSING), sent.get(name, MISSING)
            yield Change(path_text(root, (*steps, "header", name)), *values)
    is_file = one.filename is not None or other.filename is not None
    for change in meaning_changes(one.content, other.content, root, (*steps, "content")):
        yield change if is_file else _as_texts(change)


def _as_texts(change: Change) -> Change:
    """Show bytes of a part that is no file as the texts that they mostly are."""
    if isinstance(change.recorded, bytes) and isinstance(change.sent, bytes):
        return Change(change.path, _text(change.recorded), _text(change.sent))
    return change


def _of_bytes(path: str, one: bytes, other: bytes, at: Moments) -> Difference:
    offset = first_difference(one, other)
    texts = _size(path, one), _size(path, other)
    if path == "body":
        texts = _bytes_at(one, offset), _bytes_at(other, offset)
    windows = window(one, offset), window(other, offset)
    return Difference(path, texts[0], texts[1], kind_of(one, other, at), offset, *windows)


def _bytes_at(data: bytes, offset: int) -> str:
    size = f"{len(data)} bytes"
    return f"{size}, at {offset}: {data[offset : offset + 16]!r}" if offset < len(data) else size


def _size(path: str, data: bytes) -> str:
    if not data:
        return "an empty upload" if path.startswith("part") else "empty"
    return f"{len(data)} bytes, sha256 {sha256(data).hexdigest()[:12]}"


def _shown(value: Any) -> str:
    match value:
        case Meaning():
            return _size("body", value.value) if value.kind.is_opaque else value.kind.value
        case PartFacts():
            return _shown(value.content)
        case bytes():
            return _size("", value)
    return shown(value)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")

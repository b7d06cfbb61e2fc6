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

from onetake.config.paths import path_text
from onetake.diagnosis.excerpts import excerpts, first_difference, window
from onetake.diagnosis.json_differences import json_differences, shown, to_json
from onetake.diagnosis.kinds import MISSING, kind_of
from onetake.matching import (
    Content,
    Kind,
    Pair,
    PartFacts,
    parse_json,
    read_body,
    read_pairs,
)
from onetake.messages import Request, read_url

_MOST = 200
_LONG = 20  # characters; where a longer text begins to differ is worth saying

Moments = tuple[float, float]


class Change(Struct, frozen=True):
    """Two values at one path: texts, numbers and other JSON, bytes, a whole part or body, or `MISSING`."""

    path: str
    recorded: Any
    sent: Any


class Difference(Struct, frozen=True, omit_defaults=True):
    """One thing that differs: its path, both values as short texts, and the kind of change.

    `offset` is the character (of bytes: the byte) at which long values begin to differ; the windows
    are what binary values hold 100 bytes either side of it.
    """

    path: str
    recorded: str
    sent: str
    kind: str = "text"
    offset: int | None = None
    recorded_window: str = ""
    sent_window: str = ""


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
    if isinstance(one, Content) and isinstance(other, Content):
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
    yield from content_changes(read_body(recorded), read_body(sent))


def _headers(recorded: Request, sent: Request, names: Sequence[str]) -> Iterator[Change]:
    for name in names:
        one, other = recorded.headers.get_all(name), sent.headers.get_all(name)
        if one != other:
            values = [", ".join(lines) if lines else MISSING for lines in (one, other)]
            yield Change(path_text("header", (name,)), values[0], values[1])


def content_changes(recorded: Content, sent: Content) -> Iterator[Change]:
    """What differs between two bodies."""
    if recorded.kind is not sent.kind:
        yield Change("body", recorded, sent)
        return
    match recorded.kind:
        case Kind.JSON | Kind.LINES:
            try:
                yield from list(_json("body", recorded.value, sent.value))
            except RecursionError:  # nested too deeply to be looked into
                yield Change("body", recorded, sent)
        case Kind.FORM:
            yield from _pairs("form", recorded.value, sent.value)
        case Kind.MULTIPART:
            yield from _parts(recorded.value, sent.value)
        case Kind.BYTES if recorded.value != sent.value:
            yield Change("body", recorded.value, sent.value)


def _json(path: str, one: Any, other: Any) -> Iterator[Change]:
    for where, left, right in json_differences(path, to_json(one), to_json(other)):
        yield Change(where, left, right)


def _pairs(root: str, recorded: Sequence[Pair], sent: Sequence[Pair]) -> Iterator[Change]:
    one, other = _by_name(recorded), _by_name(sent)
    for name in dict.fromkeys((*one, *other)):
        values = sorted(one.get(name, []), key=_order), sorted(other.get(name, []), key=_order)
        for left, right in zip_longest(*values):
            if left != right:
                yield Change(path_text(root, (_text(name),)), _value(left), _value(right))


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


def _parts(recorded: Sequence[PartFacts], sent: Sequence[PartFacts]) -> Iterator[Change]:
    for i, (one, other) in enumerate(zip_longest(recorded, sent)):
        path = path_text("part", ((other or one).name or str(i),))
        if one is None or other is None or one.name != other.name:
            yield Change(path, one or MISSING, other or MISSING)
            continue
        if one.filename != other.filename:
            yield Change(f"{path}.filename", one.filename, other.filename)
        if one.content_type != other.content_type:
            yield Change(f"{path}.type", one.content_type, other.content_type)
        if one.content != other.content:
            yield from _part_contents(f"{path}.content", one, other)


def _part_contents(path: str, one: PartFacts, other: PartFacts) -> Iterator[Change]:
    values = [json_of_part(part) for part in (one, other)]
    if values[0] is not None and values[1] is not None:
        found = list(_json(path, values[0][0], values[1][0]))
        # The same value written otherwise: the bytes of a part are compared.
        yield from found or [Change(path, _text(one.content), _text(other.content))]
    elif one.filename is None and other.filename is None:
        yield Change(path, _text(one.content), _text(other.content))
    else:
        yield Change(path, one.content, other.content)


def json_of_part(part: PartFacts) -> tuple[Any] | None:
    """The JSON that a part holds, in a tuple; None for other contents."""
    return parse_json(part.content) if part.content[:1] in (b"{", b"[") else None


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
        case Content():
            count = f", {len(value.value)} of them" if value.kind is Kind.BYTES else ""
            return f"{value.kind.value}{count}"
        case PartFacts():
            return _size("part", value.content)
        case bytes():
            return _size("", value)
    return shown(value)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")

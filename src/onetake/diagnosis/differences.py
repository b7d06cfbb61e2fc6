"""What differs between two requests, in the path grammar in which rules are written.

`method`, `url.host`, `url.path`, `query.NAME`, `header.NAME`, `body.a.b[0]`, `form.NAME`,
`part.NAME.filename`, `body` (bytes).
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from itertools import islice, zip_longest
from typing import TYPE_CHECKING

from msgspec import Struct

from onetake.diagnosis.excerpts import excerpts, first_difference
from onetake.diagnosis.json_differences import decode, json_differences, shown
from onetake.matching import DEFAULT_HEADERS, Kind, Pair, body_kind, read_pairs
from onetake.messages import Request, read_url

if TYPE_CHECKING:
    from onetake.wire.multipart import Part

_MOST = 200


class Difference(Struct, frozen=True):
    """One thing that differs: its path, and both values as short texts."""

    path: str
    recorded: str
    sent: str


def differences(recorded: Request, sent: Request) -> tuple[Difference, ...]:
    """What differs, in the order of the request; at most 200."""
    found = tuple(islice(_all(recorded, sent), _MOST))
    return found or tuple(_headers(recorded, sent))


def _all(recorded: Request, sent: Request) -> Iterator[Difference]:
    if recorded.method.upper() != sent.method.upper():
        yield Difference("method", recorded.method, sent.method)
    one, other = read_url(recorded.url), read_url(sent.url)
    for name in "scheme", "netloc", "path":
        if getattr(one, name) != getattr(other, name):
            path = "url.host" if name == "netloc" else f"url.{name}"
            yield Difference(path, *excerpts(getattr(one, name), getattr(other, name)))
    yield from _pairs("query", _bytes(one.query), _bytes(other.query))
    yield from _bodies(recorded, sent)


def _headers(recorded: Request, sent: Request) -> Iterator[Difference]:
    for name in DEFAULT_HEADERS:
        one, other = recorded.headers.get_all(name), sent.headers.get_all(name)
        if one != other:
            texts = (", ".join(values) if values else "(absent)" for values in (one, other))
            yield Difference(f"header.{name}", *excerpts(*texts))


def _bodies(recorded: Request, sent: Request) -> Iterator[Difference]:
    kinds = body_kind(recorded), body_kind(sent)
    if kinds[0] is not kinds[1]:
        yield Difference("body", _summary(kinds[0], recorded), _summary(kinds[1], sent))
        return
    match kinds[0]:
        case Kind.JSON:
            yield from _json("body", recorded.body, sent.body)
        case Kind.LINES:
            lines = [
                [line for line in one.body.split(b"\n") if line.strip()] for one in (recorded, sent)
            ]
            values = [[decode(line) for line in side] for side in lines]
            for path, one, other in json_differences("body", values[0], values[1]):
                yield Difference(path, *excerpts(shown(one), shown(other)))
        case Kind.FORM:
            yield from _pairs("form", recorded.body, sent.body)
        case Kind.MULTIPART:
            yield from _parts(recorded, sent)
        case _:
            yield from _raw("body", recorded.body, sent.body)


def _json(path: str, recorded: bytes, sent: bytes) -> Iterator[Difference]:
    for where, one, other in json_differences(path, decode(recorded), decode(sent)):
        yield Difference(where, *excerpts(shown(one), shown(other)))


def _raw(path: str, recorded: bytes, sent: bytes) -> Iterator[Difference]:
    if recorded == sent:
        return
    at = first_difference(recorded, sent)
    texts = [
        f"{len(data)} bytes, at {at}: {data[at : at + 16]!r}"
        if at < len(data)
        else f"{len(data)} bytes"
        for data in (recorded, sent)
    ]
    yield Difference(path, texts[0], texts[1])


def _pairs(prefix: str, recorded: bytes, sent: bytes) -> Iterator[Difference]:
    if recorded == sent:
        return
    one, other = _by_name(recorded), _by_name(sent)
    for name in dict.fromkeys((*one, *other)):
        values = sorted(one.get(name, []), key=_order), sorted(other.get(name, []), key=_order)
        if values[0] == values[1]:
            continue
        for left, right in zip_longest(*values):
            if left != right:
                texts = [_value(pair) for pair in (left, right)]
                yield Difference(f"{prefix}.{_text(name)}", *excerpts(*texts))


def _by_name(text: bytes) -> dict[bytes, list[Pair]]:
    grouped: dict[bytes, list[Pair]] = {}
    for pair in read_pairs(text):
        grouped.setdefault(pair.name, []).append(pair)
    return grouped


def _order(pair: Pair) -> bytes:
    return pair.value or b""


def _value(pair: Pair | None) -> str:
    if pair is None:
        return "(absent)"
    return "(no value)" if pair.value is None else f'"{_text(pair.value)}"'


def _parts(recorded: Request, sent: Request) -> Iterator[Difference]:
    from onetake.wire.multipart import parse

    sides = [parse(one.headers.get("content-type"), one.body) for one in (recorded, sent)]
    if sides[0] is None or sides[1] is None:
        return
    for i, (one, other) in enumerate(zip_longest(sides[0].parts, sides[1].parts)):
        name = (other or one).name or str(i)
        if one is None or other is None:
            yield Difference(f"part.{name}", _part_text(one), _part_text(other))
            continue
        if one.name != other.name:
            yield Difference(f"part.{i}.name", _or_none(one.name), _or_none(other.name))
        if one.filename != other.filename:
            texts = excerpts(_or_none(one.filename), _or_none(other.filename))
            yield Difference(f"part.{name}.filename", *texts)
        if one.content_type != other.content_type:
            texts = excerpts(_or_none(one.content_type), _or_none(other.content_type))
            yield Difference(f"part.{name}.type", *texts)
        if one.body != other.body:
            yield Difference(f"part.{name}.content", *_contents(one, other))


def _contents(one: Part, other: Part) -> tuple[str, str]:
    if one.filename is None and other.filename is None:
        return excerpts(f'"{_text(one.body)}"', f'"{_text(other.body)}"')
    return _content(one), _content(other)


def _content(part: Part) -> str:
    if not part.body:
        return "an empty upload" if part.filename is not None else "empty"
    return f"{len(part.body)} bytes, sha256 {sha256(part.body).hexdigest()[:12]}"


def _part_text(part: Part | None) -> str:
    return "(absent)" if part is None else _content(part)


def _or_none(text: str | None) -> str:
    return "(none)" if text is None else text


def _summary(kind: Kind, request: Request) -> str:
    return "empty" if kind is Kind.EMPTY else f"{kind.value}, {len(request.body)} bytes"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")

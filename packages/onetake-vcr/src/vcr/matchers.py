"""When a request counts as a recorded one.

A matcher takes the request being made and the recorded one; it returns a truth value, or raises AssertionError
with a text, or returns None for yes. Suites register their own, also under the names of those here.

Those here compare a *part* of each request, a hashable value, so that a whole cassette can be looked up
instead of compared one by one (`hashable_parts`). The body is the one that has more than a single part: a
request is known by its bytes and, where its headers say what they mean, by their meaning; two requests match
where they share either. (That is no equivalence: the same form typed in two orders matches under the form's
content-type, while each matches its own bytes under no content-type.)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import product
from types import FunctionType
from typing import Any, NamedTuple
from urllib.parse import parse_qs
from xml.parsers.expat import ExpatError

from vcr.request import Request
from vcr.util import joined, read_body

MAX_DIFF_LINES = 20
MAX_DIFF_LINE_LENGTH = 200

Matcher = Callable[[Request, Request], object]
Failure = tuple[str, str | None]
_Parts = Callable[[Request], Iterable[Hashable]]


def method(r1: Request, r2: Request) -> None:
    """Compare the methods in any case: hand-made cassettes say `post`."""
    _assert_same(_method(r1), _method(r2), r1.method, r2.method)


def uri(r1: Request, r2: Request) -> None:
    """Compare the URIs to the letter, except that no path is the path `/` (RFC 3986 section 6.2.3)."""
    _assert_same(_uri(r1), _uri(r2), r1.uri, r2.uri)


def scheme(r1: Request, r2: Request) -> None:
    _assert_same(r1.scheme, r2.scheme)


def host(r1: Request, r2: Request) -> None:
    _assert_same(r1.host, r2.host)


def port(r1: Request, r2: Request) -> None:
    """Compare the ports; where none is named, the scheme's own counts."""
    _assert_same(r1.port, r2.port)


def path(r1: Request, r2: Request) -> None:
    """Compare the paths, where none is `/`."""
    _assert_same(_path(r1), _path(r2), r1.path, r2.path)


def query(r1: Request, r2: Request) -> None:
    """Compare the pairs in any order; those without a value do not count."""
    _assert_same(r1.query, r2.query)


def headers(r1: Request, r2: Request) -> None:
    """Compare the headers and their values; names in any case."""
    _assert_same(_headers(r1), _headers(r2), r1.headers, r2.headers)


def raw_body(r1: Request, r2: Request) -> None:
    """Compare the bytes; no body is an empty one."""
    if _raw_body(r1) != _raw_body(r2):
        raise AssertionError(_difference(read_body(r1), read_body(r2)))


def body(r1: Request, r2: Request) -> None:
    """Compare the bytes, or the form, JSON, XML-RPC call or content of chunks where the headers say so."""
    if not _bodies(r1).isdisjoint(_bodies(r2)):
        return
    new, recorded = _meaning_of(r1), _meaning_of(r2)
    if new is None or recorded is None or new.readings != recorded.readings:
        raise AssertionError(_difference(read_body(r1), read_body(r2)))
    raise AssertionError(_difference(new.value, recorded.value))


def requests_match(r1: Request, r2: Request, matchers: Iterable[Matcher]) -> bool:
    """Whether every matcher says so."""
    _, failures = get_matchers_results(r1, r2, matchers)
    return not failures


def get_matchers_results(
    r1: Request, r2: Request, matchers: Iterable[Matcher]
) -> tuple[list[str], list[Failure]]:
    """The names of the matchers that agree, and of those that do not with what they say."""
    agreed: list[str] = []
    failed: list[Failure] = []
    for matcher in matchers:
        name = getattr(matcher, "__name__", repr(matcher))
        matches, details = _evaluate_matcher(matcher, r1, r2)
        if matches:
            agreed.append(name)
        else:
            failed.append((name, get_assertion_message(details)))
    return agreed, failed


def get_assertion_message(assertion_details: str | None) -> str | None:
    """What is shown of a matcher's own text: all of it."""
    return assertion_details


def _evaluate_matcher(matcher: Callable[..., Any], *requests: Any) -> tuple[Any, str | None]:
    try:
        verdict = matcher(*requests)
    except AssertionError as error:
        return False, str(error)
    return (True if verdict is None else verdict), None


class HashableParts(NamedTuple):
    """Matchers taken apart for look-ups: `of(request)` are its keys; `others` compare one by one.

    Two requests match under all the matchers if they share a key and all of `others` agree. The keys are made
    of those `of_line`, which method and URI alone give, and those `of_content`, None where no matcher looks
    at headers or body.
    """

    of_line: Callable[[Request], frozenset[Hashable]]
    of_content: Callable[[Request], frozenset[Hashable]] | None
    others: tuple[Matcher, ...]

    def of(self, request: Request) -> frozenset[Hashable]:
        content = self.of_content(request) if self.of_content is not None else ((),)
        return frozenset(product(self.of_line(request), content))


def hashable_parts(matchers: Sequence[Matcher]) -> HashableParts:
    """Keys for those matchers that are defined here; whoever registered another gets it called."""
    line: list[_Parts] = []
    content: list[_Parts] = []
    others: list[Matcher] = []
    for matcher in matchers:
        parts = _PARTS.get(matcher) if isinstance(matcher, FunctionType) else None
        if parts is None:
            others.append(matcher)
        else:
            (content if matcher in _OF_CONTENT else line).append(parts)
    return HashableParts(_product(line), _product(content) if content else None, tuple(others))


def _product(known: Sequence[_Parts]) -> Callable[[Request], frozenset[Hashable]]:
    return lambda request: frozenset(product(*(parts(request) for parts in known)))


def _assert_same(new: object, recorded: object, *shown: object) -> None:
    if new != recorded:
        left, right = shown or (new, recorded)
        raise AssertionError(f"{left} != {right}")


def _method(request: Request) -> Hashable:
    return request.method.upper() if isinstance(request.method, str) else request.method


def _uri(request: Request) -> Hashable:
    parsed = request.parsed_uri
    authority = f"{parsed.scheme}://{parsed.netloc}"
    if parsed.path or not request.uri.startswith(authority):
        return request.uri
    return f"{authority}/{request.uri[len(authority) :]}"


def _path(request: Request) -> Hashable:
    return request.path or "/"


def _headers(request: Request) -> Hashable:
    return frozenset((name, _frozen(value)) for name, value in request.headers.lower_items())


def _raw_body(request: Request) -> Hashable:
    return _frozen(read_body(request) or b"")


def _bodies(request: Request) -> frozenset[Hashable]:
    """Everything that a body is known by."""
    content = read_body(request)
    known: set[Hashable] = {("bytes", _frozen(content or b""))}
    if isinstance(
        content, Mapping
    ):  # aiohttp's `json=` and `data=`, which vcrpy stores as they were given
        form = {str(name): [str(value)] for name, value in content.items()}
        known |= {((_json,), _frozen(content)), ((_form,), _frozen(form))}
    elif meaning := _meaning(request.headers.lowered(), content):
        known.add((meaning.readings, _frozen(meaning.value)))
    return frozenset(known)


class _Meaning(NamedTuple):
    """A body read as its headers say: `readings` are the functions that read it, in turn."""

    readings: tuple[Callable[[Any], Any], ...]
    value: Any


def _meaning_of(request: Request) -> _Meaning | None:
    return _meaning(request.headers.lowered(), read_body(request))


def _meaning(headers: Mapping[str, Any], content: Any) -> _Meaning | None:
    """Read `content` as `headers`, by lower-case names, say; None where they say nothing, or what is not so."""
    readings = tuple(reading for applies, reading in _checker_transformer_pairs if applies(headers))
    if not readings:
        return None
    value = content
    try:
        for reading in readings:
            value = reading(value)
    except (ValueError, ExpatError, RecursionError, LookupError, TypeError, AttributeError):
        return None  # no such thing after all, or no bytes
    return _Meaning(readings, value)


def _says(header: str, word: str) -> Callable[[Mapping[str, Any]], bool]:
    def applies(headers: Mapping[str, Any]) -> bool:
        value = headers.get(header, "")
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        return word in text.lower()

    return applies


_is_xml = _says("content-type", "text/xml")
_is_from_xmlrpc = _says("user-agent", "xmlrpc")


def _form(content: Any) -> Any:
    return None if content is None else parse_qs(content.decode("ascii"))


def _json(content: Any) -> Any:
    return json.loads(content) if content else None


def _xmlrpc(content: Any) -> Any:
    import xmlrpc.client  # late: it is heavy; expat bounds what entities expand to

    try:
        return None if content is None else xmlrpc.client.loads(content)
    except xmlrpc.client.Error as error:
        raise ValueError("no XML-RPC call") from error


def _dechunk(content: Any) -> Any:
    """The content of chunks (RFC 9112 section 7.1), or what came where it begins like none.

    ValueError where it begins like chunks and does not go on so.
    """
    if isinstance(content, str):
        content = content.encode()
    elif content is not None and not isinstance(content, bytes):
        content = joined(content)
    if not content:
        return content
    pieces: list[bytes] = []
    rest = content
    while True:
        digits, line_end, rest = rest.partition(b"\r\n")
        size = _chunk_size(digits) if line_end else None
        if size is None:
            if not pieces:
                return content
            raise ValueError("Malformed chunked data")
        if size == 0:
            return b"".join(pieces)
        if rest[size : size + 2] != b"\r\n":
            raise ValueError("Malformed chunked data")
        pieces.append(rest[:size])
        rest = rest[size + 2 :]


def _chunk_size(digits: bytes) -> int | None:
    if not digits or digits.strip(b"0123456789abcdefABCDEF"):
        return None
    return int(digits, 16)


_checker_transformer_pairs: tuple[
    tuple[Callable[[Mapping[str, Any]], bool], Callable[[Any], Any]], ...
] = (
    (_says("transfer-encoding", "chunked"), _dechunk),
    (_says("content-type", "application/x-www-form-urlencoded"), _form),
    (_says("content-type", "application/json"), _json),
    (lambda headers: _is_xml(headers) and _is_from_xmlrpc(headers), _xmlrpc),
)


def _frozen(value: Any) -> Hashable:
    """A hashable value that equals another's exactly where the values are equal."""
    match value:
        case Mapping():
            return frozenset((name, _frozen(one)) for name, one in value.items())
        case list() | tuple():
            return ("list", *(_frozen(one) for one in value))
        case bytearray() | memoryview():
            return bytes(value)
        case Hashable():
            return value
    return (type(value), str(value))  # dates and binary pieces of XML-RPC


def _one(part: Callable[[Request], Hashable]) -> _Parts:
    return lambda request: (part(request),)


_PARTS: Mapping[Matcher, _Parts] = {
    method: _one(_method),
    uri: _one(_uri),
    scheme: _one(lambda request: request.scheme),
    host: _one(lambda request: request.host),
    port: _one(lambda request: request.port),
    path: _one(_path),
    query: _one(lambda request: tuple(request.query)),
    headers: _one(_headers),
    raw_body: _one(_raw_body),
    body: _bodies,
}

_OF_CONTENT = (headers, raw_body, body)


def _difference(new: Any, recorded: Any) -> str:
    from onetake.diagnosis import texts  # late: most runs have nothing to explain

    return texts.difference_of_bodies(new, recorded, MAX_DIFF_LINES, MAX_DIFF_LINE_LENGTH)

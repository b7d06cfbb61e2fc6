"""Secrets in header lines, by the header's name and by their shape."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import cache, lru_cache

from onetake.providers import CREDENTIAL_HEADERS
from onetake.redaction.names import is_secret_value, is_worth_remembering
from onetake.redaction.placeholders import is_placeholder
from onetake.redaction.secret import Secret, merged
from onetake.redaction.shapes import find, shaped_secrets
from onetake.redaction.urls import secrets_in_text, secrets_in_url

_NAMED = {
    "authorization": "authorization",
    "proxy-authorization": "authorization",
    "authentication-info": "challenge",
    "proxy-authenticate": "challenge",
    "www-authenticate": "challenge",
    "cookie": "cookie",
    "set-cookie": "set-cookie",
    "location": "url",
    "content-location": "url",
    "referer": "url",
    "x-forwarded-uri": "url",
    "x-original-uri": "url",
    "x-original-url": "url",
    "x-rewrite-url": "url",
    "link": "text",
    "refresh": "text",
    "sec-websocket-protocol": "protocols",
    "ocp-apim-subscription-key": "api_key",
    "private-token": "token",
    "refresh-token": "refresh_token",
    "x-amz-security-token": "token",
    "x-auth-key": "api_key",
    "x-functions-key": "api_key",
    "x-rapidapi-key": "api_key",
}
# Names that end as those of secrets do: of cursors, of keys that are public or name a thing to look up, and of
# what makes a request unlike others.
_KEPT = (
    *("page-token", "pagetoken", "continuation-token", "next-token", "sync-token", "client-token"),
    *("idempotency-key", "idempotency-token", "request-key", "cache-key", "surrogate-key"),
    *("partition-key", "partitionkey", "routing-key", "sort-key", "object-key", "public-key"),
    *("sec-websocket-key", "correlation-key", "dedup-key", "shard-key", "feature-key", "event-key"),
)


@cache
def _by_shape() -> tuple[tuple[re.Pattern[str], str], ...]:
    return (
        (re.compile(r"(?:.*-)?api-?key"), "api_key"),
        (re.compile(r"x-.*-(?:token|jwt)|.*(?:access|auth|session|csrf|xsrf)-token"), "token"),
        (re.compile(r"x-.*-(?:secret|password)|.*client-secret"), "secret"),
    )


@cache
def _scheme() -> re.Pattern[str]:
    return re.compile(r"([A-Za-z][A-Za-z0-9_-]*)[ \t]+(\S.*)", re.DOTALL)


@cache
def _token68() -> re.Pattern[bytes]:
    return re.compile(rb"(?i:\b(?:negotiate|ntlm|kerberos))[ \t]+([A-Za-z0-9._~+/-]{8,}=*)")


@cache
def _protocol() -> re.Pattern[bytes]:
    return re.compile(
        rb"(?i:(?<![\w.-])[\w.-]*?(?:api-?key|token|bearer|authorization(?:\.k8s\.io)?|auth|jwt|secret))"
        rb"\.([^\s,.][^\s,]{5,})"
    )


_SECRET_WORDS = frozenset(
    {"auth", "credential", "jwt", "key", "otp", "password", "pwd", "secret", "token"}
)
"""Last words of the names of headers whose values may be secrets."""


@lru_cache(maxsize=1024)
def treatment(name: str) -> str:
    """Return how the values of header `name` are treated: an empty string for not at all."""
    name = name.lower().replace("_", "-")
    if name in _NAMED:
        return _NAMED[name]
    if name.endswith(_KEPT) or "continuation" in name:
        return ""
    for shape, kind in _by_shape():
        if shape.fullmatch(name):
            return kind
    if name.endswith("-authorization"):
        return "authorization"
    if name in CREDENTIAL_HEADERS:
        return "api_key"
    # Of a maker that is not known: where the value looks like a secret.
    return "unknown" if name.rpartition("-")[2] in _SECRET_WORDS else ""


_lines: dict[tuple[str, str], Sequence[Secret]] = {}  # a client sends the same with each request
_MOST_LINES = 1024


def secrets_in_lines(
    lines: Sequence[tuple[str, str]], credentials: Collection[str] = ()
) -> Sequence[Sequence[Secret]]:
    """Return the secrets of each of `lines`, whose places are those of its value in UTF-8.

    `credentials` has names of headers, in lower case, that hold credentials besides the known ones.
    """
    found = [_lines.get(line) for line in lines]
    if None in found:
        new = [line for line, secrets in zip(lines, found, strict=True) if secrets is None]
        # All new lines are searched for shapes as one text: mostly there are none.
        text = "\n".join([value for _, value in new]).encode("utf-8", "surrogatepass")
        may_have_shape = b"-----BEGIN" in text or bool(find(text))
        if len(_lines) > _MOST_LINES:
            _lines.clear()
        made = {line: _in_line(line, may_have_shape=may_have_shape) for line in new}
        _lines.update(made)  # which another thread may clear at any time
        found = [
            made[line] if secrets is None else secrets
            for line, secrets in zip(lines, found, strict=True)
        ]
    return [
        _in_line(line, is_credential=True)
        if credentials and line[0].lower() in credentials
        else secrets or ()
        for line, secrets in zip(lines, found, strict=True)
    ]


def _in_line(
    line: tuple[str, str], *, may_have_shape: bool = True, is_credential: bool = False
) -> Sequence[Secret]:
    name, value = line
    if not value:
        return ()
    how = treatment(name)
    match how:
        case "url":
            return secrets_in_url(value)
        case "text":
            return secrets_in_text(value)
    if not may_have_shape and not how and not is_credential:
        return ()
    data = value.encode("utf-8", "surrogatepass")
    found = list(_named("authorization" if is_credential and not how else how, name, data))
    return merged(found, shaped_secrets(data)) if may_have_shape else found


def _named(how: str, name: str, data: bytes) -> Iterator[Secret]:
    match how:
        case "":
            return
        case "authorization":
            yield from _authorization(data)
        case "cookie":
            yield from _cookies(data, all_pairs=True)
        case "set-cookie":
            yield from _cookies(data, all_pairs=False)
        case "challenge":
            for found in _token68().finditer(data):
                yield from _secret(data, *found.span(1), "token")
        case "protocols":
            for found in _protocol().finditer(data):
                yield from _secret(data, *found.span(1), "api_key")
        case "unknown":
            text = data.decode("utf-8", "surrogatepass")
            if is_secret_value(text) and is_worth_remembering(text):
                kind = "token" if name.lower().endswith("token") else "key"
                yield from _secret(data, 0, len(data), kind)
        case kind:
            yield from _secret(data, 0, len(data), kind)


def _secret(data: bytes, start: int, end: int, kind: str) -> Iterator[Secret]:
    text = data[start:end].decode("utf-8", "surrogatepass")
    if text and not is_placeholder(text):
        yield Secret(start, end, kind, text)


def _authorization(data: bytes) -> Iterator[Secret]:
    text = data.decode("latin-1")  # whose places are those of the bytes
    found = _scheme().fullmatch(text)
    start = found.start(2) if found else 0
    yield from _secret(data, start, len(data), "token")


def _cookies(data: bytes, *, all_pairs: bool) -> Iterator[Secret]:
    at = 0
    for piece in data.split(b";"):
        name, equals, _ = piece.partition(b"=")
        start = at + len(name) + 1 if equals else at
        end = at + len(piece)
        while start < end and data[start] in b' \t"':
            start += 1
        while end > start and data[end - 1] in b' \t"':
            end -= 1
        yield from _secret(data, start, end, "cookie")
        at += len(piece) + 1
        if not all_pairs:
            return

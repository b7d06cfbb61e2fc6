"""Secrets in header lines, by the header's name."""

from __future__ import annotations

import re
from functools import lru_cache

from onetake.providers import CREDENTIAL_HEADERS
from onetake.redaction.placeholders import is_placeholder, placeholder
from onetake.redaction.shaped import shaped_text
from onetake.redaction.urls import redact_text_with_urls, redact_url
from onetake.wire.edits import Edit

_NAMED = {
    "authorization": "authorization",
    "proxy-authorization": "authorization",
    "cookie": "cookie",
    "set-cookie": "set-cookie",
    "location": "url",
    "content-location": "url",
    "referer": "url",
    "link": "text",
    "refresh": "text",
    "ocp-apim-subscription-key": "api_key",
    "private-token": "token",
    "x-amz-security-token": "token",
    "x-auth-key": "api_key",
    "x-functions-key": "api_key",
    "x-rapidapi-key": "api_key",
}
_BY_SHAPE = (
    (re.compile(r"(?:.*-)?api-?key"), "api_key"),
    (re.compile(r"x-.*-(?:token|jwt)|.*(?:access|auth|session|csrf|xsrf)-token"), "token"),
    (re.compile(r"x-.*-(?:secret|password)|.*client-secret"), "secret"),
)
_KEPT = re.compile(r".*(?:page-?token|continuation).*")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)[ \t]+(\S.*)", re.DOTALL)


@lru_cache(maxsize=1024)
def treatment(name: str) -> str:
    """How the values of header `name` are treated: "" for not at all."""
    name = name.lower().replace("_", "-")
    if name in _NAMED:
        return _NAMED[name]
    if _KEPT.fullmatch(name):
        return ""
    for shape, kind in _BY_SHAPE:
        if shape.fullmatch(name):
            return kind
    if name.endswith("-authorization"):
        return "authorization"
    return "api_key" if name in CREDENTIAL_HEADERS else ""


@lru_cache(maxsize=512)  # a client sends the same lines with each request
def redact_line(line: tuple[str, str]) -> tuple[tuple[str, str], tuple[Edit, ...]] | None:
    """The header line without its secrets, and what they were; None where it stays as it is."""
    name, value = line
    how = treatment(name)
    new, edits = _redact(how, value) if how else (value, [])
    new, shaped = shaped_text(new)
    edits = [*edits, *shaped]
    return ((name, new), tuple(edits)) if new != value else None


def redact_credential(line: tuple[str, str]) -> tuple[tuple[str, str], tuple[Edit, ...]] | None:
    """The same of a header that is known to hold a credential, whatever its name."""
    name, value = line
    new, edits = _authorization(value)
    return ((name, new), tuple(edits)) if new != value else None


def _redact(how: str, value: str) -> tuple[str, list[Edit]]:
    match how:
        case "authorization":
            return _authorization(value)
        case "cookie":
            return _cookies(value, all_pairs=True)
        case "set-cookie":
            return _cookies(value, all_pairs=False)
        case "url":
            return redact_url(value)
        case "text":
            return redact_text_with_urls(value), []
        case kind:
            return _whole(kind, value)


def _whole(kind: str, value: str) -> tuple[str, list[Edit]]:
    if not value or is_placeholder(value):
        return value, []
    return placeholder(kind), [Edit(0, 0, b"", kind, value)]


def _authorization(value: str) -> tuple[str, list[Edit]]:
    found = _SCHEME.fullmatch(value)
    if found is None:
        return _whole("token", value)
    secret, edits = _whole("token", found[2])
    return f"{found[1]} {secret}", edits


def _cookies(value: str, *, all_pairs: bool) -> tuple[str, list[Edit]]:
    edits: list[Edit] = []
    pieces = value.split(";")
    for i, piece in enumerate(pieces if all_pairs else pieces[:1]):
        name, equals, secret = piece.partition("=")
        if not equals:
            name, secret = "", piece.strip()
        new, found = _whole("cookie", secret.strip().strip('"'))
        edits += found
        if found:
            pieces[i] = f"{name}={new}" if equals else piece.replace(secret, new)
    return ";".join(pieces), edits

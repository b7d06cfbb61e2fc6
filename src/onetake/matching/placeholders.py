"""Requests with all that stands for secrets alike, as they are compared.

A placeholder in a field, a pair or a header that a secret's name has says no more than that a secret stands
there: whatever a program sends in its place, it is found by that name too, and never has the kind that the
recorded one had. Elsewhere placeholders of one kind are alike, whatever their numbers.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from functools import cache

from onetake.content import read_request
from onetake.messages import Headers, Request
from onetake.providers.secret_names import field_kind, query_kind
from onetake.wire.placeholders import BY_VALUE_KIND

_MARK = b"REDACTED-"
_CODED = b"UkVEQUNURUQt"  # the base64 of it
_WIDE = "REDACTED".encode("utf-16-le")[:-1]  # of either order of bytes
_LONGEST = 200  # bytes in front of a placeholder in which its name is looked for


@cache
def _placeholder() -> re.Pattern[bytes]:
    return re.compile(_MARK + rb"([a-z_]{1,40}(?:-[a-z_]{1,40}){0,3})(?:-\d{1,4})?")


@cache
def _coded() -> re.Pattern[bytes]:
    """Return an expression for `REDACTED-` in base64, with what follows."""
    return re.compile(_CODED + rb"[A-Za-z0-9+/_-]+={0,2}")


@cache
def _name() -> re.Pattern[bytes]:
    """Return an expression for the name before a value: a field, a pair, an element or a part has one."""
    return re.compile(
        rb"(?:([A-Za-z][\w.-]{0,63})(?:\\{0,7}[\"'])?\s*[:=>]\s*(?:\\{0,7}[\"']|<!\[CDATA\[)?"
        rb"|name=\"?([\w.-]{1,64})\"?(?:;[^\r\n]*)?(?:\r?\n[^\r\n]+){0,3}\r?\n\r?\n)\Z"
    )


def unnumbered_request(request: Request) -> Request:
    """Return `request` with its placeholders alike; mostly the same object."""
    body = request.body
    if _WIDE in body:  # in UTF-16: meanings are compared, so any character set will do
        body = read_request(request).text
    body = _alike(body)
    url = _alike_text(request.url)
    lines = request.headers.items
    if any(_is_marked_text(value) for _, value in lines):
        lines = tuple((name, _alike_text(value, named=True)) for name, value in lines)
    if body is request.body and url is request.url and lines is request.headers.items:
        return request
    return request.replace(url=url, headers=Headers(lines), body=body)


def _alike(data: bytes, *, named: bool = False) -> bytes:
    if not _is_marked(data):
        return data

    def plain(found: re.Match[bytes]) -> bytes:
        kind = found[1]
        if kind == BY_VALUE_KIND or not (named or _is_named(data, found.start())):
            return b"REDACTED-" + kind
        return b"REDACTED"

    if _CODED in data:
        data = _coded().sub(_decoded, data)
    return _placeholder().sub(plain, data)


def _is_named(data: bytes, at: int) -> bool:
    found = _name().search(data[max(0, at - _LONGEST) : at])
    if found is None:
        return False
    name = (found[1] or found[2]).decode("latin-1")
    return field_kind(name) is not None or query_kind(name) is not None


def _decoded(found: re.Match[bytes]) -> bytes:
    try:
        text = b64decode(found[0] + b"=" * (-len(found[0]) % 4), altchars=b"-_")
    except (binascii.Error, ValueError):
        return found[0]
    return text if _placeholder().fullmatch(text) else found[0]


def _is_marked(data: bytes) -> bool:
    return _MARK in data or _CODED in data


def _is_marked_text(text: str) -> bool:
    return "REDACTED-" in text or "UkVEQUNURUQt" in text


def _alike_text(text: str, *, named: bool = False) -> str:
    if not _is_marked_text(text):
        return text
    data = _alike(text.encode("utf-8", "surrogatepass"), named=named)
    return data.decode("utf-8", "surrogatepass")

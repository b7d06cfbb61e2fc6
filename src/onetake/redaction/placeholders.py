"""What stands where a secret stood: the one place that knows how it is written.

`<redacted:kind>`, and `REDACTED-kind` in URLs and forms. A secret found by its shape or its value has a
number besides, `<redacted:openai-key:1>`: equal secrets of one text have one. On replay a program sends
on what it got, maybe escaped; `settle` brings each spelling back to the one that the recording has in
that place. A token that programs read (a JWT) is replaced by one that can be read (`redaction.tokens`).
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections import Counter
from contextlib import suppress

from onetake.redaction.names import KINDS
from onetake.redaction.shapes import SHAPE_KINDS

BY_VALUE = "env"
"""The kind of a value of an environment variable."""

FILLING = b"REDACTED0"
"""What stands, as often as it takes, for a secret within base64."""

READABLE = "onetake-redacted-token--"
"""The signature of a token that stands for another: 24 letters, as base64 wants them."""

_KIND = "|".join(sorted({*KINDS, *SHAPE_KINDS, BY_VALUE}, key=len, reverse=True))
_ANY = re.compile(
    rf"(?:<|%3C)redacted(?::|%3A)({_KIND})(?:(?::|%3A)(\d{{1,4}}))?(?:>|%3E)"
    rf"|REDACTED-({_KIND})(?:-(\d{{1,4}}))?(?![a-z0-9_])".encode(),
    re.IGNORECASE,
)
_WRITTEN = re.compile(
    rf"<redacted:(?:{_KIND})(?::\d{{1,4}})?>"
    rf"|REDACTED-(?:{_KIND})(?:-\d{{1,4}})?(?![A-Za-z0-9_])|{READABLE}".encode()
)
_BASE64 = re.compile(rb"PHJlZGFjdGVkO[A-Za-z0-9+/_-]+={0,2}")


def placeholder(kind: str) -> str:
    """`kind` may end in `:` and a number."""
    return f"<redacted:{kind}>"


def url_placeholder(kind: str) -> str:
    return f"REDACTED-{kind.replace(':', '-')}"


def is_placeholder(text: str) -> bool:
    return _ANY.fullmatch(text.encode("utf-8", "surrogatepass")) is not None


def holds_placeholder(data: bytes | str) -> bool:
    """Whether a redacted value stands in `data`: nothing that may be sent to a server in earnest."""
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogatepass")
    marked = b"<redacted:" in data or b"REDACTED-" in data or READABLE.encode() in data
    return marked and _WRITTEN.search(data) is not None


def kinds_in(data: bytes) -> Counter[str]:
    """The kinds of the secrets for which something stands in `data`, in any spelling, and how often each."""
    readable = data.count(READABLE.encode())
    data = data.replace(READABLE.encode(), b"")
    found = Counter((one[1] or one[3]).decode().lower() for one in _ANY.finditer(data))
    if readable:
        found["jwt"] += readable
    if number := data.count(FILLING):
        found[BY_VALUE] += number
    for coded in _BASE64.finditer(data):
        with suppress(binascii.Error, ValueError):
            text = b64decode(coded[0] + b"=" * (-len(coded[0]) % 4), altchars=b"-_")
            if inner := _ANY.fullmatch(text):
                found[(inner[1] or inner[3]).decode().lower()] += 1
    return found


def put_away(before: bytes, after: bytes) -> list[tuple[str, bytes, bytes]]:
    """For each placeholder in `after` its kind, what stands for it in `before`, and the text in front of it.

    Nothing where the two differ in anything else. What they have in common is looked for from the left: a
    value in which that stands again comes in other pieces, yet none of its letters is lost.
    """
    marks = list(_ANY.finditer(after))
    if not marks or not before.startswith(head := after[: marks[0].start()]):
        return []
    found: list[tuple[str, bytes, bytes]] = []
    ends = [mark.start() for mark in marks[1:]] + [len(after)]
    at = len(head)
    for mark, end in zip(marks, ends, strict=True):
        behind = after[mark.end() : end]
        if end < len(after):
            to = before.find(behind, at)
        else:
            to = len(before) - len(behind) if before.endswith(behind) else -1
        if to < at:
            return []
        found.append(((mark[1] or mark[3]).decode().lower(), before[at:to], head))
        at, head = to + len(behind), behind
    return found


def settle(data: bytes, *, in_url: bool) -> bytes:
    """Every placeholder in `data` in the spelling of its place."""

    def plain(found: re.Match[bytes]) -> bytes:
        kind = (found[1] or found[3]).decode().lower()
        if number := found[2] or found[4]:
            kind = f"{kind}:{number.decode()}"
        return (url_placeholder(kind) if in_url else placeholder(kind)).encode()

    def coded(found: re.Match[bytes]) -> bytes:
        try:
            text = b64decode(found[0] + b"=" * (-len(found[0]) % 4), altchars=b"-_")
        except (binascii.Error, ValueError):
            return found[0]
        inner = _ANY.fullmatch(text)
        return plain(inner) if inner else found[0]

    if b"PHJlZGFjdGVkO" in data:
        data = _BASE64.sub(coded, data)
    return _ANY.sub(plain, data)

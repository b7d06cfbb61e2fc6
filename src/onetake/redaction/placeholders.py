"""What stands where a secret stood: the one place that knows how it is written.

`REDACTED-kind`, with a number (`REDACTED-openai-key-1`) where the secret was found by its shape or its value.
It has no sign that JSON, URLs, forms, XML or header lines would escape, so it is spelled alike everywhere and a
program that was given it sends it on as it is. A token that programs read (a JWT) is replaced by one that they
can read (`redaction.tokens`).
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections import Counter
from contextlib import suppress
from functools import cache, lru_cache

from onetake.redaction.names import KINDS
from onetake.redaction.shape_table import shape_kinds
from onetake.wire.placeholders import READABLE

BY_VALUE = "env"
"""The kind of a value of an environment variable."""

FILLING = b"REDACTED0"
"""What stands, as often as it takes, for a secret within base64."""

CODED = b"UkVEQUNURUQt"
"""The base64 of `REDACTED-`."""


@cache
def _kinds() -> str:
    return "|".join(sorted({*KINDS, *shape_kinds(), BY_VALUE}, key=len, reverse=True))


@cache
def _any() -> re.Pattern[bytes]:
    return re.compile(rf"REDACTED-({_kinds()})(?:-\d{{1,4}}|(?![a-z0-9_]))".encode(), re.IGNORECASE)


@cache
def _written() -> re.Pattern[bytes]:
    return re.compile(
        rf"REDACTED-(?:{_kinds()})(?:-\d{{1,4}}|(?![A-Za-z0-9_]))|{READABLE}".encode()
    )


@cache
def _base64() -> re.Pattern[bytes]:
    return re.compile(CODED + rb"[A-Za-z0-9+/_-]+={0,2}")


@lru_cache(maxsize=256)
def placeholder(kind: str, number: int = 0) -> str:
    """Return what stands for a secret of `kind`; 0 is no number."""
    return f"REDACTED-{kind}-{number}" if number else f"REDACTED-{kind}"


def is_placeholder(text: str) -> bool:
    """Return whether all of `text` stands for one secret, in letters of any case."""
    if "REDACTED" not in text.upper():
        return False
    return _any().fullmatch(text.encode("utf-8", "surrogatepass")) is not None


def holds_placeholder(data: bytes | str) -> bool:
    """Return whether a redacted value stands in `data`: nothing that may be sent to a server in earnest."""
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogatepass")
    marked = b"REDACTED-" in data or READABLE.encode() in data
    return marked and _written().search(data) is not None


def kinds_in(data: bytes) -> Counter[str]:
    """Count the secrets for which something stands in `data`, by their kinds."""
    readable = data.count(READABLE.encode())
    data = data.replace(READABLE.encode(), b"")
    found = Counter(_kind(one) for one in _any().finditer(data))
    if readable:
        found["jwt"] += readable
    if number := data.count(FILLING):
        found[BY_VALUE] += number
    for coded in _base64().finditer(data):
        inner = _decoded(coded[0])
        if inner is not None:
            found[_kind(inner)] += 1
    return found


def put_away(before: bytes, after: bytes) -> list[tuple[str, bytes, bytes]]:
    """Return for each placeholder in `after` its kind, what it stands for in `before`, and the text before it.

    Nothing where the two differ in anything else. What they have in common is looked for from the left: a
    value in which that stands again comes in other pieces, yet none of its letters is lost.
    """
    marks = list(_any().finditer(after))
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
        found.append((_kind(mark), before[at:to], head))
        at, head = to + len(behind), behind
    return found


def _kind(found: re.Match[bytes]) -> str:
    return found[1].decode().lower()


def _decoded(coded: bytes) -> re.Match[bytes] | None:
    """Return the placeholder of which `coded` is the base64."""
    with suppress(binascii.Error, ValueError):
        text = b64decode(coded + b"=" * (-len(coded) % 4), altchars=b"-_")
        return _any().fullmatch(text)
    return None

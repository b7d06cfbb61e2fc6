"""What a value must look like to be the secret that its name says it is, and to be looked for elsewhere."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from onetake.providers import is_key
from onetake.providers.secret_names import (
    NAMES,
    field_kind,
    guarded_kind,
    is_secret_whatever,
    query_kind,
)
from onetake.redaction.shape_table import is_random

KINDS = frozenset({*NAMES, "code", "cookie", "credential", "rule", "url", "userinfo"})
"""What stands in a placeholder of a secret that was found by name."""


def secret_kind(name: str, value: str) -> str | None:
    """Return the kind of secret that `value` is in a body's field of this name, if it is one."""
    kind = field_kind(name)
    if kind is not None:
        is_one = _is_given(value) if is_secret_whatever(kind) else is_secret_value(value)
        return kind if is_one else None
    kind = guarded_kind(name)
    return kind if kind is not None and _looks_random(value) else None


def query_secret_kind(name: str, value: str) -> str | None:
    """Return the kind of secret that `value` is in a pair of a query, if it is one."""
    kind = query_kind(name) if value else None
    if kind == "key" and not is_key(value):  # of a map, a cache or a bucket, as often as not
        return None
    if kind in _SHORT_NAMES and not is_secret_value(value):
        return None
    return kind


_SHORT_NAMES = frozenset({"auth", "session", "sid", "token"})
"""Kinds of pairs of a query whose names are those of other things too."""

_SAYS_WHETHER = frozenset({"", "true", "false", "null", "none"})


def _is_given(value: str) -> bool:
    """Return whether a password's field holds one, and does not say whether there is one."""
    return value.lower() not in _SAYS_WHETHER


def is_secret_value(text: str) -> bool:
    """Return whether a field's value may be a secret: long enough, without white space, or a PEM key."""
    if text.startswith("-----BEGIN"):
        return True
    return len(text) >= 8 and not any(c.isspace() for c in text)


@lru_cache(maxsize=512)
def _looks_random(text: str) -> bool:
    return (
        16 <= len(text) <= 4096
        and is_secret_value(text)
        and is_random(text.encode("utf-8", "replace"))
    )


@cache
def _words() -> re.Pattern[str]:
    return re.compile(r"[A-Za-z]?[a-z]*|[A-Z]+|(?:[A-Z][a-z]+)+|[a-z]+(?:[A-Z][a-z]+)+|\d{0,7}")


_LONG = 20


@lru_cache(maxsize=1024)
def is_worth_remembering(text: str) -> bool:
    """Return whether a secret value is distinct enough to be looked for elsewhere: no word, no number."""
    if len(text) < 8 or text.startswith("-----BEGIN") or not any(c.isalpha() for c in text):
        return False
    if text.isalpha():
        return len(text) >= _LONG or not _words().fullmatch(text)
    if len(text) >= _LONG:
        return True
    return not all(map(_words().fullmatch, re.split(r"[-_./: ]", text)))


__all__ = [
    "KINDS",
    "field_kind",
    "is_secret_value",
    "is_worth_remembering",
    "query_kind",
    "query_secret_kind",
    "secret_kind",
]

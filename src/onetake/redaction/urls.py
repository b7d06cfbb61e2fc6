"""Secrets in URLs: user info, and pairs of the query and the fragment by name.

Placeholders need no escapes, so a URL stays a URL; all other text stays as it was.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Container
from functools import lru_cache
from urllib.parse import unquote_plus

from onetake.messages import read_url
from onetake.providers import is_key, provider_of
from onetake.redaction.names import is_secret_value, query_kind
from onetake.redaction.placeholders import is_placeholder, url_placeholder
from onetake.redaction.shaped import shaped_text
from onetake.wire.edits import Edit

_USER_INFO = re.compile(r"\A((?:[A-Za-z][A-Za-z0-9+.-]*:)?//)([^/?#]*)@")
_PAIR = re.compile(r"(?<=[?&#;])([^=?&#;\s\"'<>]+)=([^&#;\s\"'<>]+)")


def safe_url(url: str) -> str:
    """`url` without its secrets, for messages and for keeping."""
    return redact_url(url)[0]


def redact_url(url: str, own: Collection[str] = ()) -> tuple[str, list[Edit]]:
    """`url` without its secrets, and what they were (positions of no meaning).

    `own` holds names of further pairs, in lower case, that are credentials.
    """
    found: list[Edit] = []
    if "@" in url or "=" in url:
        url, found = _by_name(url, own)
    shaped, edits = _shaped(url)
    return shaped, found + edits


@lru_cache(maxsize=512)
def _shaped(url: str) -> tuple[str, list[Edit]]:
    return shaped_text(url, in_url=True)


def _by_name(url: str, own: Collection[str]) -> tuple[str, list[Edit]]:
    found: list[Edit] = []
    provider = provider_of(read_url(url).host)
    if provider is not None:
        own = {*own, *provider.credential_query}

    def user_info(match: re.Match[str]) -> str:
        if is_placeholder(match[2]):
            return match[0]
        found.append(Edit(0, 0, b"", "userinfo", unquote_plus(match[2].rpartition(":")[2])))
        return f"{match[1]}{url_placeholder('userinfo')}@"

    url = _USER_INFO.sub(user_info, url)
    for mark in "?", "#":
        before, sep, pairs = url.partition(mark)
        if sep:
            query, hash_sign, rest = pairs.partition("#") if mark == "?" else (pairs, "", "")
            url = before + sep + _redact_pairs(query, found, own) + hash_sign + rest
    return url, found


def redact_text_with_urls(text: str) -> str:
    """Secrets wherever they stand in `text`: for errors, messages and `Link` headers."""

    def pair(match: re.Match[str]) -> str:
        kind = _secret(match[1], match[2])
        return f"{match[1]}={url_placeholder(kind)}" if kind else match[0]

    text = _PAIR.sub(pair, re.sub(r"(?<=//)[^/?#\s@]+@", "REDACTED-userinfo@", text))
    return shaped_text(text)[0]


def _redact_pairs(text: str, found: list[Edit], own: Container[str]) -> str:
    pieces: list[str] = []
    for piece in re.split("([&;])", text):
        name, equals, value = piece.partition("=")
        kind = _secret(name, value) if equals else None
        if value and unquote_plus(name).lower() in own and not is_placeholder(value):
            kind = kind or "credential"
        if kind:
            found.append(Edit(0, 0, b"", kind, unquote_plus(value)))
        pieces.append(f"{name}={url_placeholder(kind)}" if kind else piece)
    return "".join(pieces)


def _secret(name: str, value: str) -> str | None:
    if not value:
        return None
    kind = query_kind(unquote_plus(name))
    if kind is None or is_placeholder(value):
        return None
    text = unquote_plus(value)
    if kind == "key" and not is_key(text):  # of a map, a cache or a bucket, as often as not
        return None
    if kind == "token" and not is_secret_value(text):
        return None
    return kind

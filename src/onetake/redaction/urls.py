"""Secrets in URLs: user info, pairs of the query, the fragment and the path by name, and what has a shape."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache, lru_cache
from urllib.parse import unquote_plus

from onetake.messages import read_url
from onetake.providers import provider_of
from onetake.redaction.book import Book, written_text
from onetake.redaction.names import query_secret_kind
from onetake.redaction.placeholders import is_placeholder, placeholder
from onetake.redaction.secret import Secret, merged
from onetake.redaction.shapes import shaped_secrets

# What a project names as a credential has always this placeholder, as requests are compared by it.
_OWN = placeholder("credential")


@cache
def _user_info() -> re.Pattern[bytes]:
    return re.compile(rb"\A(?:[A-Za-z][A-Za-z0-9+.-]*:)?//([^/?#]*)@")


@cache
def _user_info_in_text() -> re.Pattern[bytes]:
    return re.compile(rb"//([^/?#\s@]+)@")


@cache
def _pair() -> re.Pattern[bytes]:
    return re.compile(rb"(?<=[?&#;])([^=?&#;/\s\"'<>]{1,256})=([^&#;\s\"'<>]+)")


def safe_url(url: str) -> str:
    """Return `url` without its secrets, for messages and for keeping."""
    return written_text(url, secrets_in_url(url), Book())


def without_secrets_in_urls(text: str) -> str:
    """Return `text` without the secrets that stand in it by their shape, or by name in a URL."""
    return written_text(text, secrets_in_text(text), Book())


@lru_cache(maxsize=512)
def secrets_in_url(url: str, own: Collection[str] = ()) -> tuple[Secret, ...]:
    """Return the secrets of `url`; `own` holds names of pairs, in lower case, that are credentials too."""
    data = url.encode("utf-8", "surrogatepass")
    found: list[Secret] = []
    if b"@" in data and (user_info := _user_info().match(data)):
        found += _whole(user_info, 1, "userinfo")
    if b"=" in data:
        provider = provider_of(read_url(url).host)
        if provider is not None:
            own = {*own, *provider.credential_query}
        found += _pairs(data, own)
    return tuple(merged(found, shaped_secrets(data)))


@lru_cache(maxsize=512)
def secrets_in_text(text: str) -> tuple[Secret, ...]:
    """Return the secrets in a text that may hold URLs: an error, a message, a `Link` header."""
    return secrets_in_bytes(text.encode("utf-8", "surrogatepass"))


def secrets_in_bytes(data: bytes) -> tuple[Secret, ...]:
    """Return the secrets in a text that may hold URLs, as `secrets_in_text` does."""
    found: list[Secret] = []
    if b"@" in data:
        for user_info in _user_info_in_text().finditer(data):
            found += _whole(user_info, 1, "userinfo")
    if b"=" in data:
        found += _pairs(data, ())
    return tuple(merged(found, shaped_secrets(data)))


def _whole(match: re.Match[bytes], group: int, kind: str) -> tuple[Secret, ...]:
    text = match[group].decode("utf-8", "replace")
    if not text or is_placeholder(text):
        return ()
    return (Secret(*match.span(group), kind, unquote_plus(text)),)


def _pairs(data: bytes, own: Collection[str]) -> list[Secret]:
    found: list[Secret] = []
    for pair in _pair().finditer(data):
        name = unquote_plus(pair[1].decode("latin-1"))
        value = unquote_plus(pair[2].decode("utf-8", "replace"))
        kind = query_secret_kind(name, value)
        if (
            kind is None and name == "code" and b"state=" in data
        ):  # OAuth gives it to whom it sends here
            kind = "code"
        if kind is not None and not is_placeholder(value):
            found.append(Secret(*pair.span(2), kind, value))
        elif name.lower() in own and value and value != _OWN:
            found.append(Secret(*pair.span(2), "credential", value, _OWN.encode()))
    return found

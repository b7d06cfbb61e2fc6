"""Who makes a call: a principal that stays the same while its tokens rotate.

- SigV4 (header and presigned URL): the access key id; a session's (`ASIA...`) rotates, so its host
- JWTs: issuer and subject where they can be read
- other OAuth access tokens known by their shape: only that there is one
- bearer and API keys, in headers and queries: the value

Formats: AWS Signature Version 4, RFC 7519 (JWT), RFC 7617 (Basic).
"""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64decode
from functools import lru_cache
from urllib.parse import unquote_plus

import msgspec
from msgspec import Struct

from onetake.messages import Request, read_url
from onetake.providers.presets import COMMON, provider_of

_SIGV4 = re.compile(r"AWS4-[A-Z0-9-]+\s+.*?Credential\s*=\s*([^/,\s]+)/", re.IGNORECASE | re.DOTALL)
_AWS_V2 = re.compile(r"AWS\s+([^:\s]+):")
_SCHEME = re.compile(r"\s*([A-Za-z][\w-]*)\s+(\S.*?)\s*", re.DOTALL)
_JWT = re.compile(r"([A-Za-z0-9_-]{4,})\.([A-Za-z0-9_-]{4,})\.[A-Za-z0-9_-]*")
# Access tokens that are new every hour: Google, GitHub App installations, Slack rotation, onetake's own.
_ROTATING = re.compile(r"ya29\.|1//|ghs_|ghu_|xoxe\.|onetake-synthetic|<redacted:|REDACTED-")
_SESSION_KEY = re.compile(r"ASIA[A-Z0-9]+")


class Principal(Struct, frozen=True):
    """`kind` says how `identity` was read. Never stored, never shown."""

    kind: str
    identity: str

    def __repr__(self) -> str:
        return f"<Principal {self.kind}>"


def principal(request: Request) -> Principal | None:
    """Who makes `request`, which is not redacted; None where it carries no credential. Never raises."""
    url = read_url(request.url)
    host, query = url.host, url.query
    provider = provider_of(host)
    names = _names_of(provider.credential_headers if provider else ())
    best: tuple[int, str] | None = None
    for name, value in request.headers.items:
        place = names.get(name) or names.get(name.lower())
        if place is not None and value and (best is None or place < best[0]):
            best = (place, value)
    if best is not None:
        return _of_value(best[1])
    return _of_query(query, provider.credential_query if provider else ()) if query else None


@lru_cache(maxsize=128)
def _names_of(first: tuple[str, ...]) -> dict[str, int]:
    """Header names in the order in which they are believed."""
    ordered = dict.fromkeys((*first, *COMMON.credential_headers))
    ordered.pop("x-amz-security-token", None)  # goes with a signature, which says more
    return {name: place for place, name in enumerate(ordered)}


@lru_cache(maxsize=256)
def _of_query(query: str, first: tuple[str, ...]) -> Principal | None:
    names = dict.fromkeys((*first, *COMMON.credential_query))
    found: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        name = unquote_plus(name).lower()
        if value and name in names:
            found.setdefault(name, unquote_plus(value))
    for name in names:
        if name in found:
            value = found[name]
            if name == "x-amz-credential":
                return _access_key(value.partition("/")[0])
            if name == "awsaccesskeyid":
                return _access_key(value)
            if name in ("x-goog-credential", "googleaccessid"):
                return Principal("account", value.partition("/")[0])
            return _of_value(value)
    return None


@lru_cache(maxsize=256)
def _of_value(value: str) -> Principal:
    if signed := _SIGV4.match(value):
        return _access_key(signed[1])
    if signed := _AWS_V2.match(value):
        return _access_key(signed[1])
    scheme = _SCHEME.fullmatch(value)
    token = scheme[2] if scheme else value.strip()
    if scheme and scheme[1].lower() == "basic":
        return _basic(token)
    if jwt := _JWT.fullmatch(token):
        claims = _claims(jwt[1], jwt[2])
        if claims is not None:
            return claims
    if _ROTATING.match(token):
        return Principal("oauth", "")
    return Principal("key", token)


def _access_key(key: str) -> Principal:
    return (
        Principal("sigv4-session", "") if _SESSION_KEY.fullmatch(key) else Principal("sigv4", key)
    )


def _basic(token: str) -> Principal:
    decoded = _base64(token)
    if decoded is None:
        return Principal("basic", token)
    user, _, password = decoded.decode("utf-8", "replace").partition(":")
    # Many APIs take a key as the user, some as the password.
    return Principal("basic", user or password)


def _claims(head: str, body: str) -> Principal | None:
    """The principal of a JWT, None where it only looks like one."""
    header, claims = _json(head), _json(body)
    if header is None or claims is None or "alg" not in header:
        return None
    subject = next(
        (claims[name] for name in ("sub", "client_id", "azp", "appid", "oid") if claims.get(name)),
        "",
    )
    if not claims.get("iss") and not subject:
        return Principal("oauth", "")
    return Principal("jwt", f"{claims.get('iss', '')}\0{subject}")


def _json(text: str) -> dict[str, object] | None:
    data = _base64(text)
    if data is None:
        return None
    try:
        found = msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _base64(text: str) -> bytes | None:
    try:
        return urlsafe_b64decode(text.replace("+", "-").replace("/", "_") + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None

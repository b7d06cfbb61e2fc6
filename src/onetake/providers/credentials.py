"""Who makes a call: a principal that stays the same while its tokens rotate.

- Signatures (SigV4 and its kin in headers and presigned URLs, OAuth 1, Digest): the key's or user's id;
  that of an AWS session (`ASIA...`) rotates, so only that there is one
- JWTs: issuer and subject where they can be read
- other access tokens known by their shape: only that there is one
- bearer and API keys, in headers and queries: the value

A request may carry several (a gateway's key and the provider's): all of them count, so that a bad key
never hides behind a good one. Formats: AWS Signature Version 4, RFC 5849 (OAuth 1), RFC 7519 (JWT), RFC
7616 (Digest), RFC 7617 (Basic), Google Cloud V4 signing, Azure Shared Key and Shared Access Signatures.
"""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64decode
from collections.abc import Container
from functools import lru_cache
from urllib.parse import unquote, unquote_plus

import msgspec
from msgspec import Struct

from onetake.messages import Request, read_url
from onetake.providers.presets import COMMON, provider_of
from onetake.wire.late import late_pattern
from onetake.wire.placeholders import READABLE

# AWS SigV4 and SigV4a, and those made after it: Google HMAC, Tencent, Alibaba, Volcengine.
_SIGNED = late_pattern(
    r"\s*(?:(?:AWS4|GOOG4|TC3|ACS3)-[A-Z0-9-]+|HMAC-SHA256)\s.*?\bCredential\s*=\s*([^/,\s]+)",
    re.IGNORECASE | re.DOTALL,
)
_SIGNED_SHORTLY = late_pattern(r"\s*(?:AWS|GOOG1|SharedKey(?:Lite)?)\s+([^:\s]+):")
_NAMED = late_pattern(r'([A-Za-z_]+)\s*=\s*"?([^",&\s]*)')
# What names the principal in schemes whose other parameters are new with each request.
_PARAMETERS = {
    "digest": ("username", "realm"),
    "oauth": ("oauth_consumer_key", "oauth_token"),
    "sharedaccesssignature": ("sr", "skn"),
}
_SCHEME = late_pattern(r"\s*([A-Za-z][\w-]*)\s+(\S.*?)\s*", re.DOTALL)
_JWT = late_pattern(r"([A-Za-z0-9_-]{4,})\.([A-Za-z0-9_-]{4,})\.[A-Za-z0-9_-]*")
_SUBJECTS = ("sub", "client_id", "azp", "appid", "oid", "api_key", "role")
# Access tokens that are new every hour: Google, GitHub App installations, GitHub Copilot, Slack rotation,
# and what stands in the place of any such token in a replay. A readable one of a replay is told by its end.
_ROTATING = late_pattern(r"ya29\.|1//|ghs_|ghu_|tid=[^;]*;|xoxe\.|onetake-synthetic|REDACTED-")
# A presigned URL in base64: Amazon Bedrock's short-term keys, tokens for EKS.
_WRAPPED = late_pattern(r"(?:bedrock-api-key-|k8s-aws-v1\.)([A-Za-z0-9+/_=-]+)")
_WRAPPED_CREDENTIAL = late_pattern(r"x-amz-credential=([^&]+)", re.IGNORECASE)
_SESSION_KEY = late_pattern(r"ASIA[A-Z0-9]+")
# Users of Basic whose password is an access token: container registries, git hosts.
_TOKEN_USERS = frozenset({"AWS", "oauth2accesstoken", "_token", "x-access-token"})


# Names of query pairs that are as often of a map, a cache or a page as of a credential.
_COMMON_WORDS = frozenset({"key", "token"})
_KEY = late_pattern(r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9_.~+=-]{16,}")
_FILE = late_pattern(r".*\.[A-Za-z][A-Za-z0-9]{0,4}")


def is_key(text: str) -> bool:
    """Whether `text` looks like an API key: 16 characters or more, letters and digits, no file's name."""
    return _KEY.fullmatch(text) is not None and _FILE.fullmatch(text) is None


class Principal(Struct, frozen=True):
    """`kind` says how `identity` was read. Never stored, never shown."""

    kind: str
    identity: str

    def __repr__(self) -> str:
        return f"<Principal {self.kind}>"


_GIVEN = Principal("oauth", "")


def principal(
    request: Request,
    given: Container[str] = (),
    *,
    headers: tuple[str, ...] = (),
    query: tuple[str, ...] = (),
) -> Principal | None:
    """Who makes `request`, which is not redacted; None where it carries no credential. Never raises.

    `given` holds tokens that answers gave to the program: they rotate, whatever their shape. `headers`
    and `query` name places of credentials besides the known ones, in lower case.
    """
    url = read_url(request.url)
    provider = provider_of(url.host)
    names = _header_names((provider.credential_headers if provider else ()) + headers)
    found: list[Principal] = []
    for name, value in request.headers.items:
        if value and (name in names or name.lower() in names):
            one = _GIVEN if given and _token_of(value) in given else _of_value(value)
            if one not in found:
                found.append(one)
    if url.query:
        own = (provider.credential_query if provider else ()) + query
        for text, one in _of_query(url.query, own):
            named = _GIVEN if text in given else one
            if named not in found:
                found.append(named)
    if len(found) < 2:
        return found[0] if found else None
    pieces = sorted(f"{one.kind}\0{one.identity}" for one in found)
    return Principal("several", "\1".join(pieces))


@lru_cache(maxsize=128)
def _header_names(own: tuple[str, ...]) -> frozenset[str]:
    # A session's token goes with a signature, which says who signed.
    return frozenset({*own, *COMMON.credential_headers} - {"x-amz-security-token"})


@lru_cache(maxsize=256)
def _of_query(query: str, own: tuple[str, ...]) -> tuple[tuple[str, Principal], ...]:
    """The value of each pair that carries a credential, and whose it is."""
    names = {*own, *COMMON.credential_query}
    found: dict[Principal, str] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        name = unquote_plus(name).lower()
        text = unquote_plus(value)
        if value and name in names and (name in own or name not in _COMMON_WORDS or is_key(text)):
            found.setdefault(_of_pair(name, text), text)
    return tuple((text, one) for one, text in found.items())


def _of_pair(name: str, value: str) -> Principal:
    match name:
        case "x-amz-credential" | "awsaccesskeyid" | "ossaccesskeyid":
            return _access_key(value.partition("/")[0])
        case "x-goog-credential" | "googleaccessid":
            return Principal("account", value.partition("/")[0])
    return _of_token(value.strip())


@lru_cache(maxsize=256)
def _token_of(value: str) -> str:
    """What of a header's value an answer may have given: all after the scheme, the password of Basic."""
    scheme = _SCHEME.fullmatch(value)
    if scheme is None:
        return value.strip()
    if scheme[1].lower() == "basic":
        return (_base64(scheme[2]) or b"").decode("utf-8", "replace").partition(":")[2]
    return scheme[2]


@lru_cache(maxsize=256)
def _of_value(value: str) -> Principal:
    if signed := _SIGNED.match(value) or _SIGNED_SHORTLY.match(value):
        return _access_key(signed[1])
    scheme = _SCHEME.fullmatch(value)
    if scheme is None:
        return _of_token(value.strip())
    how, token = scheme[1].lower(), scheme[2]
    if how == "basic":
        return _basic(token)
    if how in _PARAMETERS and "=" in token:
        given = {name.lower(): text for name, text in _NAMED.findall(token)}
        known = [given[name] for name in _PARAMETERS[how] if given.get(name)]
        if known:
            return Principal(how, "\0".join(known))
    return _of_token(token)


def _of_token(token: str) -> Principal:
    if token.endswith(READABLE):
        return _GIVEN
    if jwt := _JWT.fullmatch(token):
        claims = _claims(jwt[1], jwt[2])
        if claims is not None:
            return claims
    if _ROTATING.match(token):
        return _GIVEN
    if wrapped := _WRAPPED.fullmatch(token):
        text = (_base64(wrapped[1]) or b"").decode("latin-1")
        if credential := _WRAPPED_CREDENTIAL.search(text):
            return _access_key(unquote(credential[1]).partition("/")[0])
    return Principal("key", token)


def _access_key(key: str) -> Principal:
    return (
        Principal("sigv4-session", "") if _SESSION_KEY.fullmatch(key) else Principal("sigv4", key)
    )


def _basic(token: str) -> Principal:
    """User and password: many APIs take a key as the one, some as the other."""
    decoded = _base64(token) or b""
    if b":" not in decoded:
        return Principal("basic", token)
    user, _, password = decoded.decode("utf-8", "replace").partition(":")
    if user in _TOKEN_USERS:
        return Principal("basic", user)
    secret = _of_token(password)
    return Principal("basic", f"{user}\0{secret.kind}\0{secret.identity}")


def _claims(head: str, body: str) -> Principal | None:
    """The principal of a JWT, None where it only looks like one."""
    header, claims = _json(head), _json(body)
    if header is None or claims is None or "alg" not in header:
        return None
    texts = {
        name: str(value)
        for name, value in claims.items()
        if value and isinstance(value, str | int) and not isinstance(value, bool)
    }
    issuer = texts.get("iss", "")
    subject = next((texts[name] for name in _SUBJECTS if name in texts), "")
    if not issuer and not subject:
        return _GIVEN
    return Principal("jwt", f"{issuer}\0{subject}")


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

"""What stands for a secret that programs read: a token that still parses, a key block that still decodes."""

from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64encode
from functools import cache

import msgspec

from onetake.redaction.shapes import jwt_header, part_of_jwt
from onetake.wire.placeholders import READABLE

FAR_S = 4_102_444_800
"""2100-01-01: until then a token lives that was alive when it was given."""

# Claims of RFC 7519 and OpenID Connect that say what a token is for, not whose it is.
_KEPT = frozenset({"iss", "aud", "azp", "scope", "scp", "typ", "ver", "token_use", "token_type"})
_DEEPEST = 8


@cache
def _line_end() -> re.Pattern[bytes]:
    return re.compile(rb"\A(?:(?:\\r)?\\n|\r?\n|(?:%0D)?%0A)", re.IGNORECASE)


def readable_jwt(text: bytes, at_s: float) -> bytes | None:
    """Return a token like `text`, given at `at_s`, that opens nothing; None where its claims cannot be read.

    It has the same algorithm, numbers and lists. Where `exp` lay ahead it lies far ahead, as a replay
    may be years later; where it had passed it stays.
    """
    pieces = text.split(b".")
    header = jwt_header(text)
    claims = part_of_jwt(pieces[1]) if len(pieces) == 3 else None
    if header is None or claims is None:
        return None
    made = {name: _plain(name, value) for name, value in claims.items()}
    expires = claims.get("exp")
    if isinstance(expires, int | float) and expires > at_s:
        made["exp"] = FAR_S
    head = {name: header[name] for name in ("alg", "typ") if isinstance(header.get(name), str)}
    parts = (urlsafe_b64encode(msgspec.json.encode(one)).rstrip(b"=") for one in (head, made))
    return b".".join([*parts, READABLE.encode()])


def _plain(name: str, value: object, deepest: int = _DEEPEST) -> object:
    if isinstance(value, str):
        return value if name in _KEPT else "redacted"
    if isinstance(value, dict):
        if not deepest:
            return {}
        return {key: _plain(key, item, deepest - 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(name, item, deepest - 1) for item in value] if deepest else []
    return value


def decodable_key(text: bytes, placeholder: bytes) -> bytes:
    """Return what stands between the lines of a key block: base64 that says what was there."""
    end = _line_end().match(text)
    line = end[0] if end else b""
    return line + b64encode(placeholder) + line

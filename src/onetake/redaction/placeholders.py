"""What stands where a secret stood.

`<redacted:kind>`, and `REDACTED-kind` in URLs and forms. On replay a program sends on what it got,
maybe escaped; `settle` brings each spelling back to the one that the recording has in that place.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode

from onetake.redaction.names import KINDS

_KIND = "|".join(sorted(KINDS, key=len, reverse=True))
_ANY = re.compile(
    rf"(?:<|%3C)redacted(?::|%3A)({_KIND})(?:>|%3E)|REDACTED-({_KIND})(?![a-z0-9_])".encode(),
    re.IGNORECASE,
)
_BASE64 = re.compile(rb"PHJlZGFjdGVkO[A-Za-z0-9+/_-]+={0,2}")


def placeholder(kind: str) -> str:
    return f"<redacted:{kind}>"


def url_placeholder(kind: str) -> str:
    return f"REDACTED-{kind}"


def is_placeholder(text: str) -> bool:
    return _ANY.fullmatch(text.encode("utf-8", "surrogatepass")) is not None


def settle(data: bytes, *, in_url: bool) -> bytes:
    """Every placeholder in `data` in the spelling of its place."""

    def plain(found: re.Match[bytes]) -> bytes:
        kind = (found[1] or found[2]).decode().lower()
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

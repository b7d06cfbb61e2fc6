"""The digest of a request's bytes as they are sent: what is looked up before anything of a body is read.

Requests whose method, URL, principal, media type and body are the same bytes have the same match key. So a
recording whose digest is that of a request answers it, and its key need not be computed again.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import Protocol

from onetake.matching.urls import framed, to_bytes
from onetake.messages import Request

DIGEST_SIZE = 16
NO_DIGEST = bytes(DIGEST_SIZE)
"""Stands for a recording that is not looked up by its bytes."""

READ_FROM_BYTES = frozenset(("method", "url", "host", "path", "query", "body", "credential"))
"""The parts of `match_on` that equal bytes make equal."""


class Head(Protocol):
    """The beginning of a digest, before the body."""

    def copy(self) -> Head: ...

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


def raw_head(request: Request) -> Head | None:
    """The beginning of the digest of `request`, which is redacted; None where its body is compressed.

    A compressed body is stored decoded, so its bytes are never those of a recording.
    """
    kind = ""
    for name, value in request.headers.items:
        match len(name):
            case 12 if not kind and name.lower() == "content-type":
                kind = value
            case 16 if name.lower() == "content-encoding":
                return None
    return _head(request.method, request.url, request.principal, kind)


@lru_cache(maxsize=256)  # all of a cassette begin alike
def _head(method: str, url: str, principal: int | str, kind: str) -> Head:
    return sha256(framed(*map(to_bytes, (method, url, repr(principal), kind))))


def raw_digest(request: Request) -> bytes:
    """The digest of a recording's request; `NO_DIGEST` where it has none."""
    head = raw_head(request)
    return NO_DIGEST if head is None else with_body(head, request.body)


def with_body(head: Head, body: bytes) -> bytes:
    """The digest of the request that begins with `head` and has `body`."""
    whole = head.copy()
    whole.update(body)
    return whole.digest()[:DIGEST_SIZE]

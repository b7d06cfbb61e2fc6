"""What of a URL is compared, as bytes."""

from __future__ import annotations

from functools import lru_cache

from onetake.messages import Url, read_url
from onetake.providers import unsigned
from onetake.wire.pairs import pairs_identity


def to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def framed(*pieces: bytes) -> bytes:
    """The pieces with their lengths, so that no two lists of pieces give the same bytes."""
    return b"".join([b"%d:%s" % (len(piece), piece) for piece in pieces])


@lru_cache(maxsize=512)
def url_identity(text: str) -> bytes:
    url = read_url(text)
    return parts_identity(url, pairs_identity(to_bytes(unsigned(url.query))))


def parts_identity(url: Url, query: bytes) -> bytes:
    """`query` is the identity of its pairs."""
    return framed(to_bytes(url.scheme), to_bytes(url.netloc), to_bytes(url.path), query)


@lru_cache(maxsize=512)
def host_identity(text: str) -> bytes:
    return to_bytes(read_url(text).netloc)


@lru_cache(maxsize=512)
def path_identity(text: str) -> bytes:
    return to_bytes(read_url(text).path)


@lru_cache(maxsize=512)
def query_identity(text: str) -> bytes:
    return pairs_identity(to_bytes(unsigned(read_url(text).query)))

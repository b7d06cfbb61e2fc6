"""URLs taken apart for comparison, whatever is written in them.

The standard library's `urlsplit` raises for some texts and drops characters of others; identity
must do neither, so the generic grammar of RFC 3986, appendix B, is used: it fits every text.
"""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec import Struct

from onetake.matching.pairs import pairs_identity

_GENERIC = re.compile(r"(?:([^:/?#]+):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?")
_PORT = re.compile(r":([0-9]*)\Z")
_DEFAULT_PORTS = {"http": "80", "https": "443", "ws": "80", "wss": "443"}


class Url(Struct, frozen=True, kw_only=True):
    """The parts that count: no user info, no fragment. `port` is "" for the scheme's own."""

    scheme: str
    host: str
    port: str
    path: str
    query: str

    @property
    def netloc(self) -> str:
        return f"{self.host}:{self.port}" if self.port else self.host


def read_url(text: str) -> Url:
    found = _GENERIC.match(text)
    assert found is not None  # every group is optional
    scheme, authority, path, query = found.groups("")
    scheme = scheme.lower()
    host = authority.rpartition("@")[2].lower()
    port = ""
    if with_port := _PORT.search(host):
        host, port = host[: with_port.start()], with_port[1].lstrip("0") or with_port[1][:1]
        if port == _DEFAULT_PORTS.get(scheme):
            port = ""
    return Url(scheme=scheme, host=host, port=port, path=path or "/", query=query)


def to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def framed(*pieces: bytes) -> bytes:
    """The pieces with their lengths, so that no two lists of pieces give the same bytes."""
    return b"".join([b"%d:%s" % (len(piece), piece) for piece in pieces])


@lru_cache(maxsize=512)
def url_identity(text: str) -> bytes:
    url = read_url(text)
    return parts_identity(url, pairs_identity(to_bytes(url.query)))


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
    return pairs_identity(to_bytes(read_url(text).query))

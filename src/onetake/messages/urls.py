"""URLs taken apart, whatever is written in them, and globs of hosts and paths.

The standard library's `urlsplit` raises for some texts and drops characters of others; a comparison must
do neither, so the generic grammar of RFC 3986, appendix B, is used: it fits every text.
"""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec import Struct

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


@lru_cache(maxsize=2048)
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


@lru_cache(maxsize=1024)
def glob(text: str) -> re.Pattern[str]:
    """`*` is any run of characters, also none; everything else is itself.

    What lies between two of them is looked for once, from the left: no text takes long to be refused.
    """
    first, *rest = map(re.escape, text.split("*"))
    if not rest:
        return re.compile(first, re.DOTALL)
    *middle, last = rest
    within = "".join(f"(?>.*?{one})" for one in middle if one)
    return re.compile(f"{first}{within}.*{last}", re.DOTALL)

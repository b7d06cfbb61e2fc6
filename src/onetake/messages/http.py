"""Requests and answers as they were on the wire.

Bodies are bytes, read once. Header texts are latin-1, so any header line survives unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import lru_cache
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace


class Headers(Struct, frozen=True):
    """An ordered multi-map of header lines; names compare without case, order and duplicates stay."""

    items: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_bytes(cls, items: Iterable[tuple[bytes, bytes]]) -> Headers:
        return cls(tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in items))

    def to_bytes(self) -> list[tuple[bytes, bytes]]:
        return [(n.encode("latin-1"), v.encode("latin-1")) for n, v in self.items]

    def get(self, name: str, default: str = "") -> str:
        """The first value of `name` (given in lower case), or `default`."""
        for key, value in self.items:
            if key.lower() == name:
                return value
        return default

    def get_all(self, name: str) -> list[str]:
        """Every value of `name` (given in lower case), in order."""
        return [value for key, value in self.items if key.lower() == name]

    def without(self, *names: str) -> Headers:
        """Return the lines but those of `names` (given in lower case)."""
        return Headers(tuple(line for line in self.items if line[0].lower() not in names))

    def replacing(self, name: str, value: str) -> Headers:
        """Return the lines with `value` in the first line of `name`, and without further ones of that name."""
        lines: list[tuple[str, str]] = []
        seen = False
        for key, old in self.items:
            if key.lower() != name:
                lines.append((key, old))
            elif not seen:
                lines.append((key, value))
                seen = True
        return Headers(tuple(lines))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.items)

    def __contains__(self, name: str) -> bool:
        return any(key.lower() == name for key, _ in self.items)


@lru_cache(maxsize=256)
def media_type(content_type: str) -> str:
    """`application/json` of `Application/JSON; charset=utf-8`."""
    return content_type.partition(";")[0].strip().lower()


class Request(Struct, frozen=True, kw_only=True):
    """One request as it goes to the wire. `url` is absolute, without a fragment.

    `principal` says who asks: the number of the credential among those that the opening has used for
    this host, or its keyed digest; never the credential itself.

    `encoding` names the content codings of the body that were undone (`gzip`), as for `Body`: on the wire the
    body was encoded, here it is plain.

    `by_value` lists the paths at which a value was redacted that cannot be seen to be secret: where the
    recording is looked for, anything may stand in its place.
    """

    method: str
    url: str
    headers: Headers = Headers()
    body: bytes = b""
    encoding: str = ""
    principal: int | str = 0
    by_value: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """Lower-case host name with its port where it is not the scheme's own."""
        parts = urlsplit(self.url)
        default = {"http": 80, "https": 443}.get(parts.scheme)
        name = parts.hostname or ""
        try:
            port = parts.port
        except ValueError:
            port = None
        return name if port in (None, default) else f"{name}:{port}"

    @property
    def line(self) -> str:
        """`POST https://host/path?query`, for messages."""
        return f"{self.method} {self.url}"

    def replace(self, **changes: object) -> Request:
        return replace(self, **changes)


class Chunk(Struct, frozen=True, array_like=True):
    """Where a chunk of a body ends (offset in the body's bytes) and when it came (ms after the request)."""

    end: int
    ms: int


class Ended(StrEnum):
    """How a message ended."""

    COMPLETE = "complete"
    CLOSED = "closed"  # by the client, before the end
    CUT = "cut"  # by the server or the network
    CANCELLED = "cancelled"  # the call was cancelled before it had an answer


class Failure(Struct, frozen=True, kw_only=True):
    """An error that the transport raised.

    `kind` is neutral (`refused`, `connect-timeout`, `read-timeout`, `write-timeout`, `pool-timeout`,
    `tls`, `dns`, `protocol`, `disconnected`, `read`, `write`, `network`), so that another client can
    raise its own error of that kind; `type` is the exact class that was seen
    (`httpcore.ConnectError`); `args` are its textual arguments.
    """

    kind: str
    type: str
    args: tuple[str, ...] = ()


class Body(Struct, frozen=True, kw_only=True):
    """The bytes of an answer and how they came.

    `data` is decoded where `encoding` is set (`gzip`, `br`, ... as in content-encoding); the chunk
    offsets count in `data`.
    """

    data: bytes = b""
    chunks: tuple[Chunk, ...] = ()
    encoding: str = ""

    def pieces(self) -> list[tuple[bytes, int]]:
        """Return the bytes of each chunk, with its arrival in ms."""
        data, chunks = self.data, self.chunks
        ends = [chunk.end for chunk in chunks]
        starts = [0, *ends]
        pieces = [
            (data[start:end], chunk.ms)
            for start, end, chunk in zip(starts, ends, chunks, strict=False)
        ]
        if starts[-1] < len(data):
            pieces.append((data[starts[-1] :], chunks[-1].ms if chunks else 0))
        return pieces


class Response(Struct, frozen=True, kw_only=True):
    """The head of an answer, as received, and its body."""

    status: int
    reason: str = ""
    http_version: str = "HTTP/1.1"
    headers: Headers = Headers()
    body: Body = Body()

    def replace(self, **changes: object) -> Response:
        return replace(self, **changes)

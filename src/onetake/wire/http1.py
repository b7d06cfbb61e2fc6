"""HTTP/1.1 messages (RFC 9112), read and written without I/O.

Where servers stray from the RFC this follows `http.client`, whose parser reads what is written here:
only a transfer-encoding that is exactly `chunked` means chunks, and then a content-length is ignored.
"""

from __future__ import annotations

import re

from msgspec import Struct

from onetake.messages import Headers, Response

LAST_CHUNK = b"0\r\n\r\n"

_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}")
_LONGEST_LINE = 1 << 16  # as in `http.client`


class RequestMessage(Struct, frozen=True, kw_only=True):
    """A request as it was written; the body without its framing."""

    method: str
    target: str
    headers: Headers
    body: bytes


def parse_request(data: bytes) -> RequestMessage:
    """One whole request from the bytes that a client wrote. ValueError if they are none."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, *_ = [*first.split(" "), ""]
    if not target:
        raise ValueError(f"not a request line: {first[:80]!r}")
    pairs: list[tuple[str, str]] = []
    for line in lines:
        if line[:1] in " \t" and pairs:  # a folded line belongs to the one before
            name, value = pairs[-1]
            pairs[-1] = (name, f"{value}\r\n{line}")
        else:
            name, _, value = line.partition(":")
            pairs.append((name, value.strip(" \t")))
    headers = Headers(tuple(pairs))
    if is_chunked(headers):
        framer = BodyFramer(chunked=True)
        body = b"".join(framer.feed(body)) + framer.rest()
    return RequestMessage(method=method, target=target, headers=headers, body=body)


def is_chunked(headers: Headers) -> bool:
    return headers.get("transfer-encoding").lower() == "chunked"


def has_body(status: int, method: str) -> bool:
    """Whether an answer of `status` to `method` has a body at all (RFC 9112 section 6.3)."""
    return method != "HEAD" and status >= 200 and status not in (204, 304)


def render_head(response: Response) -> bytes:
    """The status line and header lines. What came as HTTP/2 is written as HTTP/1.1."""
    version = response.http_version if response.http_version == "HTTP/1.0" else "HTTP/1.1"
    lines = [f"{version} {response.status} {response.reason}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def render_chunk(data: bytes, missing: int = 0) -> bytes:
    """One HTTP chunk; with `missing`, one that ends so many bytes before its size says."""
    if missing:
        return b"%x\r\n%b" % (len(data) + missing, data)
    return b"%x\r\n%b\r\n" % (len(data), data)


class BodyFramer:
    """Finds the pieces and the end of one body in the bytes after its head.

    `feed` takes bytes as they come and gives the pieces that they complete: HTTP chunks where the
    body is chunked, else the bytes themselves. `complete` says that the message is over. Bytes that are
    no chunks are passed over; such a body never completes.
    """

    def __init__(self, *, chunked: bool = False, length: int | None = None) -> None:
        self._chunked = chunked
        self._length = length
        self.complete = not chunked and length == 0
        self._buffer = bytearray()
        self._part = bytearray()
        self._left = 0
        self._state = "size"
        self.bad_line: bytes | None = None  # what stood where a chunk's size should

    @property
    def missing(self) -> int:
        """How many bytes of the current chunk have not come."""
        return self._left

    def feed(self, data: bytes) -> list[bytes]:
        if self.complete or not data:
            return []
        if self._chunked:
            self._buffer += data
            return self._chunks()
        if self._length is not None:
            data = data[: self._length]
            self._length -= len(data)
            self.complete = self._length == 0
        return [bytes(data)]

    def eof(self) -> None:
        """No more bytes will come: that is how a body with no framing of its own ends."""
        if not self._chunked and self._length is None:
            self.complete = True

    def rest(self) -> bytes:
        """What has come of a chunk that is not complete."""
        return bytes(self._part)

    def _chunks(self) -> list[bytes]:
        found: list[bytes] = []
        while self._buffer and not self.complete and self._state != "broken":
            if self._state == "data":
                taken = self._buffer[: self._left]
                del self._buffer[: self._left]
                self._part += taken
                self._left -= len(taken)
                if not self._left:
                    found.append(bytes(self._part))
                    self._part.clear()
                    self._state = "after"
                continue
            end = self._buffer.find(b"\n") + 1
            if not end:
                if len(self._buffer) > _LONGEST_LINE:
                    self._line(bytes(self._buffer[:80]))
                    self._state = "broken"
                break
            line = bytes(self._buffer[:end])
            del self._buffer[:end]
            self._line(line)
        return found

    def _line(self, line: bytes) -> None:
        if self._state == "after":
            self._state = "size"
        elif self._state == "trailer":
            self.complete = line in (b"\r\n", b"\n")
        else:
            size = line.split(b";", 1)[0].strip()
            if _SIZE.fullmatch(size):
                self._left = int(size, 16)
                self._state = "data" if self._left else "trailer"
            else:
                self._state = "broken"
                self.bad_line = line

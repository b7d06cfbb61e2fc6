"""HTTP/1.1 on a socket, by hand (RFC 9112), so that every write is where it is meant to be."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from http import HTTPStatus
from urllib.parse import parse_qsl

from fakeprovider.messages import Answer, Framing, HeaderLines, Request

HEAD_LIMIT = 256 * 1024
_BODY_LIMIT = 512 * 1024 * 1024
_GATE_LIMIT_S = 20
_CUT_SHORTFALL = 16
_LINGER_S = 0.5
_STATUSES = frozenset(int(status) for status in HTTPStatus)
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_REQUEST_LINE = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) (\S+) HTTP/(1\.[01])")
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(;[^\r\n]*)?\r\n")


class MalformedError(Exception):
    """The client's bytes are no request; `status` is the answer, then the connection closes."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def read_request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Request | None:
    """The next request with its whole body; None when the client has gone.

    Sends `100 Continue` when the client expects it. MalformedError for bytes that are no request.
    """
    try:
        head = await _read_head(reader)
        if head is None:
            return None
        first, *lines = head.split("\r\n")
        matched = _REQUEST_LINE.fullmatch(first)
        if matched is None:
            raise MalformedError(400, f"not a request line: {first[:80]!r}")
        method, target, version = matched.groups()
        headers = _headers(lines)
        if version == "1.1" and not _values(headers, "host"):
            raise MalformedError(400, "an HTTP/1.1 request needs a Host header")
        if _values(headers, "expect"):
            if _values(headers, "expect") != ["100-continue"]:
                raise MalformedError(417, "the only known expectation is 100-continue")
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await writer.drain()
        body = await _read_body(reader, headers)
    except asyncio.IncompleteReadError:
        return None
    path, _, query = _origin_form(target).partition("?")
    connection = {
        word.strip() for value in _values(headers, "connection") for word in value.split(",")
    }
    return Request(
        method=method,
        path=path,
        query=dict(parse_qsl(query, keep_blank_values=True)),
        headers=headers,
        body=body,
        keep_alive="close" not in connection and (version == "1.1" or "keep-alive" in connection),
        version=version,
    )


async def _read_head(reader: asyncio.StreamReader) -> str | None:
    line = b"\r\n"
    try:
        while line == b"\r\n":  # RFC 9112 section 2.2: empty lines before a request are skipped
            line = await reader.readuntil(b"\r\n")
        lines = [line]
        size = len(line)
        while line != b"\r\n":
            line = await reader.readuntil(b"\r\n")
            lines.append(line)
            size += len(line)
            if size > HEAD_LIMIT:
                raise MalformedError(431, "the request head is too large")
    except asyncio.LimitOverrunError:
        raise MalformedError(431, "a line of the request head is too large") from None
    except asyncio.IncompleteReadError as error:
        if error.partial.strip():
            raise MalformedError(400, "the request ends in its head") from None
        return None
    return b"".join(lines[:-1])[:-2].decode("latin-1")


def _headers(lines: list[str]) -> HeaderLines:
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _TOKEN.fullmatch(name) or "\0" in value or "\n" in value:
            raise MalformedError(400, f"not a header line: {line[:80]!r}")
        headers.append((name, value.strip(" \t")))
    return tuple(headers)


def _values(headers: HeaderLines, name: str) -> list[str]:
    return [value.lower() for key, value in headers if key.lower() == name]


def _origin_form(target: str) -> str:
    """A target in absolute form, as proxies get it, without its scheme and host."""
    scheme, separator, rest = target.partition("://")
    if separator and scheme.lower() in {"http", "https"}:
        return "/" + rest.partition("/")[2]
    return target.partition("#")[0]


async def _read_body(reader: asyncio.StreamReader, headers: HeaderLines) -> bytes:
    codings = _values(headers, "transfer-encoding")
    lengths = set(_values(headers, "content-length"))
    if codings:
        if codings != ["chunked"]:
            raise MalformedError(501, "the only known transfer coding is chunked")
        if lengths:
            raise MalformedError(400, "both a content-length and a transfer-encoding")
        return await _read_chunked(reader)
    if not lengths:
        return b""
    length = lengths.pop()
    if lengths or not re.fullmatch("[0-9]{1,15}", length):
        raise MalformedError(400, "not one content-length in digits")
    if int(length) > _BODY_LIMIT:
        raise MalformedError(413, "the body is too large")
    return await reader.readexactly(int(length))


async def _read_chunked(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    try:
        while True:
            matched = _CHUNK_SIZE.fullmatch(await reader.readuntil(b"\r\n"))
            if matched is None:
                raise MalformedError(400, "not a chunk size")
            size = int(matched[1], 16)
            if size == 0:
                break
            if len(body) + size > _BODY_LIMIT:
                raise MalformedError(413, "the body is too large")
            body += await reader.readexactly(size)
            if await reader.readexactly(2) != b"\r\n":
                raise MalformedError(400, "a chunk is longer than its size")
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass  # trailers
    except asyncio.LimitOverrunError:
        raise MalformedError(400, "a chunk line is too large") from None
    return bytes(body)


async def perform(
    answer: Answer,
    request: Request,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> bool:
    """Put `answer` on the wire; whether the connection may serve another request."""
    if answer.hang:
        while await reader.read(65536):
            pass
        return False
    await asyncio.sleep(answer.head_delay_ms / 1000)
    if answer.raw is not None:
        await _write(writer, answer.raw)
        return False
    bodyless = request.method == "HEAD" or answer.status in {204, 304} or answer.status < 200
    framing = answer.framing
    if framing == "chunked" and request.version == "1.0":
        framing = "close"
    await _write(writer, _head_of(answer, framing))
    if not bodyless:
        for number, chunk in enumerate(answer.chunks):
            if number:
                await asyncio.sleep(answer.delay_ms / 1000)
            if number == 1 and answer.gate is not None:
                try:
                    await asyncio.wait_for(answer.gate.wait(), _GATE_LIMIT_S)
                except TimeoutError:
                    await _cut(writer, reset=True)
                    return False
            if not chunk:
                continue  # an empty HTTP chunk would end the body
            await _write(
                writer, b"%x\r\n%b\r\n" % (len(chunk), chunk) if framing == "chunked" else chunk
            )
        if answer.cut:
            await _cut(writer, reset=framing == "close")
            return False
        if framing == "chunked":
            await _write(writer, b"0\r\n\r\n")
    asks_close = any("close" in value for value in _values(answer.headers, "connection"))
    return request.keep_alive and framing != "close" and not asks_close


def _head_of(answer: Answer, framing: Framing) -> bytes:
    reason = answer.reason
    if reason is None:
        reason = HTTPStatus(answer.status).phrase if answer.status in _STATUSES else "Unknown"
    lines = [f"HTTP/1.1 {answer.status} {reason}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    named = {name.lower() for name, _ in answer.headers}
    may_have_framing = answer.status >= 200 and answer.status not in {204, 304}
    if framing == "close":
        if "connection" not in named:
            lines.append("Connection: close")
    elif may_have_framing and not named & {"content-length", "transfer-encoding"}:
        if framing == "chunked":
            lines.append("Transfer-Encoding: chunked")
        else:
            shortfall = _CUT_SHORTFALL if answer.cut else 0
            lines.append(f"Content-Length: {sum(map(len, answer.chunks)) + shortfall}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


async def _cut(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    if reset:
        await asyncio.sleep(0.05)  # let the client read what was sent before the reset overtakes it
        sock = writer.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        writer.transport.abort()


async def close_gently(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close so that the client can read the end: bytes of its own left unread would reset it."""
    try:
        if writer.can_write_eof():
            writer.write_eof()
        async with asyncio.timeout(_LINGER_S):
            while await reader.read(65536):
                pass
    except (OSError, TimeoutError, RuntimeError):
        pass
    finally:
        writer.close()

"""The floors: what a client itself, or a library of fakes, costs with the same answers and the same headers.

httpx and httpx2 have a `MockTransport`. requests and aiohttp have nothing of the kind at the seam where
onetake answers, so a canned connection gives the answer's bytes, chunk by chunk, to the client's own parser.
The library `responses`, which answers above urllib3, is measured beside requests.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any
from unittest import mock

from bench.workload import URL, Workload, number_of


def mock_transport(client: str, workload: Workload, *, is_read: bool = True) -> Any:
    """The client's own way to answer without a network; None where only its connections can be canned."""
    if client not in ("httpx", "httpx2"):
        return None
    module = import_module(client)
    return module.MockTransport(
        lambda request: httpx_answer(module, workload, request, is_read=is_read)
    )


def httpx_answer(module: Any, workload: Workload, request: Any, *, is_read: bool = True) -> Any:
    """The answer to `request` as an object of `module`, which is httpx or httpx2.

    An answer of one chunk comes read to its end, as such mocks are written; else as a stream, which the
    client reads as it reads one from the network.
    """
    n = number_of(request.content)
    chunks = workload.wire(n)
    headers = workload.answer_headers(n)
    if len(chunks) == 1 and is_read:
        return module.Response(200, headers=headers, content=chunks[0])

    class Stream(module.SyncByteStream, module.AsyncByteStream):  # type: ignore[misc, name-defined]
        def __iter__(self) -> Iterator[bytes]:
            yield from chunks

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for chunk in chunks:
                yield chunk

    return module.Response(200, headers=headers, stream=Stream())


@contextmanager
def canned_connections(client: str, workload: Workload) -> Iterator[None]:
    """Inside, connections of requests or aiohttp give the answers of `workload` to the client's parser."""
    with _canned_urllib3(workload) if client == "requests" else _canned_aiohttp(workload):
        yield


@contextmanager
def _canned_urllib3(workload: Workload) -> Iterator[None]:
    from urllib3.connection import HTTPSConnection

    class Answer(io.RawIOBase):
        def __init__(self, request: bytes) -> None:
            self._pieces = iter(workload.answer_wire(number_of(request)))

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            piece = next(self._pieces, b"")
            buffer[: len(piece)] = piece
            return len(piece)

    class Socket:
        def __init__(self) -> None:
            self._sent = b""

        def sendall(self, data: Any, _flags: int = 0) -> None:
            self._sent += bytes(data)

        def makefile(self, *_args: Any, **_options: Any) -> io.BufferedReader:
            return io.BufferedReader(Answer(self._sent), 1 << 20)

        def settimeout(self, _value: float | None) -> None: ...

        def shutdown(self, _how: int) -> None: ...

        def close(self) -> None: ...

    def connect(self: Any) -> None:
        self.sock = Socket()
        self.is_verified = True

    with (
        mock.patch.object(HTTPSConnection, "connect", connect),
        mock.patch.object(HTTPSConnection, "is_connected", False),  # a socket for each call
    ):
        yield


@contextmanager
def _canned_aiohttp(workload: Workload) -> Iterator[None]:
    import asyncio

    import aiohttp
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection

    class Transport(asyncio.Transport):
        def write(self, data: Any) -> None: ...

        def writelines(self, _parts: Any) -> None: ...

        def is_closing(self) -> bool:
            return False

        def close(self) -> None: ...

        def abort(self) -> None: ...

        def pause_reading(self) -> None: ...

        def resume_reading(self) -> None: ...

    async def connect(self: Any, req: Any, **_options: Any) -> Any:
        loop = asyncio.get_running_loop()
        protocol = ResponseHandler(loop)
        protocol.connection_made(Transport())
        protocol.force_close()
        for piece in workload.answer_wire(number_of(req.body._value)):
            protocol.data_received(piece)  # kept until the client's parser is there
        return Connection(self, req.connection_key, protocol, loop)

    with mock.patch.object(aiohttp.BaseConnector, "connect", connect):
        yield


@contextmanager
def respx_answers(workload: Workload) -> Iterator[None]:
    """Inside, respx answers httpx."""
    import httpx
    import respx

    with respx.mock:
        respx.post(URL).mock(side_effect=lambda request: httpx_answer(httpx, workload, request))
        yield


@contextmanager
def responses_answers(workload: Workload) -> Iterator[None]:
    """Inside, `responses` answers requests."""
    import responses

    def answer(request: Any) -> tuple[int, dict[str, str], bytes]:
        n = number_of(request.body)
        headers = {
            name: value
            for name, value in workload.answer_headers(n)
            if name not in ("content-type", "transfer-encoding")
        }
        return 200, headers, b"".join(workload.wire(n))

    with responses.RequestsMock() as fakes:
        fakes.add_callback("POST", URL, answer, content_type="application/json")
        yield

"""The floors: onetake's own seams, answering with one canned response and deciding nothing.

Each answer is built as onetake builds its own: a `Response` of httpcore with a stream; HTTP/1.1 bytes
read by `http.client` for urllib3; the same bytes fed to aiohttp's own parser.
"""

from __future__ import annotations

import http.client
import io
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any
from unittest import mock

from bench.workload import Workload


@contextmanager
def floor(client: str, workload: Workload) -> Iterator[None]:
    """Inside, every call of `client` gets the same canned answer at onetake's seam."""
    if client in ("httpx", "httpx2"):
        library = import_module("httpcore" if client == "httpx" else "httpcore2")
        replacement = _httpcore(library, workload)
        with mock.patch.object(library.ConnectionPool, "handle_request", replacement):
            yield
    elif client == "requests":
        import urllib3

        pool = urllib3.HTTPConnectionPool
        with mock.patch.object(pool, "_make_request", _urllib3(workload)):
            yield
    else:
        import aiohttp

        with mock.patch.object(aiohttp.BaseConnector, "connect", _aiohttp(workload)):
            yield


def _httpcore(library: Any, workload: Workload) -> Any:
    headers = [(name.encode(), value.encode()) for name, value in workload.answer_headers()]
    data = workload.answer(0)

    class Stream:
        def __iter__(self) -> Iterator[bytes]:
            yield data

        def close(self) -> None: ...

    def handle_request(_self: Any, request: Any) -> Any:
        b"".join(request.stream)
        return library.Response(
            status=200,
            headers=list(headers),
            content=Stream(),
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": b"OK"},
        )

    return handle_request


class _Socket:
    """As much of a socket as `http.client` needs in order to read an answer."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def _urllib3(workload: Workload) -> Any:
    from urllib3.response import HTTPResponse

    wire = workload.answer_wire(0)

    def _make_request(
        self: Any, _conn: Any, method: str, url: str, *_args: Any, **options: Any
    ) -> Any:
        parsed = http.client.HTTPResponse(_Socket(wire), method=method)  # type: ignore[arg-type]
        parsed.begin()
        response = HTTPResponse(
            body=parsed,  # type: ignore[arg-type]
            headers=dict(parsed.headers.items()),
            status=parsed.status,
            version=parsed.version,
            version_string="HTTP/1.1",
            reason=parsed.reason,
            preload_content=options.get("preload_content", True),
            decode_content=options.get("decode_content", True),
            original_response=parsed,
            enforce_content_length=options.get("enforce_content_length", True),
            request_method=method,
            request_url=url,
        )
        response.retries = options.get("retries")
        response._connection = options.get("response_conn")
        response._pool = self
        return response

    return _make_request


def _aiohttp(workload: Workload) -> Any:
    import asyncio

    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection

    wire = workload.answer_wire(0)

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
        protocol.data_received(wire)  # kept by the handler until the client's parser is there
        return Connection(self, req.connection_key, protocol, loop)

    return connect


def mock_transport(client: str, workload: Workload) -> Any:
    """What the client itself offers for tests; None where it offers nothing."""
    headers = dict(workload.answer_headers())
    data = workload.answer(0)
    if client in ("httpx", "httpx2"):
        module = import_module(client)
        return module.MockTransport(
            lambda _request: module.Response(200, headers=headers, content=data)
        )
    if client != "requests":
        return None
    from requests.adapters import HTTPAdapter
    from urllib3.response import HTTPResponse

    class Canned(HTTPAdapter):
        """An adapter that answers by itself, as the library `responses` does."""

        def send(self, request: Any, *_args: Any, **_options: Any) -> Any:
            raw = HTTPResponse(
                body=io.BytesIO(data),
                headers=headers,
                status=200,
                reason="OK",
                preload_content=False,
            )
            return self.build_response(request, raw)

    return Canned()

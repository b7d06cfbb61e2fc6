"""A redirect that keeps its method sends a body that only its stream holds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import httpx2
import pytest

import onetake


class Server(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/first":
            self.send_response(307)
            self.send_header("location", "/second")
            self.send_header("content-length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("module", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_a_redirected_post_is_recorded_and_replayed(url, project, module):
    def ask() -> bytes:
        with module.Client(follow_redirects=True) as client:
            return client.post(f"{url}/first", json={"a": 1}).content

    async def ask_async() -> bytes:
        async with module.AsyncClient(follow_redirects=True) as client:
            return (await client.post(f"{url}/first", json={"a": 1})).content

    for mode, verdict in (("auto", "RECORDED"), ("replay", "HIT")):
        with onetake.use_cassette("main", mode=mode) as cassette:
            assert [ask(), asyncio.run(ask_async())] == [b'{"a":1}'] * 2
        assert cassette.verdict == verdict

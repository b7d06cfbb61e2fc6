"""What is recorded: one server on loopback, each route for one fact of HTTP, which counts its requests."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import threading
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"
_WORDS = json.dumps({"text": "wörds " * 50, "numbers": list(range(50))}, ensure_ascii=False)
_LARGE = "".join(f"line {number} of a large answer\n" for number in range(10_000))[:300_000]
# {"packed": true} as brotli: no compressor is needed here.
_BROTLI = base64.b64decode("iweAeyJwYWNrZWQiOiB0cnVlfQM=")
_EVENTS = [f'id: {number}\ndata: {{"delta": "wört {number}"}}\n\n' for number in range(5)]
_BASIC = "Basic " + base64.b64encode(b"user:passphrase").decode()
_OBJECT = bytes(range(256)) * 8
_LIST = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name>'
    "<KeyCount>1</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated><Contents>"
    "<Key>a.bin</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><Size>2048</Size>"
    "</Contents></ListBucketResult>"
)
_NO_KEY = (
    '<?xml version="1.0" encoding="UTF-8"?><Error><Code>NoSuchKey</Code>'
    "<Message>The specified key does not exist.</Message><Key>missing</Key></Error>"
)
_ITEM = json.dumps({"Item": {"id": {"S": "1"}, "name": {"S": "Zoë"}, "count": {"N": "3"}}})


class Server(ThreadingHTTPServer):
    """`hits` is the number of requests that it has got."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hits = 0
        self.counters: Counter[str] = Counter()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def begin(self) -> None:
        """A new run: counters begin anew."""
        self.hits = 0
        self.counters.clear()


@contextmanager
def running() -> Iterator[Server]:
    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        pass

    def date_time_string(self, timestamp: float | None = None) -> str:  # noqa: ARG002
        """One date, so that whoever records gets the same."""
        return "Thu, 01 Jan 2026 00:00:00 GMT"

    def handle_any(self) -> None:
        self.server.hits += 1
        body = self._body()
        split = urlsplit(self.path)
        first, *rest = split.path.strip("/").split("/")
        route = getattr(self, f"_get_{first}", None)
        if "x-amz-target" in self.headers:
            self._send(_ITEM.encode(), "application/x-amz-json-1.0")
        elif route is None:
            self._send(b'{"error": "no such route"}', _JSON, 404)
        else:
            route(rest, body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = handle_any  # noqa: N815

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(pieces)

    def _send(self, body: bytes, kind: str, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send_chunks(self, pieces: list[bytes], kind: str, **headers: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            for piece in pieces:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")

    # Routes, by the first part of the path.

    def _get_json(self, rest: list[str], body: bytes) -> None:  # noqa: ARG002
        self._send(_WORDS.encode(), _JSON, X_Request_Id="r-1")

    def _get_echo(self, rest: list[str], body: bytes) -> None:  # noqa: ARG002
        """The request as it was read. A boundary is made anew for each request, and left out."""
        kind = self.headers.get("content-type", "").partition(";")[0]
        seen = {
            "method": self.command,
            "path": self.path,
            "type": kind,
            "cookie": self.headers.get("cookie"),
            "body": "parts" if kind.startswith("multipart/") else hashlib.sha256(body).hexdigest(),
        }
        self._send(json.dumps(seen).encode(), _JSON)

    def _get_binary(self, rest: list[str], body: bytes) -> None:  # noqa: ARG002
        self._send(_OBJECT, "application/octet-stream", ETag='"e-1"')

    def _get_gzip(self, rest: list[str], body: bytes) -> None:  # noqa: ARG002
        self._send(gzip.compress(_WORDS.encode(), mtime=0), _JSON, Content_Encoding="gzip")

    def _get_deflate(self, rest: list[str], body: bytes) -> None:  # noqa: ARG002
        self._send(zlib.compress(_WORDS.encode()), _JSON, Content_Encoding="deflate")

    def _get_brotli(self, rest: list[str], body: bytes) -> None:  # noqa: ARG002
        self._send(_BROTLI, _JSON, Content_Encoding="br")

    def _get_chunked(self, rest: list[str], body: bytes) -> None:  # noqa: ARG002
        self._send_chunks([f"piece {n} ü\n".encode() for n in range(5)], _TEXT)

    def _get_gzipchunked(self, rest: list[str], body: bytes) -> None:  # noqa: ARG002
        packed = gzip.compress(_WORDS.encode(), mtime=0)
        pieces = [packed[at : at + 40] for at in range(0, len(packed), 40)]
        self._send_chunks(pieces, _JSON, Content_Encoding="gzip")

    def _get_events(self, rest: list[str], body: bytes) -> None:  # noqa: ARG002
        pieces = [event.encode() for event in _EVENTS] + [b"data: [DONE]\n\n"]
        self._send_chunks(pieces, "text/event-stream")

    def _get_redirect(self, rest: list[str], body: bytes) -> None:  # noqa: ARG002
        left = int(rest[0])
        to = f"/redirect/{left - 1}" if left else "/json"
        self._send(b"elsewhere", _TEXT, 302, Location=to)

    def _get_status(self, rest: list[str], body: bytes) -> None:  # noqa: ARG002
        code = int(rest[0])
        self._send(json.dumps({"status": code}).encode(), _JSON, code)

    def _get_empty(self, rest: list[str], body: bytes) -> None:  # noqa: ARG002
        self.send_response(204)
        self.send_header("X-Done", "yes")
        self.end_headers()

    def _get_counter(self, rest: list[str], body: bytes) -> None:  # noqa: ARG002
        counters = self.server.counters
        counters[rest[0]] += 1
        self._send(json.dumps({"count": counters[rest[0]]}).encode(), _JSON)

    def _get_cookies(self, rest: list[str], body: bytes) -> None:  # noqa: ARG002
        self.send_response(200)
        self.send_header("Content-Type", _TEXT)
        self.send_header("Content-Length", "3")
        self.send_header("Set-Cookie", "flavour=oat; Path=/")
        self.send_header("Set-Cookie", "theme=dark; Path=/; Expires=Wed, 01 Jan 2042 00:00:00 GMT")
        self.end_headers()
        self.wfile.write(b"set")

    def _get_private(self, rest: list[str], body: bytes) -> None:  # noqa: ARG002
        if self.headers.get("authorization") == _BASIC:
            self._send(b'{"let": "in"}', _JSON)
        else:
            self._send(b"no", _TEXT, 401, WWW_Authenticate='Basic realm="r"')

    def _get_large(self, rest: list[str], body: bytes) -> None:  # noqa: ARG002
        self._send(_LARGE.encode(), _TEXT)

    def _get_bucket(self, rest: list[str], body: bytes) -> None:
        key = "/".join(rest)
        if self.command == "PUT":
            self._send(b"", "application/xml", ETag=f'"{hashlib.md5(body).hexdigest()}"')
        elif not key:
            self._send(_LIST.encode(), "application/xml")
        elif key == "missing":
            self._send(_NO_KEY.encode(), "application/xml", 404)
        else:
            self._send(_OBJECT, "application/octet-stream", ETag='"e-1"', X_Amz_Meta_Kind="test")

"""Starting the server from a test, and asking it what it saw.

The control requests must not be seen by what a test patches (http.client, urllib, a guard on
`socket.socket`), so they go through the C type below `socket.socket`, which cannot be patched.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
from _socket import socket as c_socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import AF_INET, SOCK_STREAM
from typing import IO

_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Provider:
    """A running fake provider at `url` (`http://127.0.0.1:PORT`, no slash at the end)."""

    url: str
    _stderr: Path

    def billed(self) -> int:
        """How many requests it got since the last reset, control requests aside."""
        value = self._control("GET", "/_control/counts")
        billed = value["billed"] if isinstance(value, dict) else None
        assert isinstance(billed, int)
        return billed

    def counts(self) -> dict[str, int]:
        """Return the counts of requests by `METHOD /path`, without query."""
        value = self._control("GET", "/_control/counts")
        assert isinstance(value, dict)
        counts: dict[str, int] = value["counts"]
        return counts

    def requests(self) -> list[dict[str, object]]:
        """The last 50 requests, oldest first: method, path, query, headers, and body as bytes."""
        value = self._control("GET", "/_control/requests")
        assert isinstance(value, list)
        return [{**item, "body": base64.b64decode(item["body"])} for item in value]

    def reset(self) -> None:
        """Forget counts, requests, batches and 429 attempts. Scripts stay and start over."""
        self._control("POST", "/_control/reset")

    def script(self, spec: Mapping[str, object]) -> str:
        """Script an answer and return its URL; bytes in `chunks` are encoded for you.

        Keys: id, status, reason, headers ([[name, value], ...]), chunks (base64 or bytes), framing
        (chunked, length or close), delay_ms, head_delay_ms, cut, sequence (answers by call number,
        each over the outer keys). ValueError if the server refuses it.
        """
        body = json.dumps(spec, default=_to_base64).encode()
        value = self._control("PUT", "/_control/scripts", body)
        assert isinstance(value, dict)
        return f"{self.url}{value['path']}"

    def complaints(self) -> str:
        """What the server wrote on standard error: empty if all is well."""
        return self._stderr.read_text(errors="replace")

    def _control(self, method: str, path: str, body: bytes = b"") -> object:
        return _control(self.url, method, path, body)


def open_gate(url: str, name: str) -> None:
    """Let go what `/stream/...?gate=NAME` of the provider at `url` holds back; from any process."""
    _control(url, "POST", f"/_control/gates/{name}")


def _control(url: str, method: str, path: str, body: bytes = b"") -> object:
    host, _, port = url.removeprefix("http://").partition(":")
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    connection = c_socket(AF_INET, SOCK_STREAM)
    try:
        connection.settimeout(_TIMEOUT_S)
        connection.connect((host, int(port)))
        connection.sendall(head.encode() + body)
        received = bytearray()
        while data := connection.recv(65536):
            received += data
    finally:
        connection.close()
    answer_head, _, content = bytes(received).partition(b"\r\n\r\n")
    value: object = json.loads(content)
    if not answer_head.startswith(b"HTTP/1.1 2"):
        raise ValueError(value["error"] if isinstance(value, dict) else value)
    return value


def _to_base64(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    raise TypeError(f"not JSON: {value!r}")


@contextmanager
def running() -> Iterator[Provider]:
    """A server of your own on a free port, ended at the end of the block (or of this process)."""
    home = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH", "")]))
    with tempfile.TemporaryDirectory(prefix="fakeprovider-") as folder:
        stderr_path = Path(folder, "stderr.txt")
        with stderr_path.open("wb") as stderr:
            process = _start(home, path, stderr)
            try:
                yield Provider(_address_of(process, stderr_path), stderr_path)
            finally:
                _end(process)


def _start(home: str, path: str, stderr: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "fakeprovider", "--port", "0", "--until-stdin-closes"],
        cwd=home,
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
    )


def _address_of(process: subprocess.Popen[bytes], stderr_path: Path) -> str:
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    if not line.startswith("listening on "):
        complaint = stderr_path.read_text(errors="replace")
        raise RuntimeError(f"the fake provider did not start: {line}{complaint}")
    return line.removeprefix("listening on ").strip()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()

"""A local server that answers chat calls at once: `python -m bench.server BODY_SIZE KIND` prints its port.

It does as little as it can, so that what a recorder adds to a live call is not lost in the server's noise.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.measure import REPOSITORY, environment
from bench.workload import PATH, Workload, number_of


class _Protocol(asyncio.Protocol):
    def __init__(self, workload: Workload) -> None:
        self._workload = workload
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        at = head.lower().index(b"content-length:") + 15
        length = int(head[at:].split(b"\r\n", 1)[0])
        if len(rest) < length:
            return
        self._received = rest[length:]
        answer = self._workload.answer_wire(number_of(rest[:length]))
        for piece in answer:
            self._transport.write(piece)  # type: ignore[attr-defined]


async def _serve(size: int, kind: str) -> None:
    workload = Workload(size, kind)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Protocol(workload), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)  # until the parent is gone


@contextmanager
def running(size: int, kind: str = "json") -> Iterator[str]:
    """The URL of a server in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.server", str(size), kind],
        cwd=REPOSITORY,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}{PATH}"
    finally:
        process.stdin.close()
        process.wait(timeout=5)
        process.stdout.close()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), sys.argv[2]))
    os._exit(0)

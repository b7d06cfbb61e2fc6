"""The server: one task for each connection, which reads, asks `routes`, and performs."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from dataclasses import replace

from fakeprovider.messages import Request, json_answer
from fakeprovider.routes import answer_to
from fakeprovider.state import State
from fakeprovider.wire import HEAD_LIMIT, MalformedError, close_gently, perform, read_request

# Stands for a request that could not be read, where an answer needs one to answer to.
_UNREADABLE = Request(method="GET", path="", query={}, headers=(), body=b"", keep_alive=False)


class Server:
    """Serves every connection from one `State`."""

    def __init__(self) -> None:
        self.state = State()
        self._connections: set[asyncio.Task[None]] = set()

    async def serve(self, port: int, *, until_stdin_closes: bool = False) -> None:
        """Listen on 127.0.0.1, print the address, and serve until SIGTERM or SIGINT."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        listener = await asyncio.start_server(
            self._connected, "127.0.0.1", port, limit=HEAD_LIMIT, backlog=512
        )
        watcher = asyncio.create_task(_watch_stdin(stop)) if until_stdin_closes else None
        bound = listener.sockets[0].getsockname()[1]
        print(f"listening on http://127.0.0.1:{bound}", flush=True)
        await stop.wait()
        listener.close()
        for task in [*self._connections, *([watcher] if watcher else [])]:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        try:
            await self._converse(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()  # only `serve` cancels, at its end
        except OSError:
            writer.transport.abort()  # the client has gone

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        keep = True
        while keep:
            try:
                request = await read_request(reader, writer)
            except MalformedError as error:
                refusal = json_answer({"error": str(error)}, status=error.status)
                refusal = replace(refusal, framing="close")
                await perform(refusal, _UNREADABLE, reader, writer)
                break
            if request is None:
                writer.close()
                return
            keep = await perform(answer_to(request, self.state), request, reader, writer)
        await close_gently(reader, writer)


async def _watch_stdin(stop: asyncio.Event) -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    with contextlib.suppress(OSError):
        while await reader.read(1024):
            pass
    stop.set()

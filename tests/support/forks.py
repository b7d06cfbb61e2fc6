"""How a process that forks (`nursery`) is told of a program, and how it tells what became of it.

Whoever wants a fork connects to the nursery's socket and sends one byte with the program's three standard
streams, then its words, directory and environment. The answers are two lines: its process id, and its exit
code once it has ended.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path


class Fork:
    """A running program, as far as `subprocess.Popen` would tell of it."""

    def __init__(
        self,
        address: str,
        words: Sequence[str],
        cwd: Path,
        environment: Mapping[str, str],
        streams: Sequence[int],
    ) -> None:
        """`words` are those after the interpreter's name; `streams` are input, output and errors."""
        self.returncode: int | None = None
        self._told = socket.socket(socket.AF_UNIX)
        try:
            self._told.connect(address)
            socket.send_fds(self._told, [b"1"], list(streams))
            self._told.sendall(json.dumps([list(words), str(cwd), dict(environment)]).encode())
            self._told.shutdown(socket.SHUT_WR)
            self._answers = self._told.makefile("r")
            self.pid = int(self._answers.readline())
        except BaseException:
            self._told.close()
            raise

    def wait(self, timeout_s: float | None = None) -> int:
        if self.returncode is None:
            self._told.settimeout(timeout_s)
            self.returncode = int(self._answers.readline())
            self.close()
        return self.returncode

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self._told], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        self._answers.close()
        self._told.close()

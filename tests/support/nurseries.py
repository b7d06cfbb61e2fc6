"""Processes that are there at once, from a `nursery`: most of a short program's time is its imports.

With STRESS=1, and where there is no fork to rely on, each program starts from nothing instead.
"""

from __future__ import annotations

import atexit
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO

_TIMEOUT_S = 180.0
_IS_USED = sys.platform == "linux" and os.environ.get("STRESS") != "1"
# Two, in turn: what one process records another replays with another seed of its hashes.
_turns = itertools.count()
_starting = threading.Lock()


class Nursery:
    """One such process, and a fork of it for each program: `run` may be called in several threads."""

    def __init__(self, kind: str, environment: Mapping[str, str]) -> None:
        self._lock = threading.Lock()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._orders, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, str(Path(__file__).with_name("nursery.py")), kind),
                    str(theirs.fileno()),
                ],
                env=dict(environment),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
            )
        atexit.register(self.close)

    def close(self) -> None:
        self._orders.close()
        self._process.wait()
        self._errors.close()

    def run(
        self, words: Sequence[str], cwd: Path, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        told, theirs = socket.socketpair()
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors, told:
            told.settimeout(_TIMEOUT_S)
            try:
                with theirs, self._lock:
                    given = [output.fileno(), errors.fileno(), theirs.fileno()]
                    socket.send_fds(self._orders, [b"1"], given)
                told.sendall(json.dumps([list(words), str(cwd), dict(environment)]).encode())
                told.shutdown(socket.SHUT_WR)
                with told.makefile("r") as answers:
                    pid = int(answers.readline())
                    try:
                        code = int(answers.readline())
                    except TimeoutError:
                        os.kill(pid, signal.SIGKILL)
                        said = [_text(stream) for stream in (output, errors)]
                        raise subprocess.TimeoutExpired(list(words), _TIMEOUT_S, *said) from None
            except (
                ConnectionError,
                ValueError,
            ) as error:  # no answer: the nursery itself has ended
                raise RuntimeError(
                    "The process that starts the tests' programs has ended "
                    f"({self._process.wait(_TIMEOUT_S)}):\n{_text(self._errors)}"
                ) from error
            texts = [_text(stream) for stream in (output, errors)]
        return subprocess.CompletedProcess([sys.executable, *words], code, *texts)


def _text(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode().replace("\r\n", "\n")


@cache
def _nursery(kind: str, turn: int) -> Nursery:
    from tests.support.runs import environment

    return Nursery(kind, environment())


def can_run(words: Sequence[str], extra: Mapping[str, str]) -> bool:
    """Not what the interpreter itself has to be told when it starts."""
    return _IS_USED and words[0] in ("-c", "-m") and not any(n.startswith("PYTHON") for n in extra)


def run(
    words: Sequence[str], cwd: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """As `subprocess.run([sys.executable, *words], ...)` with its output as text."""
    kind = "suites" if words[:2] == ("-m", "pytest") else "programs"
    with _starting:
        nursery = _nursery(kind, next(_turns) % 2)
    return nursery.run(words, cwd, environment)

"""Processes that are there at once, from a `nursery`: most of a short program's time is its imports.

With STRESS=1, and where there is no fork to rely on, each program starts from nothing instead.
"""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Self

from tests.support import shared
from tests.support.forks import Fork

_TIMEOUT_S = 180.0
_IS_USED = sys.platform == "linux" and os.environ.get("STRESS") != "1"
_SDKS = ("openai", "anthropic")
"""Importing these takes seconds; programs that use them have nurseries of their own."""
# Two, in turn: what one process records another replays with another seed of its hashes.
_turns = itertools.count()


class Nursery:
    """One such process, which listens at `address`."""

    def __init__(self, kind: str, environment: Mapping[str, str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="onetake-nursery-")
        self.address = f"{self._folder.name}/orders"
        with (
            socket.socket(socket.AF_UNIX) as orders,
            open(_errors_of(self.address), "wb") as errors,
        ):
            orders.bind(self.address)
            orders.listen(64)
            self._process = subprocess.Popen(
                [
                    *(sys.executable, str(Path(__file__).with_name("nursery.py")), kind),
                    str(orders.fileno()),
                ],
                env=dict(environment),
                pass_fds=[orders.fileno()],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._folder.cleanup()


def run_in(
    address: str, words: Sequence[str], cwd: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a program in a fork of the nursery at `address`."""
    with (
        open(os.devnull, "rb") as nothing,
        tempfile.TemporaryFile() as output,
        tempfile.TemporaryFile() as errors,
    ):
        streams = [nothing.fileno(), output.fileno(), errors.fileno()]
        try:
            fork = Fork(address, words, cwd, environment, streams)
            code = fork.wait(_TIMEOUT_S)
        except TimeoutError:
            fork.kill()
            fork.close()
            said = [_text(stream) for stream in (output, errors)]
            raise subprocess.TimeoutExpired(list(words), _TIMEOUT_S, *said) from None
        except (ConnectionError, ValueError) as error:  # no answer: the nursery itself has ended
            raise RuntimeError(
                f"The process that starts the tests' programs has ended:\n{_errors_of(address).read_text()}"
            ) from error
        texts = [_text(stream) for stream in (output, errors)]
    return subprocess.CompletedProcess([sys.executable, *words], code, *texts)


def _errors_of(address: str) -> Path:
    """Return the file with what the nursery at `address` itself has to say."""
    return Path(f"{address}.errors")


def _text(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode().replace("\r\n", "\n")


def can_run(words: Sequence[str], extra: Mapping[str, str]) -> bool:
    """Not what the interpreter itself has to be told when it starts."""
    return _IS_USED and words[0] in ("-c", "-m") and not any(n.startswith("PYTHON") for n in extra)


def run(
    words: Sequence[str], cwd: Path, environment: Mapping[str, str], *, is_bare: bool = False
) -> subprocess.CompletedProcess[str]:
    """Do what `subprocess.run([sys.executable, *words], ...)` does, with its output as text."""
    return run_in(_address_for(words, is_bare=is_bare), words, cwd, environment)


class Started:
    """A program that runs beside the test, with what `subprocess.Popen` says of one."""

    def __init__(self, fork: Fork, stdout: IO[str] | None) -> None:
        self._fork = fork
        self.stdout = stdout

    @property
    def returncode(self) -> int | None:
        return self._fork.returncode

    def poll(self) -> int | None:
        return self._fork.poll()

    def wait(self, timeout: float | None = None) -> int:
        return self._fork.wait(timeout)

    def communicate(self, timeout: float = _TIMEOUT_S) -> tuple[str, None]:
        """Return what it says until its end; after `timeout` seconds it is killed."""
        assert self.stdout is not None
        killing = threading.Timer(timeout, self._fork.kill)
        killing.start()
        try:
            with self.stdout as stream:
                text = stream.read()
            self._fork.wait()
        finally:
            killing.cancel()
            killing.join()
        return text, None

    def send_signal(self, number: int) -> None:
        os.kill(self._fork.pid, number)


def start(
    words: Sequence[str], cwd: Path, environment: Mapping[str, str], output: IO[bytes] | None
) -> Started | subprocess.Popen[str]:
    """Start `python WORDS`, which writes into `output`, or into a pipe that is the program's `stdout`."""
    if not can_run(words, {}):
        streams = {"stdout": output, "stderr": output} if output else {"stdout": subprocess.PIPE}
        return subprocess.Popen(
            [sys.executable, *words], cwd=cwd, env=dict(environment), text=True, **streams
        )
    with ExitStack() as stack, open(os.devnull, "rb") as nothing:
        if output:
            read, (written, errors) = None, (output.fileno(), output.fileno())
        else:
            ends = os.pipe()
            read = open(ends[0], encoding="utf-8")  # noqa: SIM115 - whoever reads it closes it
            (written, errors) = stack.enter_context(open(ends[1], "wb")).fileno(), 2
        fork = Fork(
            _address_for(words), words, cwd, environment, [nothing.fileno(), written, errors]
        )
    return Started(fork, read)


def _address_for(words: Sequence[str], *, is_bare: bool = False) -> str:
    kind = "bare" if is_bare else _kind_for(words)
    return shared.address_of(f"nursery {kind} {next(_turns) % 2}")


def _kind_for(words: Sequence[str]) -> str:
    if words[:2] == ("-m", "pytest"):
        return "suites"
    return "sdks" if any(name in word for word in words for name in _SDKS) else "programs"

"""Programs in processes of their own: one records, another replays."""

from __future__ import annotations

import compileall
import functools
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections import deque
from pathlib import Path
from typing import IO, Any

from tests.support import nurseries

ROOT = Path(__file__).resolve().parents[2]

ended: deque[subprocess.CompletedProcess[str]] = deque(maxlen=10)
"""The last programs of the running test: tests/conftest.py shows what they said where it fails."""


def environment(**extra: str) -> dict[str, str]:
    """The environment of a developer's laptop: no CI, no runner of GitHub, no settings of onetake."""
    _compile()
    kept = {
        name: value
        for name, value in os.environ.items()
        if name != "CI" and not name.startswith(("ONETAKE_", "PYTEST_", "COV_", "GITHUB_"))
    }
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "packages/onetake-vcr/src"), str(ROOT)])
    # Bytecode is read and not written: a project's file that is changed twice within a second is no other.
    fixed = {"PYTHONPATH": path, "PYTHONWARNINGS": "error", "PYTHONDONTWRITEBYTECODE": "1"}
    return kept | fixed | extra


@functools.cache
def _compile() -> None:
    """Once a session, so that no process compiles onetake anew."""
    for folder in ("src", "packages/onetake-vcr/src", "fakeprovider", "tests/support"):
        compileall.compile_dir(ROOT / folder, quiet=2)


def run_program(
    source: str, cwd: Path, *arguments: str, is_bare: bool = False, **extra: str
) -> subprocess.CompletedProcess[str]:
    """Run Python `source` (dedented) in `cwd`."""
    return run_python(cwd, "-c", textwrap.dedent(source), *arguments, is_bare=is_bare, **extra)


def start_program(
    source: str, cwd: Path, *arguments: str, output: IO[bytes] | None = None, **extra: str
) -> nurseries.Started | subprocess.Popen[str]:
    """Start Python `source` (dedented) in `cwd` and return at once.

    It writes into the file `output`; without one, what it prints is read from its `stdout`.
    """
    words = ("-c", textwrap.dedent(source), *arguments)
    return nurseries.start(words, cwd, environment(**extra), output)


def run_python(
    cwd: Path, *words: str, is_bare: bool = False, **extra: str
) -> subprocess.CompletedProcess[str]:
    """Run `python WORDS` in `cwd`, `extra` being variables of its environment.

    A bare process reads onetake and the clients from their files, for a program that changes something
    which they look at only while they are imported.
    """
    try:
        if nurseries.can_run(words, extra):
            done = nurseries.run(words, cwd, environment(**extra), is_bare=is_bare)
        else:
            done = subprocess.run(
                [sys.executable, *words],
                cwd=cwd,
                env=environment(**extra),
                capture_output=True,
                text=True,
                timeout=180,
                check=False,
            )
    except subprocess.TimeoutExpired as error:
        said = [_to_text(stream) for stream in (error.stdout, error.stderr)]
        ended.append(subprocess.CompletedProcess(error.cmd, -signal.SIGKILL, *said))
        raise
    ended.append(done)
    return done


def _to_text(stream: bytes | str | None) -> str:
    """What a program that took too long had said: bytes, although text was asked for."""
    return stream.decode(errors="replace") if isinstance(stream, bytes) else stream or ""


def result(done: subprocess.CompletedProcess[str]) -> Any:
    """The JSON in the last line that a program printed."""
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])

"""A process that has loaded what every program loads and forks one for each program it is told to run.

What onetake replaces, and onetake itself, are not loaded in it: a program imports them in its own order.
What the forked process does is all its own: arguments, environment, directory, output and end.

It is told of a program by one byte and three descriptors (output, errors, a socket for the rest).
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import select
import socket
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

_OF_PROGRAMS = (
    "asyncio ssl json uuid hashlib decimal fractions statistics sqlite3 difflib tomllib tempfile shutil "
    "email.message email.parser email.utils email.generator logging.handlers mimetypes zipfile csv "
    "msgspec msgspec.json msgspec.msgpack click anyio anyio._backends._asyncio certifi idna h11 "
    "charset_normalizer multidict yarl frozenlist propcache attr aiosignal aiohappyeyeballs "
    "pygments brotli "
    "trio h2.connection jmespath dateutil.parser pydantic redis redis.cluster obstore"
)
_OF_SUITES = "pytest _pytest.config _pytest.main _pytest.terminal _pytest.python _pytest.fixtures "
_NEVER = {
    "onetake",
    "vcr",
    "httpx",
    "httpx2",
    "httpcore",
    "httpcore2",
    "requests",
    "urllib3",
    "aiohttp",
}
_NEVER |= {"botocore", "boto3", "openai", "anthropic", "http.client", "websockets"}


class _Job(NamedTuple):
    words: list[str]
    cwd: str
    environment: dict[str, str]


def _load(kind: str) -> None:
    names = _OF_PROGRAMS + (" " + _OF_SUITES if kind == "suites" else "")
    with warnings.catch_warnings(action="ignore"):
        for name in names.split():
            importlib.import_module(name)
    loaded = _NEVER & sys.modules.keys()
    assert not loaded, f"A program must find these not yet imported: {sorted(loaded)}"
    assert len(os.listdir("/proc/self/task")) == 1, "A process with threads cannot be forked"


def _serve(orders: socket.socket) -> _Job:
    """Fork for each order and tell how each ended; returns in the forked processes alone."""
    ends: dict[int, tuple[int, socket.socket]] = {}
    poll = select.poll()
    poll.register(orders, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor != orders.fileno():
                pid, told = ends.pop(descriptor)
                poll.unregister(descriptor)
                os.close(descriptor)
                _, status = os.waitpid(pid, 0)
                with told, suppress(OSError):  # who asked may have given up
                    told.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
                continue
            order, descriptors, *_ = socket.recv_fds(orders, 1, 3)
            if not order:
                os._exit(0)
            told = socket.socket(fileno=descriptors[2])
            pid = os.fork()
            if pid == 0:
                orders.close()
                for watched, (_, other) in ends.items():
                    os.close(watched)
                    other.close()
                return _become(descriptors[0], descriptors[1], told)
            for one in descriptors[:2]:
                os.close(one)
            told.sendall(f"{pid}\n".encode())
            watched = os.pidfd_open(pid)
            ends[watched] = pid, told
            poll.register(watched, select.POLLIN)


def _become(output: int, errors: int, told: socket.socket) -> _Job:
    for descriptor, standard in ((output, 1), (errors, 2)):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    with told, told.makefile("rb") as stream:
        job = _Job(*json.load(stream))
    os.chdir(job.cwd)
    os.environ.clear()
    os.environ.update(job.environment)
    return job


def _run(job: _Job) -> None:
    sys.orig_argv = [sys.executable, *job.words]
    option, what, *arguments = job.words
    sys.path_importer_cache.clear()
    if option == "-m":
        sys.argv, sys.path[0] = [what, *arguments], job.cwd
        runpy.run_module(what, run_name="__main__", alter_sys=True)
        return
    sys.argv, sys.path[0] = [option, *arguments], ""
    main = ModuleType("__main__")
    names: dict[str, Any] = main.__dict__
    names["__builtins__"] = __builtins__
    sys.modules["__main__"] = main
    exec(compile(what, "<string>", "exec", dont_inherit=True), names)


if __name__ == "__main__":
    assert Path(sys.path[0]) == Path(__file__).parent
    _load(sys.argv[1])
    _run(_serve(socket.socket(fileno=int(sys.argv[2]))))

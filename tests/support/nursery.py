"""A process that has loaded what every program loads and forks one for each program it is told to run.

What onetake replaces, and onetake itself, lie on a shelf in it: a program imports them in its own order,
and only their files are not read again. What the forked process does is all its own: arguments, environment,
directory, output and end.

`forks` says how it is told of a program.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import importlib.util
import json
import os
import runpy
import select
import signal
import socket
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import endings  # beside this file, which is run as a program; so with the next two
from forks import Fork
from shelved import Shelf

_OF_PROGRAMS = (
    "asyncio ssl json uuid hashlib decimal fractions statistics sqlite3 difflib tomllib tempfile shutil "
    "email.message email.parser email.utils email.generator logging.handlers mimetypes zipfile csv "
    "msgspec msgspec.json msgspec.msgpack click anyio anyio._backends._asyncio certifi idna h11 "
    "charset_normalizer multidict yarl frozenlist propcache attr aiosignal aiohappyeyeballs "
    "pygments brotli "
    "trio h2.connection jmespath dateutil.parser pydantic redis redis.cluster obstore"
)
_OF_SUITES = "pytest pdb readline faulthandler"
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
_SHELVED = (
    "http.client httpcore httpcore2 httpx httpx2 requests aiohttp boto3 websockets pytest_recording "
    "genai_prices genai_prices.data genai_prices.data_units genai_prices.decompose "
    "genai_prices.validation yaml yaml12"
)
_PACKAGES = ("onetake", "vcr")
"""Of these all modules are shelved."""
_SHELVED_FOR_SUITES = (
    "xdist xdist.newhooks xdist.remote xdist.workermanage xdist.dsession xdist.looponfail "
    "pytest_asyncio"
)
_SHELVED_FOR_SDKS = "openai anthropic"


class _Job(NamedTuple):
    words: list[str]
    cwd: str
    environment: dict[str, str]


def _load(kind: str) -> None:
    modules: dict[str, ModuleType] = {}
    atexit.register(endings.forget, modules)  # the first one, which is called last
    with warnings.catch_warnings(action="ignore"):
        for name in _to_load(kind):
            importlib.import_module(name)
    loaded = _NEVER & sys.modules.keys()
    assert not loaded, f"A program must find these not yet imported: {sorted(loaded)}"
    shelf = Shelf()
    with warnings.catch_warnings(action="ignore"):
        shelf.put_aside(_to_shelve(kind))
        _compile_patterns(shelf)
    sys.meta_path.insert(0, shelf)
    if kind == "suites":
        _keep_from_rewriting(shelf)
    assert len(os.listdir("/proc/self/task")) == 1, "A process with threads cannot be forked"
    if kind != "bare":  # whose programs see what refers to what, as hypothesis wants to
        modules |= sys.modules
        kept: list[Any] = [modules, shelf]
        kept.append(kept)  # a circle that is frozen, so that nothing clears it
        gc.collect()
        gc.freeze()


def _to_load(kind: str) -> Iterator[str]:
    yield from _OF_PROGRAMS.split()
    if kind == "suites":
        yield from _OF_SUITES.split()
        from _pytest.config import default_plugins

        yield from (f"_pytest.{name}" for name in default_plugins)


def _compile_patterns(modules: Iterable[ModuleType]) -> None:
    """Have `re` know the expressions that onetake makes when it first uses them: 20 ms a program."""
    for module in modules:
        for value in vars(module).values() if module.__name__.startswith("onetake.") else ():
            make = getattr(
                value, "_make" if type(value).__name__ == "_Late" else "__wrapped__", None
            )
            is_late = getattr(make, "__qualname__", "").startswith("late_pattern.")
            if is_late or "Pattern" in str(getattr(make, "__annotations__", {}).get("return")):
                with suppress(TypeError):  # it has arguments, so that it makes more than one
                    make()


def _to_shelve(kind: str) -> list[str]:
    if kind == "bare":
        return []
    more = {"suites": _SHELVED_FOR_SUITES, "sdks": _SHELVED_FOR_SDKS}.get(kind, "")
    return [*_modules_of_packages(), *_SHELVED.split(), *more.split()]


def _modules_of_packages() -> Iterator[str]:
    for package in _PACKAGES:
        (folder,) = importlib.util.find_spec(package).submodule_search_locations
        for path in sorted(Path(folder).rglob("*.py")):
            words = path.relative_to(Path(folder).parent).with_suffix("").parts
            if words[-1] != "__main__":
                yield ".".join(words).removesuffix(".__init__")


def _keep_from_rewriting(shelf: Shelf) -> None:
    """pytest's finder stands before all others, and would load plugins from their files."""
    from _pytest.assertion import rewrite

    finder = rewrite.AssertionRewritingHook
    find = finder.find_spec
    finder.find_spec = lambda self, name, *more: None if name in shelf else find(self, name, *more)


def _serve(orders: socket.socket) -> _Job:
    """Fork for each order and tell how each ended; returns in the forked processes alone."""
    ends: dict[int, tuple[int, socket.socket]] = {}
    poll = select.poll()
    poll.register(orders, select.POLLIN)
    poll.register(0, select.POLLHUP)  # whoever has started this process holds the other end
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == 0:
                os._exit(0)
            if descriptor != orders.fileno():
                pid, told = ends.pop(descriptor)
                poll.unregister(descriptor)
                os.close(descriptor)
                _, status = os.waitpid(pid, 0)
                with told, suppress(OSError):  # who asked may have given up
                    told.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
                continue
            told, _ = orders.accept()
            order, streams, *_ = socket.recv_fds(told, 1, 3)
            if not order:
                told.close()
                continue
            pid = os.fork()
            if pid == 0:
                orders.close()
                for watched, (_, other) in ends.items():
                    os.close(watched)
                    other.close()
                return _become(streams, told)
            for stream in streams:
                os.close(stream)
            with suppress(OSError):
                told.sendall(f"{pid}\n".encode())
            watched = os.pidfd_open(pid)
            ends[watched] = pid, told
            poll.register(watched, select.POLLIN)


def _become(streams: list[int], told: socket.socket) -> _Job:
    for standard, descriptor in enumerate(streams):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    with told, told.makefile("rb") as stream:
        job = _Job(*json.load(stream))
    os.chdir(job.cwd)
    os.environ.clear()
    os.environ.update(job.environment)
    # A shell lets its background jobs ignore interrupts; a program of a test is to be interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return job


def _start_workers_here(address: str) -> None:
    """Let the workers of pytest-xdist be forks, as the process that starts them is."""
    from execnet import gateway_io

    class Io(gateway_io.Popen2IOMaster):
        def __init__(self, args: list[str], execmodel: Any) -> None:
            read, written = os.pipe()
            answered, answers = os.pipe()
            words = args[args.index("-c") :]
            streams = [read, answers, 2]
            self.popen = Fork(address, words, Path.cwd(), os.environ, streams)
            os.close(read)
            os.close(answers)
            pipes = open(written, "wb"), open(answered, "rb")  # noqa: SIM115 - execnet closes them
            gateway_io.Popen2IO.__init__(self, *pipes, execmodel=execmodel)

    gateway_io.Popen2IOMaster = Io  # type: ignore[misc]


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
    kind, descriptor = sys.argv[1:]
    listening = socket.socket(fileno=int(descriptor))  # open until the end, which says why
    _load(kind)
    address = listening.getsockname()
    job = _serve(listening)
    if {"xdist", "xdist.plugin"}.intersection(job.words):
        _start_workers_here(address)
    with endings.short():
        _run(job)

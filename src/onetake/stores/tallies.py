"""Where the tallies of runs are kept: one line for a process that ran tests, or a program, at its end.

In a store of other machines beside its cassettes, under a name that is none of a cassette, so that all
machines see the runs of all; else in the project's `.onetake/tallies/`, a file for each run. They are
statistics: trouble with them is never a test's, and what a killed process would have told is lost.
"""

from __future__ import annotations

import atexit
import os
import time
from contextlib import suppress
from pathlib import Path
from threading import Lock

import msgspec

from onetake.cassettes.tallies import RunTally, Tally, added, by_run
from onetake.config import without_secrets
from onetake.errors import OnetakeError
from onetake.formats.packing import pack, unpack
from onetake.stores.journal import ensure_cache
from onetake.stores.port import RUNS
from onetake.stores.runs import newest_first
from onetake.stores.usage import is_near

_KEPT = 50  # runs, in `.onetake/`
_FOLDER = "tallies"

_lines = msgspec.json.Decoder(RunTally)


def remember(line: RunTally, url: str, root: Path) -> None:
    """Keep what a run with the store `url` came to. Never raises."""
    with suppress(OSError, OnetakeError):
        if is_near(url):
            _append(msgspec.structs.replace(line, store=without_secrets(url)), root / ".onetake")
            return
        from onetake.stores.opening import open_store

        packed = pack(msgspec.json.encode(msgspec.structs.replace(line, store="")))
        open_store(url, root).add_histories({RUNS: packed})


def recall(url: str, root: Path) -> list[RunTally]:
    """The last runs with the store `url`, oldest first; what cannot be read is left out.

    Raises `StoreError` where the store does not answer, `UsageError` as `open_store` does.
    """
    if is_near(url):
        wanted = without_secrets(url)
        return by_run(line for line in _kept(root / ".onetake") if line.store == wanted)
    from onetake.stores.layered import LayeredStore
    from onetake.stores.opening import open_store

    store = open_store(url, root)
    remote = store.remote if isinstance(store, LayeredStore) else store
    found: list[RunTally] = []
    for packed in remote.history(RUNS):
        with suppress(msgspec.MsgspecError, ValueError, OnetakeError):
            found.append(_lines.decode(unpack(packed)))
    return by_run(found)


def is_in_use(url: str, root: Path) -> bool:
    """Whether the project has used onetake before, or shares a store."""
    return not is_near(url) or (root / ".onetake").is_dir()


def _append(line: RunTally, cache: Path) -> None:
    """Raises OSError."""
    ensure_cache(cache)
    path = cache / _FOLDER / f"{line.run}.jsonl"
    is_new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(fd, msgspec.json.encode(line) + b"\n")
    finally:
        os.close(fd)
    if is_new:
        for old in newest_first(path.parent)[_KEPT:]:
            old.unlink(missing_ok=True)


def _kept(cache: Path) -> list[RunTally]:
    found: list[RunTally] = []
    for path in newest_first(cache / _FOLDER):
        with suppress(OSError):
            for line in path.read_bytes().split(b"\n"):
                with suppress(msgspec.MsgspecError, ValueError):
                    found.append(_lines.decode(line))
    return found


class _Waiting:
    """What the programs of one process came to, by store, project and run."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.lock = Lock()
        self.tests: dict[tuple[str, Path, str], dict[str, Tally]] = {}


_waiting = _Waiting()


def add(cassette: str, tally: Tally, url: str, root: Path, run: str) -> None:
    """Remember it when this process ends. A forked child tells its own."""
    global _waiting
    if _waiting.pid != os.getpid():
        _waiting = _Waiting()
    with _waiting.lock:
        if not _waiting.tests:
            atexit.register(send)
        tests = _waiting.tests.get((url, root, run), {})
        _waiting.tests[url, root, run] = added(tests, {cassette: tally})


def send() -> None:
    """Keep now what waits in this process. Never raises."""
    atexit.unregister(send)
    own = _waiting
    if own.pid != os.getpid():
        return
    with own.lock:
        waiting, own.tests = own.tests, {}
    for (url, root, run), tests in waiting.items():
        remember(RunTally(run=run, at=int(time.time()), tests=tests), url, root)

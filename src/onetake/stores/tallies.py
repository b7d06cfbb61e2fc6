"""Where the tallies of runs are kept: one line for a process that ran tests, or a program, at its end.

In a store of other machines beside its cassettes, under a name that is none of a cassette, so that all
machines see the runs of all; else in the project's `.onetake/tallies/`, a file for each run. They are
statistics: trouble with them is never a test's, and what a killed process would have told is lost.
"""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from onetake.cassettes.tallies import RunTally, Tally, added, by_run
from onetake.config import without_secrets
from onetake.errors import OnetakeError
from onetake.formats.packing import pack, unpack
from onetake.runtime.secrets import safe_bytes
from onetake.spend import Price, Spent, price_of
from onetake.stores.journal import ensure_cache
from onetake.stores.port import RUNS
from onetake.stores.prices import remembered
from onetake.stores.runs import newest_first
from onetake.stores.usage import is_near

_KEPT = 50  # runs, in `.onetake/`
_FOLDER = "tallies"
_WAITING = 1000  # answers of a program that have no price yet

_lines = msgspec.json.Decoder(RunTally)


def remember(line: RunTally, url: str, root: Path) -> None:
    """Keep what a run with the store `url` came to. Never raises."""
    with suppress(OSError, OnetakeError):
        if is_near(url):
            _append(replace(line, store=without_secrets(url)), root / ".onetake")
            return
        from onetake.stores.opening import open_store

        packed = pack(msgspec.json.encode(replace(line, store="")))
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
        os.write(fd, safe_bytes(msgspec.json.encode(line)) + b"\n")
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


class Place(Struct, frozen=True):
    """Which run it was, with which store and prices, in which project."""

    url: str
    root: Path
    run: str
    prices: Mapping[str, Price] = {}

    @property
    def key(self) -> tuple[str, Path, str]:
        return self.url, self.root, self.run


class _Told(Struct):
    """What one run of programs came to so far; answers that have no price yet, by cassette."""

    place: Place
    tests: dict[str, Tally]
    unpriced: list[tuple[str, Spent]]

    def price(self) -> None:
        """Late, and all at once: the table of prices brings modules with it."""
        with remembered(self.place.root / ".onetake"):
            for cassette, one in self.unpriced:
                self.tests[cassette] += _tally_of(one, self.place.prices)
        self.unpriced.clear()


def _tally_of(one: Spent, prices: Mapping[str, Price]) -> Tally:
    dollars = None if one.usage is None else price_of(one.usage, table=prices)
    is_saved, is_unknown = one.outcome == "replayed", dollars is None
    return Tally(
        paid=0.0 if is_saved else dollars or 0.0,
        saved=(dollars or 0.0) if is_saved else 0.0,
        unpriced=int(is_unknown and not is_saved),
        unpriced_saved=int(is_unknown and is_saved),
    )


class _Waiting:
    """What the programs of one process came to."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.lock = Lock()
        self.told: dict[tuple[str, Path, str], _Told] = {}


_waiting = _Waiting()


def add(cassette: str, tally: Tally, spent: Iterable[Spent], place: Place) -> None:
    """Remember it, with what was `spent`, when this process ends. A forked child tells its own."""
    global _waiting
    if _waiting.pid != os.getpid():
        _waiting = _Waiting()
    with _waiting.lock:
        if not _waiting.told:
            atexit.register(send)
        told = _waiting.told.setdefault(place.key, _Told(place, {}, []))
        told.tests = added(told.tests, {cassette: tally})
        told.unpriced += [(cassette, one) for one in spent]
        if len(told.unpriced) > _WAITING:
            told.price()


def send() -> None:
    """Keep now what waits in this process. Never raises."""
    atexit.unregister(send)
    own = _waiting
    if own.pid != os.getpid():
        return
    with own.lock:
        waiting, own.told = own.told, {}
    for told in waiting.values():
        told.price()
        place = told.place
        line = RunTally(run=place.run, at=round(time.time(), 3), tests=told.tests)
        remember(line, place.url, place.root)

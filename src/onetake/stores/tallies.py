"""Where the tallies of runs are kept: one line for a process that ran tests, or a program, at its end.

In a store of other machines beside its cassettes, under a name that is none of a cassette, so that all
machines see the runs of all; else in the project's `.onetake/tallies/`, a file for each run. They are
statistics: trouble with them is never a test's, and what a killed process would have told is lost.
"""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from onetake.cassettes.tallies import RunTally, Tally, added, by_run
from onetake.config import Settings, without_secrets
from onetake.errors import OnetakeError
from onetake.runtime.secrets import safe_bytes
from onetake.spend import Price, Spent
from onetake.stores import run_files
from onetake.stores.private import ensure_private, read_private
from onetake.stores.processes import OfProcess
from onetake.stores.usage import is_near
from onetake.wire.late import late_decoder

_KEPT = 50  # runs, in `.onetake/`
_FOLDER = "tallies"
_MOST_UNREAD = 64  # openings of a program whose answers wait to be read
_MOST_UNREAD_BYTES = 16 << 20  # of their cassettes
_MOST_SPENT = 1000  # answers of a program; of more the price stays unknown

_lines = late_decoder(RunTally)


def remember(line: RunTally, url: str, root: Path, encrypt: str = "") -> None:
    """Keep what a run with the store `url` came to. Never raises."""
    with suppress(OSError, OnetakeError, ValueError):
        if is_near(url):
            _append(replace(line, store=without_secrets(url)), root / ".onetake")
            return
        from onetake.stores import history
        from onetake.stores.opening import open_store

        told = msgspec.json.encode(replace(line, store=""))
        history.write(open_store(url, root, encrypt), {history.RUNS: safe_bytes(told)})


def recall(settings: Settings, root: Path) -> list[RunTally]:
    """The last runs with the store of `settings`, oldest first; what cannot be read is left out.

    What programs have left without a price has that of today.
    Raises `StoreError` where the store does not answer, `UsageError` as `open_store` does.
    """
    url = settings.store
    if is_near(url):
        wanted = without_secrets(url)
        lines = [line for line in _kept(root / ".onetake") if line.store == wanted]
        return by_run(_priced(lines, settings.prices, root))
    from onetake.stores import history
    from onetake.stores.opening import open_store
    from onetake.stores.rows.encrypted import Layers

    store = open_store(url, root, settings.encrypt)
    remote = store.remote if isinstance(store, Layers) else store
    found = run_files.readable(history.read(remote, history.RUNS), _lines.decode)
    return by_run(_priced(found, settings.prices, root))


def _priced(
    lines: Iterable[RunTally], prices: Mapping[str, Price], root: Path
) -> Iterator[RunTally]:
    from onetake.stores.prices import remembered

    with remembered(root / ".onetake"):
        for line in lines:
            tests = line.tests
            for cassette, one in line.spent:
                tests = added(tests, {cassette: _tally_of(one, prices)})
            yield replace(line, tests=tests, spent=())


def is_in_use(url: str, root: Path) -> bool:
    """Whether the project has used onetake before, or shares a store."""
    return not is_near(url) or (root / ".onetake").is_dir()


def _append(line: RunTally, cache: Path) -> None:
    """Raises OSError."""
    path = cache / _FOLDER / f"{line.run}.jsonl"
    is_new = not path.exists()
    ensure_private(path.parent, cache)
    run_files.append_private(path, safe_bytes(msgspec.json.encode(line)) + b"\n", os.O_CREAT)
    if is_new:
        run_files.forget_older(path.parent, _KEPT)


def _kept(cache: Path) -> list[RunTally]:
    found: list[RunTally] = []
    for path in run_files.newest_first(cache / _FOLDER):
        with suppress(OSError):
            found += run_files.readable(read_private(path).split(b"\n"), _lines.decode)
    return found


class Place(Struct, frozen=True):
    """Which run it was, with which store, in which project."""

    url: str
    root: Path
    run: str
    encrypt: str = ""

    @property
    def key(self) -> tuple[str, Path, str, str]:
        return self.url, self.root, self.run, self.encrypt


class _Told(Struct):
    """What one run of programs came to so far, and what was spent, by cassette."""

    place: Place
    tests: dict[str, Tally]
    spent: list[tuple[str, Spent]]
    unread: list[tuple[str, Callable[[], Iterable[Spent]]]]
    unread_bytes: int = 0

    def read(self) -> None:
        """Read the answers that have waited; of more than `_MOST_SPENT` the price stays unknown."""
        for cassette, spent in self.unread:
            for one in spent():
                if len(self.spent) < _MOST_SPENT:
                    self.spent.append((cassette, one))
                else:
                    rest = _tally_of(replace(one, usage=None), {})
                    self.tests = added(self.tests, {cassette: rest})
        self.unread.clear()
        self.unread_bytes = 0


def _tally_of(one: Spent, prices: Mapping[str, Price]) -> Tally:
    from onetake.spend import price_of

    dollars = None if one.usage is None else price_of(one.usage, table=prices)
    is_saved, is_unknown = one.outcome == "replayed", dollars is None
    return Tally(
        paid=0.0 if is_saved else (dollars or 0.0) * one.calls,
        saved=(dollars or 0.0) * one.calls if is_saved else 0.0,
        unpriced=one.calls if is_unknown and not is_saved else 0,
        unpriced_saved=one.calls if is_unknown and is_saved else 0,
    )


class _Waiting:
    """What the programs of one process came to."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.told: dict[tuple[str, Path, str, str], _Told] = {}


_waiting = OfProcess(_Waiting)


def add(
    cassette: str,
    tally: Tally,
    spent: Callable[[], Iterable[Spent]],
    place: Place,
    *,
    size: int = 0,
) -> None:
    """Remember what an opening came to, when this process ends. A forked child tells its own.

    `spent` reads answers, which takes long and waits for the end of the process too, unless what waits would
    hold too much: a cassette of `size` bytes stays in memory until then.
    """
    own = _waiting.get()
    with own.lock:
        if not own.told:
            atexit.register(send)
        told = own.told.setdefault(place.key, _Told(place, {}, [], []))
        told.tests = added(told.tests, {cassette: tally})
        told.unread.append((cassette, spent))
        told.unread_bytes += size
        if len(told.unread) > _MOST_UNREAD or told.unread_bytes > _MOST_UNREAD_BYTES:
            told.read()


def send() -> None:
    """Keep now what waits in this process. Never raises."""
    atexit.unregister(send)
    own = _waiting.get()
    with own.lock:
        waiting, own.told = own.told, {}
    for told in waiting.values():
        told.read()
        place = told.place
        line = RunTally(
            run=place.run,
            at=round(time.time(), 3),
            tests=told.tests,
            spent=tuple(told.spent),
        )
        remember(line, place.url, place.root, place.encrypt)

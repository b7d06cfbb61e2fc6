"""Section 7: a cassette in a shared store: opening it, adding one recording, and how small it lies there.

An opening is what a test waits for: from the store's answer to entries and keys. It is measured on a new
machine, whose cache is empty, on one that has opened the cassette before, and on one whose copy is out of
date. The server's round trip is measured beside it, call by call.
"""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from bench.chats import ANSWER, PROMPT, chat, streamed, takes_of, unalike
from bench.measure import timed
from onetake.messages import Interaction

OPEN_BUDGET_MS = 3.0  # above the round trip
SIZE_BUDGET = 0.35  # of the plain size
STORES = ("redis", "sqlite", "file")
BUDGETED = ("redis", "sqlite")  # an object store's opening is a list and as many gets as folds

_CASSETTE = "test_chats/test_all"


def work(store: str, size: int, rounds: int) -> dict[str, Any]:
    """Best and median milliseconds, and the packed size as a part of the plain. Runs in a worker."""
    with tempfile.TemporaryDirectory(prefix="onetake-bench-") as folder:
        if store != "redis":
            made = "sqlite:store.sqlite" if store == "sqlite" else f"file://{folder}/objects"
            return _measured(made, Path(folder), size, rounds, lambda: None)
        with redis_server() as (url, client):
            return _measured(url, Path(folder), size, rounds, client.ping)


@contextmanager
def redis_server() -> Iterator[tuple[str, Any]]:
    """The URL of a real Valkey of our own, and a client of it."""
    from tests.support.valkey import Valkey

    with Valkey() as server, closing(server.client()) as client:
        yield server.url, client


def _measured(
    url: str, folder: Path, size: int, rounds: int, ping: Callable[[], object]
) -> dict[str, Any]:
    from onetake.cassettes.fold import Take
    from onetake.formats.document import encode_entry
    from onetake.matching import Matcher
    from onetake.stores.opening import open_store
    from onetake.stores.shared import SharedCassette

    matcher = Matcher()

    def machine(name: str, cassette: str = _CASSETTE) -> SharedCassette:
        """The cassette as a machine of that name sees it."""
        root = folder if url.startswith("sqlite:") else folder / name
        root.mkdir(exist_ok=True)
        return SharedCassette(open_store(url, root), cassette, fingerprint=matcher.fingerprint)

    def load(one: SharedCassette) -> None:
        one.load(matcher.key, matcher.fingerprint)

    def add(one: SharedCassette, *takes: Take) -> None:
        one.publish(takes, matcher.key, replacing_run=None)

    def call(n: int, texts: tuple[str, str] = (PROMPT, ANSWER)) -> Interaction:
        return (chat if n % 2 else streamed)(n, texts)

    takes = takes_of((call(n) for n in range(size)), matcher.key)
    writer = machine("writer")
    add(writer, *takes)
    add(machine("writer", "other"), *takes[:2])
    others = takes_of((call(n, unalike(n)) for n in range(size)), matcher.key)
    add(machine("writer", "unalike"), *others)

    def ratio(cassette: str, takes: list[Take]) -> float:
        kept = open_store(url, folder).read(cassette).rows
        packed = sum(len(row.slot) + len(row.data) for row in kept)
        return packed / sum(len(encode_entry(one.interaction, {})) for one in takes)

    found = {"ratio": ratio(_CASSETTE, takes), "ratio_unalike": ratio("unalike", others)}

    times: dict[str, list[float]] = {}

    def measure(what: str, step: Callable[[], object]) -> None:
        gc.collect()
        gc.freeze()
        times.setdefault(what, []).append(timed(step))
        gc.unfreeze()

    for turn in range(rounds):
        new = machine(f"new-{turn}")
        load(machine(f"new-{turn}", "other"))  # connections and files are opened here
        measure("ping", ping)
        measure("first", lambda new=new: load(new))
        measure("later", lambda new=new: load(new))
        (one,) = takes_of([call(turn, unalike(size + turn))], matcher.key)
        measure("append", lambda one=one: add(writer, one))
        measure("changed", lambda new=new: load(new))
        load(writer)
    return {
        "best_ms": {what: min(some) for what, some in times.items()},
        "median_ms": {what: median(some) for what, some in times.items()},
        **found,
    }

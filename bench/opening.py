"""Section 2: opening a cassette for replay, and closing it after all of its recordings were replayed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from bench import tools
from bench.clients import calling
from bench.measure import gc_held, timed
from bench.workload import Workload

FIRST_BUDGET_MS = 30.0
LATER_BUDGET_MS = 12.0
CLOSING_BUDGET_MS = 1.0
BUDGET_SIZE = 2000


def work(tool: str, path: str, rounds: int, warm: str, size: int, body: int) -> dict[str, Any]:
    """Milliseconds of the best first and the best later opening, and of closing. Runs in a worker.

    onetake's first opening stands apart: it is that of a fresh checkout. The keys of the recordings, which
    the first request out of order needs, are computed there, and leave an index for later openings.
    """
    cassette = Path(path)
    index = cassette.parent / ".onetake"
    _open(tool, Path(warm))  # imports and patches are paid here
    first: list[float] = []
    later: list[float] = []
    first_keys: list[float] = []
    later_keys: list[float] = []
    for _ in range(rounds):
        if tool == "onetake":
            shutil.rmtree(index, ignore_errors=True)
            first.append(_open(tool, cassette))
            first_keys.append(_keys(cassette))
            later_keys.append(_keys(cassette))
        later.append(_open(tool, cassette))
    result: dict[str, Any] = {"first_ms": min(first or later), "later_ms": min(later)}
    if tool == "onetake":
        result |= {"first_keys_ms": min(first_keys), "later_keys_ms": min(later_keys)}
        result["closing_ms"] = min(_closing(cassette, size, body) for _ in range(min(rounds, 3)))
    return result


def _open(tool: str, path: Path) -> float:
    scope = tools.opening(tool, path)
    with gc_held():
        ms = timed(scope.__enter__)
    scope.__exit__(None, None, None)
    return ms


def _keys(path: Path) -> float:
    """Find out the keys of an opened cassette."""
    with tools.opening("onetake", path) as cassette, gc_held():
        return timed(lambda: cassette.opening.answers.sequence.finder.holds(b""))


def _closing(path: Path, size: int, body: int) -> float:
    scope = tools.opening("onetake", path)
    scope.__enter__()
    with calling("httpx2", Workload(body)) as calls:
        calls(range(size))
    with gc_held():
        return timed(lambda: scope.__exit__(None, None, None))

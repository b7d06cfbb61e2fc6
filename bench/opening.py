"""Section 2: opening a cassette for replay; onetake's first opening apart, as it leaves an index."""

from __future__ import annotations

import gc
import shutil
from pathlib import Path
from typing import Any

from bench import tools
from bench.measure import timed

BUDGET_MS = 25.0
BUDGET_SIZE = 2000


def work(tool: str, path: str, rounds: int, warm: str) -> dict[str, Any]:
    """Milliseconds of the best first and the best later opening. Runs in a worker.

    Collections are allowed while it opens (an opening makes many objects), of what it makes only.
    """
    cassette = Path(path)
    index = cassette.parent / ".onetake"
    _open(tool, Path(warm))  # imports and patches are paid here
    first: list[float] = []
    later: list[float] = []
    for _ in range(rounds):
        if tool == "onetake":
            shutil.rmtree(index, ignore_errors=True)
            first.append(_open(tool, cassette))
        later.append(_open(tool, cassette))
    return {"first_ms": min(first or later), "later_ms": min(later)}


def _open(tool: str, path: Path) -> float:
    scope = tools.opening(tool, path)
    gc.collect()
    gc.freeze()
    ms = timed(scope.__enter__)
    scope.__exit__(None, None, None)
    gc.unfreeze()
    return ms

"""Section 10: opening a cassette of vcrpy for replay, 2,000 chats in 10 MB of YAML.

onetake reads it in place and through the module `vcr` of onetake-vcr; vcrpy has one way.
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from bench import tools
from bench.measure import timed

BUDGET_MS = 1_000.0
WAYS = ("onetake", "onetake-vcr", "vcrpy")
ONETAKE_VCR = Path(__file__).parents[1] / "packages" / "onetake-vcr" / "src"
SIZE, BODY = 2_000, 2_400  # recordings; bytes of a request, and of an answer


def work(way: str, path: str, warm: str, rounds: int) -> dict[str, Any]:
    """Return the milliseconds of the best opening. Runs in a worker."""
    cassette = Path(path)
    if way == "onetake-vcr":  # vcrpy is installed here, and has a module of the same name
        sys.path.insert(0, str(ONETAKE_VCR))
    os.chdir(cassette.parent)  # the project of the facade
    _open(way, Path(warm))  # imports and patches are paid here
    return {"ms": min(_open(way, cassette) for _ in range(rounds))}


def _open(way: str, path: Path) -> float:
    scope = _scope(way, path)
    gc.collect()
    gc.freeze()
    ms = timed(scope.__enter__)
    scope.__exit__(None, None, None)
    gc.unfreeze()
    return ms


def _scope(way: str, path: Path) -> AbstractContextManager[Any]:
    if way != "onetake-vcr":
        return tools.opening(way, path)
    from vcr import VCR

    maker = VCR(record_mode="none", match_on=("method", "uri", "body"))
    scope: AbstractContextManager[Any] = maker.use_cassette(str(path))
    return scope

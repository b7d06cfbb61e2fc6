"""Section 9: what the account of a replayed call costs, step by step.

While the call is made its entry is added; when its test has ended its answer is read for what it used; at the
end of the run that is priced. A worker of pytest-xdist writes a line of its diary besides.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from bench.chats import chat
from bench.measure import gc_held

BUDGET_US = 5.0
STEPS = ("while the call is made", "when its test has ended", "at the end of the run")


def work(calls: int, rounds: int) -> dict[str, Any]:
    """µs per call of each step, the median of the rounds. Runs in a worker."""
    from onetake.cassettes.sequence import Slot
    from onetake.recorder.ledger import Ledger, spent
    from onetake.spend import price_of
    from onetake.stores import diary

    answers = [chat(n) for n in range(calls)]
    slots = [Slot(n.to_bytes(16, "big"), 0) for n in range(calls)]
    times: dict[str, list[float]] = {step: [] for step in (*STEPS, "diary")}

    def add_all() -> Ledger:
        ledger = Ledger("tests/test_a.py::test_one")
        for answer, slot in zip(answers, slots, strict=True):
            ledger.add(answer.request, "httpx", "replayed", slot=slot, answer=answer)
        return ledger

    def timed(step: str, do: Callable[[], Any]) -> Any:
        with gc_held():
            start = time.perf_counter_ns()
            found = do()
            times[step].append((time.perf_counter_ns() - start) / 1000 / calls)
        return found

    for _ in range(rounds):
        ledger = timed(STEPS[0], add_all)
        used = timed(STEPS[1], lambda ledger=ledger: list(spent(ledger.calls)))
        timed(
            STEPS[2],
            lambda used=used: [price_of(one.usage) for one in used if one.usage is not None],
        )
    with tempfile.TemporaryDirectory(prefix="onetake-bench-") as folder:
        diary.begin(Path(folder), "run", "gw0", is_kept=True)
        for _ in range(rounds):
            timed("diary", add_all)
    found = {step: median(some[1:] or some) for step, some in times.items()}
    found["diary"] -= found[STEPS[0]]
    return found

"""Timing: rounds interleaved over the subjects, garbage collected between rounds and never within.

A cell is the best of its rounds' medians. A subject that has used up its budget of time is measured on
the calls that it managed; one that managed none is `> budget`.
"""

from __future__ import annotations

import gc
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent

# Makes the client for one round, inside the subject's scope, and runs the calls: ns of each.
Calls = Callable[[Sequence[int], float], list[int]]


@dataclass
class Subject:
    """One thing to measure. `opened` is entered for each round and gives what makes the calls."""

    name: str
    opened: Callable[[], AbstractContextManager[Calls]]
    skipped: str = ""


@dataclass
class Cell:
    """What came of a subject: µs per call, or why there is no figure."""

    us: float | None = None
    calls: int = 0
    note: str = ""
    rounds: list[float] = field(default_factory=list)


@contextmanager
def gc_held() -> Iterator[None]:
    """No collection inside; what was there before is collected first."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def measure(
    subjects: Sequence[Subject], *, size: int, calls: int, rounds: int, budget_s: float
) -> dict[str, Cell]:
    """Each round runs a fresh sample of `calls` out of `size` through every subject in turn."""
    cells = {subject.name: Cell(note=subject.skipped) for subject in subjects}
    spent = dict.fromkeys(cells, 0.0)
    sampler = random.Random(11)
    for _ in range(rounds):
        sample = sampler.sample(range(size), min(size, calls + 1))
        for subject in subjects:
            cell = cells[subject.name]
            if cell.note or spent[subject.name] >= budget_s:
                continue
            start = time.perf_counter()
            try:
                with subject.opened() as run:
                    run(sample[:1], float("inf"))  # warm: connections, caches, lazy imports
                    with gc_held():
                        deadline = start + budget_s - spent[subject.name]
                        times = run(sample[1:], deadline)
            except Exception as error:  # a peer that cannot do it is a result, not a failure
                cell.note = _first_line(error)
                continue
            spent[subject.name] += time.perf_counter() - start
            if times:
                cell.calls += len(times)
                cell.rounds.append(median(times) / 1000)
    for name, cell in cells.items():
        if cell.rounds:
            cell.us = min(cell.rounds)
        elif not cell.note:
            cell.note = f"> {spent[name]:.0f} s"
    return cells


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else ''}"[:90]


def timed(function: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    start = time.perf_counter_ns()
    function()
    return (time.perf_counter_ns() - start) / 1e6


class WorkerError(Exception):
    """A worker did not give a result; the text says why."""


def in_worker(section: str, spec: dict[str, Any], *, timeout_s: float) -> Any:
    """Run `bench.<section>.work(**spec)` in a process of its own; its result through JSON."""
    code = (
        "import json, sys; from importlib import import_module as load; "
        f"result = load('bench.{section}').work(**json.loads(sys.argv[1])); "
        "print('\\n' + json.dumps(result))"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, json.dumps(spec)],
            cwd=REPOSITORY,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise WorkerError(f"> {timeout_s:.0f} s") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit {done.returncode}"]
        raise WorkerError(lines[-1][:90])
    return json.loads(done.stdout.strip().splitlines()[-1])


def environment() -> dict[str, str]:
    """Ours, with the package `bench` importable and without settings of onetake or pytest."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ONETAKE_", "PYTEST_", "COVERAGE_")) and name != "CI"
    }
    paths = [str(REPOSITORY), kept.get("PYTHONPATH", "")]
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, paths))}

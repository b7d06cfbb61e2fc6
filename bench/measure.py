"""Timing: CPU time of whole batches, interleaved over the subjects, with the garbage collector frozen.

A cell is the cheapest of its batches. The load of other programs makes a batch dearer and never cheaper, so
the minimum is what is left of the subject alone.
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent

# Makes the calls of these numbers and returns the nanoseconds of CPU time that all of them took.
Calls = Callable[[Sequence[int]], int]


@dataclass
class Subject:
    """A thing to measure. `opened` is entered for each batch and gives what makes the calls."""

    name: str
    opened: Callable[[], AbstractContextManager[Calls]]
    skipped: str = ""


@dataclass
class Cell:
    """The figure of a subject: µs per call, or the reason why there is none."""

    us: float | None = None
    batches: int = 0
    note: str = ""


@contextmanager
def gc_held() -> Iterator[None]:
    """Hold the garbage collector; what is there before is collected and frozen first."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def measure(
    subjects: Sequence[Subject], *, size: int, calls: int, rounds: int, budget_s: float
) -> dict[str, Cell]:
    """Send a fresh sample of `calls` out of `size` through every subject in turn, `rounds` times.

    A subject that has used `budget_s` seconds is left out of further rounds.
    """
    cells = {subject.name: Cell(note=subject.skipped) for subject in subjects}
    spent = dict.fromkeys(cells, 0.0)
    sampler = random.Random(11)
    for _ in range(rounds):
        sample = sampler.sample(range(size), min(size, calls + 3))
        for subject in subjects:
            cell = cells[subject.name]
            if cell.note or spent[subject.name] >= budget_s:
                continue
            start = time.perf_counter()
            try:
                with subject.opened() as run:
                    run(sample[:3])  # warm: connections, caches, lazy imports
                    with gc_held():
                        us = run(sample[3:]) / 1000 / len(sample[3:])
            except Exception as error:  # a peer that cannot do it is a result, not a failure
                cell.note = _first_line(error)
                continue
            spent[subject.name] += time.perf_counter() - start
            cell.batches += 1
            cell.us = us if cell.us is None else min(cell.us, us)
    return cells


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else ''}"[:90]


def timed(function: Callable[[], object]) -> float:
    """Milliseconds of CPU time that one call of `function` takes."""
    start = time.process_time_ns()
    function()
    return (time.process_time_ns() - start) / 1e6


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

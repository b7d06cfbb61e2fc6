"""Section 1: a replayed call, against the floor, the client's own mock transport, and the peers.

One process for each client and size, in which the rounds of all subjects alternate.
"""

from __future__ import annotations

import cProfile
import pstats
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import tools
from bench.clients import calling
from bench.floors import floor, mock_transport
from bench.measure import Calls, Subject, gc_held, measure
from bench.workload import Workload

SUBJECTS = ("floor", "mock", *tools.TOOLS)
BUDGET = 1.25  # times the floor


def work(
    client: str,
    size: int,
    body: int,
    folder: str,
    calls: int,
    rounds: int,
    budget_s: float,
    slow: dict[str, float],
) -> dict[str, Any]:
    """The cells of one client at one size. Runs in a worker.

    `slow`: tools left out, with the seconds that a call took where there were fewer recordings.
    """
    workload = Workload(body)
    subjects = [
        Subject("floor", lambda: _floor(client, workload)),
        Subject(
            "mock",
            lambda: calling(
                client, workload, transport=mock_transport(client, workload), checked=False
            ),
            skipped="" if mock_transport(client, workload) else "has none",
        ),
    ]
    for tool in tools.TOOLS:
        path = Path(folder, tools.file_name(tool, size, body))
        skipped = tools.missing(tool)
        if tool in slow:
            skipped = f"> {slow[tool]:.2g} s"
        if not skipped and tool != "vcrpy" and not path.exists():
            skipped = "no cassette was made"
        subjects.append(Subject(tool, _opener(tool, client, size, workload, path), skipped=skipped))
    cells = measure(subjects, size=size, calls=calls, rounds=rounds, budget_s=budget_s)
    return {name: asdict(cell) for name, cell in cells.items()}


@contextmanager
def _floor(client: str, workload: Workload) -> Iterator[Calls]:
    with floor(client, workload), calling(client, workload, checked=False) as calls:
        yield calls


def _opener(tool: str, client: str, size: int, workload: Workload, path: Path) -> Any:
    def scope() -> AbstractContextManager[Any]:
        if tool == "vcrpy":
            return tools.vcrpy_in_memory(size, workload)
        return tools.opening(tool, path)

    @contextmanager
    def opened() -> Iterator[Calls]:
        # A client made inside: vcrpy replaces the connection classes of new pools.
        with scope(), calling(client, workload) as calls:
            yield calls

    return opened


def profile(folder: str, size: int, body: int, client: str = "httpx2") -> str:
    """Where onetake's replayed calls spend their time: two tables of 12 functions."""
    workload = Workload(body)
    path = Path(folder, tools.file_name("onetake", size, body))
    profiler = cProfile.Profile()
    with tools.opening("onetake", path), calling(client, workload) as calls:
        calls([0], float("inf"))
        with gc_held():
            profiler.enable()
            calls(range(1, size), float("inf"))
            profiler.disable()
    stats = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    package = tools.onetake_folder()
    ours = {place: row for place, row in stats.items() if place[0].startswith(package)}
    return "\n\n".join(
        (
            _top("All functions, by their own time", stats, 2, size - 1),
            _top("onetake's functions, by time with all that they call", ours, 3, size - 1),
            "The profiler makes small functions look dearer than they are.",
        )
    )


def _top(title: str, stats: dict[Any, Any], column: int, calls: int) -> str:
    """The first 12 by `column` of a profile's rows, in µs for each replayed call."""
    lines = [title, f"{'calls':>7}{'own µs':>10}{'total µs':>10}  function"]
    rows = sorted(stats.items(), key=lambda item: -item[1][column])[:12]
    for (file, line, name), (_, count, own, total, _) in rows:
        place = f"{'/'.join(Path(file).parts[-2:])}:{line}" if line else "built in"
        lines.append(
            f"{count / calls:>7.1f}{own / calls * 1e6:>10.1f}{total / calls * 1e6:>10.1f}"
            f"  {name[:60]} ({place})"
        )
    return "\n".join(lines)

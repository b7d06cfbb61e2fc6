"""Section 1: a replayed call, as a multiple of the client's own mock, and beside the peers.

Each case has a process of its own, in which the batches of all subjects alternate.
"""

from __future__ import annotations

import cProfile
import pstats
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import mocks, tools
from bench.clients import calling
from bench.measure import REPOSITORY, Calls, Subject, environment, gc_held, measure
from bench.workload import Workload

INSTRUCTIONS_BUDGET = 1.2
"""Times the instructions of the mock."""


@dataclass(frozen=True)
class Case:
    """Calls of `client` to a cassette of `recordings`; `budget` is how many times the mock it may cost."""

    name: str
    budget: float
    client: str = "httpx2"
    way: str = "sync"
    kind: str = "json"
    body: int = 700
    recordings: int = 200
    is_counted: bool = False  # in instructions too

    @property
    def workload(self) -> Workload:
        return Workload(self.body, self.kind)


CASES = (
    Case("httpx2, 20 recordings", 1.35, recordings=20),
    Case("httpx2, 2,000 recordings", 1.35, recordings=2_000, is_counted=True),
    Case("httpx2, 100,000 recordings", 1.35, recordings=100_000),
    Case("httpx2, 2 kB", 1.35, body=2_000),
    Case("httpx", 1.35, client="httpx", is_counted=True),
    Case("httpx2 async", 1.45, way="async", is_counted=True),
    Case("httpx2, 100 tasks", 1.45, way="tasks"),
    Case("httpx async", 1.45, client="httpx", way="async"),
    Case("20 kB", 1.7, body=20_000),
    Case("200 kB", 4.5, body=200_000, recordings=40),
    Case("gzip 20 kB", 3.0, kind="gzip", body=20_000),
    Case("gzip 200 kB", 2.5, kind="gzip", body=200_000, recordings=40),
    Case("SSE of 100 chunks", 1.75, kind="sse"),
    Case("requests", 1.4, client="requests", is_counted=True),
    Case("aiohttp", 1.7, client="aiohttp", is_counted=True),
)
BY_NAME = {case.name: case for case in CASES}


def file_tools(case: Case) -> list[str]:
    """The tools that read a cassette of this case from a file."""
    read = ["onetake"]
    if case.kind == "json" and case.way != "tasks" and case.recordings <= 2_000:
        read.append("cassetter")
    return [tool for tool in read if not tools.missing(tool)]


def _file(tool: str, case: Case) -> str:
    return tools.file_name(tool, case.recordings, case.body, case.kind)


def work(name: str, folder: str, calls: int, rounds: int, budget_s: float) -> dict[str, Any]:
    """The cells of the case `name`, by subject. Runs in a worker."""
    case = BY_NAME[name]
    workload = case.workload
    subjects = [Subject("mock", lambda: _mocked(case, workload))]
    if case.client in ("httpx", "httpx2") and case.kind == "json":
        subjects.append(Subject("streamed", lambda: _mocked(case, workload, is_read=False)))
    fake = {"httpx": mocks.respx_answers, "requests": mocks.responses_answers}.get(case.client)
    if fake is not None:
        subjects.append(_subject(fake.__name__.partition("_")[0], case, lambda: fake(workload)))
    for tool in file_tools(case):
        path = Path(folder, _file(tool, case))
        subjects.append(
            _subject(tool, case, lambda tool=tool, path=path: tools.opening(tool, path))
        )
    if case.recordings <= 200 and case.kind == "json":
        in_memory = _subject(
            "vcrpy", case, lambda: tools.vcrpy_in_memory(case.recordings, workload)
        )
        in_memory.skipped = tools.missing("vcrpy")
        subjects.append(in_memory)
    size = case.recordings
    cells = measure(subjects, size=size, calls=calls, rounds=rounds, budget_s=budget_s)
    return {subject: asdict(cell) for subject, cell in cells.items()}


@contextmanager
def _mocked(case: Case, workload: Workload, *, is_read: bool = True) -> Iterator[Calls]:
    transport = mocks.mock_transport(case.client, workload, is_read=is_read)
    around = mocks.canned_connections(case.client, workload) if transport is None else nullcontext()
    with around, calling(case.client, workload, way=case.way, transport=transport) as calls:

        def run(sample: Sequence[int]) -> int:
            for n in sample:
                workload.wire(n)  # the mock has its answers ready
            return calls(sample)

        yield run


def _subject(name: str, case: Case, scope: Any) -> Subject:
    @contextmanager
    def opened() -> Iterator[Calls]:
        # The client is made inside: vcrpy replaces the connection classes of new pools.
        with scope(), calling(case.client, case.workload, way=case.way) as calls:
            yield calls

    return Subject(name, opened)


def counted(case: Case, folder: Path) -> dict[str, float]:
    """Instructions per call of the mock and of onetake, in thousands, counted by valgrind.

    Two runs that differ in nothing but the number of calls are subtracted from each other.
    """
    # In recorded order, so that no run computes keys or reads an index of them.
    most = min(case.recordings - 1, 130)
    return {
        subject: (
            _instructions(case, subject, folder, most) - _instructions(case, subject, folder, 30)
        )
        / (most - 30)
        / 1000
        for subject in ("mock", "onetake")
    }


def has_valgrind() -> bool:
    return shutil.which("valgrind") is not None


def _instructions(case: Case, subject: str, folder: Path, calls: int) -> int:
    code = "import sys; from bench.replaying import run_once; run_once(*sys.argv[1:])"
    arguments = [case.name, subject, str(folder), str(calls)]
    done = subprocess.run(
        [
            *("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"),
            *(sys.executable, "-c", code, *arguments),
        ],
        cwd=REPOSITORY,
        env={**environment(), "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    line = next(line for line in done.stderr.splitlines() if "refs:" in line)
    return int(line.rpartition(":")[2].replace(",", ""))


def run_once(name: str, subject: str, folder: str, calls: str) -> None:
    """Make `calls` calls and nothing else; runs under valgrind."""
    case = BY_NAME[name]
    workload = case.workload
    path = Path(folder, _file("onetake", case))
    opener = _subject("onetake", case, lambda: tools.opening("onetake", path)).opened
    with _mocked(case, workload) if subject == "mock" else opener() as run, gc_held():
        run(range(int(calls)))


def profile(folder: Path, case: Case) -> str:
    """Describe where onetake's replayed calls spend their time: two tables of 12 functions."""
    size = case.recordings
    path = folder / _file("onetake", case)
    profiler = cProfile.Profile()
    with (
        tools.opening("onetake", path),
        calling(case.client, case.workload, way=case.way) as calls,
    ):
        calls([0])
        with gc_held():
            profiler.enable()
            calls(range(1, size))
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

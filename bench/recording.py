"""Section 3: what recording adds to a live call, to its first byte, and what closing costs per call."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from bench import server, tools
from bench.clients import calling
from bench.measure import Calls, Subject, measure, timed
from bench.workload import REQUEST_HEADERS, Workload

BUDGETS_MS = {
    "2 kB": (2_000, "json", 0.4, 0.25),
    "200 kB": (200_000, "json", 1.5, 0.8),
    "100 chunks": (700, "sse", 1.5, 0.8),
}
"""By what is answered: its size and kind, and what a call and its first byte may cost more."""


def work(
    client: str, body: int, kind: str, calls: int, rounds: int, budget_s: float
) -> dict[str, Any]:
    """Cells of `live` and of each tool, of first bytes too, and ms per call of closing. Runs in a worker."""
    workload = Workload(body, kind)
    closing: dict[str, float] = {}
    with server.running(body, kind) as url, tempfile.TemporaryDirectory(prefix="bench-") as folder:

        def made(is_whole: bool) -> Any:
            return (
                calling(client, workload, url=url) if is_whole else _to_first(client, workload, url)
            )

        def opener(tool: str, is_whole: bool) -> Any:
            @contextmanager
            def opened() -> Iterator[Calls]:
                scope = tools.recording(tool, _new_file(Path(folder), tool))
                scope.__enter__()
                with made(is_whole) as run:
                    yield run
                ms = timed(lambda: scope.__exit__(None, None, None)) / (calls + 3)
                closing[tool] = min(ms, closing.get(tool, ms))

            return opened

        subjects = [Subject("live", lambda: made(True)), Subject("first live", lambda: made(False))]
        subjects += [Subject(tool, opener(tool, True), tools.missing(tool)) for tool in tools.TOOLS]
        subjects.append(Subject("first onetake", opener("onetake", False)))
        if client not in ("httpx", "httpx2"):
            subjects = [one for one in subjects if not one.name.startswith("first")]
        cells = measure(subjects, size=calls + 3, calls=calls, rounds=rounds, budget_s=budget_s)
    return {"cells": {name: asdict(cell) for name, cell in cells.items()}, "closing_ms": closing}


@contextmanager
def _to_first(client: str, workload: Workload, url: str) -> Iterator[Calls]:
    """Calls that are timed up to the first chunk of their answers, which are then read to the end."""
    with import_module(client).Client(trust_env=False) as session:

        def run(sample: Sequence[int]) -> int:
            taken = 0
            for n in sample:
                body = workload.request(n)
                start = time.process_time_ns()
                with session.stream("POST", url, content=body, headers=REQUEST_HEADERS) as response:
                    chunks = response.iter_bytes()
                    first = next(chunks)
                    taken += time.process_time_ns() - start
                    workload.check(n, first + b"".join(chunks))
            return taken

        yield run


def _new_file(folder: Path, tool: str) -> Path:
    suffix = "json" if tool == "onetake" else "yaml"
    return folder / f"{tool}-{time.monotonic_ns()}.{suffix}"

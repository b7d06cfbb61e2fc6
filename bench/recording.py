"""Section 3: what recording adds to a live call, and what closing the cassette costs per call."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import server, tools
from bench.clients import calling
from bench.measure import Calls, Subject, measure
from bench.workload import Workload

BUDGET_MS = 1.0


def work(client: str, body: int, calls: int, rounds: int, budget_s: float) -> dict[str, Any]:
    """Cells of `live` and of each tool, and ms per call of closing. Runs in a worker."""
    workload = Workload(body)
    closing: dict[str, float] = {}
    with server.running(body) as url, tempfile.TemporaryDirectory(prefix="bench-") as folder:

        def opener(tool: str) -> Any:
            @contextmanager
            def opened() -> Iterator[Calls]:
                scope = tools.recording(tool, _new_file(Path(folder), tool))
                scope.__enter__()
                with calling(client, workload, url=url) as run:
                    yield run
                start = time.perf_counter()
                scope.__exit__(None, None, None)
                ms = (time.perf_counter() - start) * 1000 / (calls + 1)
                closing[tool] = min(ms, closing.get(tool, ms))

            return opened

        subjects = [Subject("live", lambda: calling(client, workload, url=url))]
        subjects += [Subject(tool, opener(tool), tools.missing(tool)) for tool in tools.TOOLS]
        cells = measure(subjects, size=calls + 1, calls=calls, rounds=rounds, budget_s=budget_s)
    return {"cells": {name: asdict(cell) for name, cell in cells.items()}, "closing_ms": closing}


def _new_file(folder: Path, tool: str) -> Path:
    suffix = "json" if tool == "onetake" else "yaml"
    return folder / f"{tool}-{time.monotonic_ns()}.{suffix}"

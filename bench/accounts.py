"""Section 10: the memory that the account of replayed calls takes, in one process.

Calls are put to an opening without a client, so that what grows is onetake's. They are answered by a few
recordings again and again in one opening, and by the same recordings in one opening after the other.
"""

from __future__ import annotations

import gc
import tempfile
from pathlib import Path
from typing import Any

from bench.workload import URL, Workload

BUDGET_MB = 100.0
_RECORDINGS = 20


def work(calls: int, body: int) -> dict[str, Any]:
    """MB by which the process grew, by how it was asked. Runs in a worker."""
    with tempfile.TemporaryDirectory(prefix="onetake-bench-") as folder:
        recorder, requests = _recorded(Path(folder), body)
        with recorder.use_cassette("chats", mode="replay", repeats="last") as cassette:
            one_opening = _grown_by(cassette, requests, calls)
            gc.collect()
        before = _resident_mb()
        for _ in range(calls // _RECORDINGS):
            with recorder.use_cassette("chats", mode="replay") as cassette:
                for request in requests:
                    cassette.opening.decide(request, "httpx")
        gc.collect()
        return {
            "calls": calls,
            "one opening": one_opening,
            "an opening for each 20": _resident_mb() - before,
        }


def _grown_by(cassette: Any, requests: list[Any], calls: int) -> float:
    for request in requests:
        cassette.opening.decide(request, "httpx")
    gc.collect()
    before = _resident_mb()
    for n in range(calls):
        cassette.opening.decide(requests[n % _RECORDINGS], "httpx")
    gc.collect()
    return _resident_mb() - before


def _recorded(root: Path, body: int) -> tuple[Any, list[Any]]:
    from onetake.config import Settings
    from onetake.messages import Body, Headers, Interaction, Request, Response
    from onetake.recorder import Recorder

    workload = Workload(body)
    headers = Headers((("content-type", "application/json"),))
    recorder = Recorder(settings=Settings(), root=root, in_test=True)
    requests = []
    with recorder.use_cassette("chats", mode="record") as cassette:
        for n in range(_RECORDINGS):
            request = Request(method="POST", url=URL, headers=headers, body=workload.request(n))
            response = Response(status=200, headers=headers, body=Body(data=workload.answer(n)))
            decision = cassette.opening.decide(request, "httpx")
            decision.call.keep(Interaction(request=request, response=response, ms=1))
            requests.append(request)
    return recorder, requests


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6

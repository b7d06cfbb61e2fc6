"""Section 4: what onetake's installed seams cost a call while no cassette is open.

Each seam's replacement is made over a function that does nothing, and both run in a tight loop: a
difference of nanoseconds would be lost in real calls.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

BUDGET_US = 1.0

# The modules whose classes a client's call goes through.
_PATHS = {
    "httpx2": ("httpcore2",),
    "httpx": ("httpcore",),
    "requests": ("urllib3", "http"),
    "aiohttp": ("aiohttp",),
}


def work(loops: int, rounds: int) -> dict[str, Any]:
    """ns added by each seam, and by client. Runs in a worker."""
    for name in ("httpcore", "httpcore2", "urllib3.connectionpool", "aiohttp"):
        import_module(name)
    from onetake.recorder import install
    from onetake.runtime import seams

    install()
    found = {}
    for seam in seams._seams:
        ns = _added_ns(seam, loops, rounds)
        found[f"{seam._owner.__module__}.{seam._owner.__qualname__}.{seam._name}"] = ns
    totals = {}
    for client, tops in _PATHS.items():
        # A call takes the sync or the async seam of its library, never both.
        sums = {True: 0.0, False: 0.0}
        for name, ns in found.items():
            if name.partition(".")[0] in tops:
                sums["async" in name.lower()] += ns
        totals[client] = max(sums.values())
    return {"seams_ns": found, "clients_ns": totals}


class _Anything:
    """Stands for every argument; a seam may look at its attributes.

    What a connection has is there at once, as in a real one; the rest is slow to be had.
    """

    def __init__(self) -> None:
        self.sock = None

    def __getattr__(self, _name: str) -> None:
        return None


def _added_ns(seam: Any, loops: int, rounds: int) -> float:
    original = seam._original
    required = [
        parameter
        for parameter in inspect.signature(original).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    arguments = tuple(_Anything() for _ in required)
    stub: Callable[..., Any]
    if inspect.iscoroutinefunction(original):

        async def stub(*_args: Any, **_options: Any) -> None: ...

        loop = _async_loop
    else:

        def stub(*_args: Any, **_options: Any) -> None: ...

        loop = _loop
    ours = seam._wrap(stub)
    with_seam = without = float("inf")
    for _ in range(rounds):
        without = min(without, loop(stub, arguments, loops))
        with_seam = min(with_seam, loop(ours, arguments, loops))
    return with_seam - without


def _loop(function: Callable[..., Any], arguments: tuple[Any, ...], loops: int) -> float:
    start = time.perf_counter_ns()
    for _ in range(loops):
        function(*arguments)
    return (time.perf_counter_ns() - start) / loops


def _async_loop(function: Callable[..., Any], arguments: tuple[Any, ...], loops: int) -> float:
    async def run() -> float:
        start = time.perf_counter_ns()
        for _ in range(loops):
            await function(*arguments)
        return (time.perf_counter_ns() - start) / loops

    return asyncio.run(run())

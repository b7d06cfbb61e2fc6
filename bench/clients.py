"""The clients: one chat call each, as a program would write it, with the time that it took."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from bench.measure import Calls
from bench.workload import REQUEST_HEADERS, URL, Workload

CLIENTS = ("httpx2", "httpx", "requests", "aiohttp")


@contextmanager
def calling(
    client: str,
    workload: Workload,
    *,
    url: str = URL,
    transport: Any = None,
    checked: bool = True,
) -> Iterator[Calls]:
    """A fresh client; `checked`: every answer must be that of its request."""
    if client == "aiohttp":
        with _aiohttp(workload, url, checked) as calls:
            yield calls
        return
    with _sync_post(client, url, transport) as post:

        def run(sample: Sequence[int], deadline: float) -> list[int]:
            times: list[int] = []
            for n in sample:
                body = workload.request(n)
                start = time.perf_counter_ns()
                content = post(body)
                times.append(time.perf_counter_ns() - start)
                if checked:
                    workload.check(n, content)
                if time.perf_counter() > deadline:
                    break
            return times

        yield run


@contextmanager
def _sync_post(client: str, url: str, transport: Any) -> Iterator[Callable[[bytes], bytes]]:
    module = import_module(client)
    if client == "requests":
        with module.Session() as session:
            session.trust_env = False
            if transport is not None:
                session.mount("https://", transport)
            yield lambda body: session.post(url, data=body, headers=REQUEST_HEADERS).content
    else:
        with module.Client(transport=transport, trust_env=False) as session:
            yield lambda body: session.post(url, content=body, headers=REQUEST_HEADERS).content


@contextmanager
def _aiohttp(workload: Workload, url: str, checked: bool) -> Iterator[Calls]:
    import aiohttp

    loop = asyncio.new_event_loop()

    async def made() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    session = loop.run_until_complete(made())

    async def run_async(sample: Sequence[int], deadline: float) -> list[int]:
        times: list[int] = []
        for n in sample:
            body = workload.request(n)
            start = time.perf_counter_ns()
            async with session.post(url, data=body, headers=REQUEST_HEADERS) as response:
                content = await response.read()
            times.append(time.perf_counter_ns() - start)
            if checked:
                workload.check(n, content)
            if time.perf_counter() > deadline:
                break
        return times

    try:
        yield lambda sample, deadline: loop.run_until_complete(run_async(sample, deadline))
    finally:
        loop.run_until_complete(session.close())
        loop.close()

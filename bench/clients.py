"""The clients: chat calls as a program would write them, and the CPU time that a batch of them takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from importlib import import_module
from typing import Any

from bench.measure import Calls
from bench.workload import REQUEST_HEADERS, URL, Workload

CLIENTS = ("httpx2", "httpx", "requests", "aiohttp")
WAYS = ("sync", "async", "tasks")

_now = time.process_time_ns


@contextmanager
def calling(
    client: str, workload: Workload, *, way: str = "sync", url: str = URL, transport: Any = None
) -> Iterator[Calls]:
    """A fresh client, whose every answer must be that of its request.

    `way` is `sync`, `async`, or `tasks`: all calls of a batch at once. aiohttp is always asynchronous.
    """
    if client == "aiohttp" or way != "sync":
        with _loop(client, workload, way, url, transport) as run:
            yield run
        return
    with _sync_post(client, workload, url, transport) as post:

        def run(sample: Sequence[int]) -> int:
            bodies = [workload.request(n) for n in sample]
            start = _now()
            answers = [post(body) for body in bodies]
            taken = _now() - start
            _check(workload, sample, answers)
            return taken

        yield run


def _check(workload: Workload, sample: Sequence[int], answers: Sequence[bytes]) -> None:
    for n, answer in zip(sample, answers, strict=True):
        workload.check(n, answer)


@contextmanager
def _sync_post(
    client: str, workload: Workload, url: str, transport: Any
) -> Iterator[Callable[[bytes], bytes]]:
    module = import_module(client)
    if client == "requests":
        with module.Session() as session:
            session.trust_env = False
            if transport is not None:
                session.mount("https://", transport)
            yield lambda body: session.post(url, data=body, headers=REQUEST_HEADERS).content
        return
    with module.Client(transport=transport, trust_env=False) as session:

        def streamed(body: bytes) -> bytes:
            with session.stream("POST", url, content=body, headers=REQUEST_HEADERS) as response:
                return b"".join(list(response.iter_bytes()))

        def whole(body: bytes) -> bytes:
            content: bytes = session.post(url, content=body, headers=REQUEST_HEADERS).content
            return content

        yield streamed if workload.kind == "sse" else whole


@contextmanager
def _loop(client: str, workload: Workload, way: str, url: str, transport: Any) -> Iterator[Calls]:
    with asyncio.Runner() as runner:
        made = _aiohttp(url) if client == "aiohttp" else _async_httpx(client, url, transport)
        post = runner.run(made.__aenter__())

        async def in_turn(bodies: list[bytes]) -> list[bytes]:
            return [await post(body) for body in bodies]

        async def at_once(bodies: list[bytes]) -> list[bytes]:
            return await asyncio.gather(*map(post, bodies))

        async def timed(bodies: list[bytes]) -> tuple[int, list[bytes]]:
            start = _now()
            answers = await (at_once if way == "tasks" else in_turn)(bodies)
            return _now() - start, answers

        def run(sample: Sequence[int]) -> int:
            taken, answers = runner.run(timed([workload.request(n) for n in sample]))
            _check(workload, sample, answers)
            return taken

        try:
            yield run
        finally:
            runner.run(made.__aexit__(None, None, None))


@asynccontextmanager
async def _aiohttp(url: str) -> AsyncIterator[Callable[[bytes], Awaitable[bytes]]]:
    import aiohttp

    async with aiohttp.ClientSession() as session:

        async def post(body: bytes) -> bytes:
            async with session.post(url, data=body, headers=REQUEST_HEADERS) as response:
                return await response.read()

        yield post


@asynccontextmanager
async def _async_httpx(
    client: str, url: str, transport: Any
) -> AsyncIterator[Callable[[bytes], Awaitable[bytes]]]:
    module = import_module(client)
    async with module.AsyncClient(transport=transport, trust_env=False) as session:

        async def post(body: bytes) -> bytes:
            answer = await session.post(url, content=body, headers=REQUEST_HEADERS)
            content: bytes = answer.content
            return content

        yield post

"""The short way of httpx and httpx2, at their own transports: a recorded answer without httpcore in between.

Seams: `HTTPTransport.handle_request` and `AsyncHTTPTransport.handle_async_request`, above the pool's seam
(`httpcore_`), which decides on everything that is not recalled by its bytes. Whoever has patched the pool is to
be asked first, so this way is taken only while the pool's seam is ours.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

from onetake.interceptors.httpcore_ import head_of, request_of
from onetake.runtime.context import current, is_passing
from onetake.runtime.driver import recall, sleep
from onetake.runtime.playback import Playback
from onetake.runtime.seams import Seam, is_replacement
from onetake.runtime.seams import install as install_seams


def install(module: ModuleType) -> None:
    """Stand in `httpx` or `httpx2`."""
    name = module.__name__

    class Stream(module.SyncByteStream, module.AsyncByteStream):  # type: ignore[misc, name-defined]
        """The recorded chunks of an answer that came whole."""

        def __init__(self, step: Playback) -> None:
            self._step = step

        def __iter__(self) -> Iterator[bytes]:
            for wait_s, data in self._step.steps():
                if wait_s:
                    time.sleep(wait_s)
                yield data

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for wait_s, data in self._step.steps():
                if wait_s:
                    await sleep(wait_s)
                yield data

    def answer(step: Playback) -> Any:
        head = step.response
        assert head is not None  # what is recalled was answered
        return module.Response(
            head.status,
            headers=head.headers.to_bytes(),
            stream=Stream(step),
            extensions={
                "http_version": head.http_version.encode("ascii"),
                "reason_phrase": head.reason.encode("latin-1"),
            },
        )

    def recalled(pool_method: Any, request: Any) -> Playback | None:
        owner = current()
        if owner is None or is_passing() or type(request.stream) is not module.ByteStream:
            return None
        if not is_replacement(pool_method):
            return None
        # A redirected request has its stream alone, which may be read again.
        body = request.content if hasattr(request, "_content") else b"".join(request.stream)
        if len(body) > owner.max_request_body:
            return None
        url, lines = request.url, request.headers.raw
        parts = (request.method, url.raw_scheme, url.raw_host, url.port, url.raw_path)
        return recall(
            owner, head_of(*parts, lines), body, partial(request_of, *parts, lines, body), name
        )

    def sync(original: Callable[..., Any]) -> Callable[..., Any]:
        def handle_request(self: Any, request: Any) -> Any:
            step = recalled(self._pool.handle_request, request)
            if step is None:
                return original(self, request)
            if step.delay_s:
                time.sleep(step.delay_s)
            return answer(step)

        return handle_request

    def asynchronous(original: Callable[..., Any]) -> Callable[..., Any]:
        async def handle_async_request(self: Any, request: Any) -> Any:
            step = recalled(self._pool.handle_async_request, request)
            if step is None:
                return await original(self, request)
            if step.delay_s:
                await sleep(step.delay_s)
            return answer(step)

        return handle_async_request

    install_seams(
        Seam(module.HTTPTransport, "handle_request", sync, name),
        Seam(module.AsyncHTTPTransport, "handle_async_request", asynchronous, name),
    )

"""httpx and httpx2, at the connection pool of httpcore and httpcore2 (proxies are subclasses).

Seams: `ConnectionPool.handle_request` and `AsyncConnectionPool.handle_async_request`. That is below
redirects, retries, cookies and decoding, which stay the client's own, and below `HTTPTransport`, so a
`MockTransport` or pytest-httpx is never seen; respx patches the same methods and stays on top.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

from onetake.messages import Ended, Failure, Headers, Request
from onetake.runtime.context import current, is_passing, passing
from onetake.runtime.driver import (
    begin,
    begin_async,
    let_through,
    recall,
    sleep,
    wait_left_open,
    wait_left_open_async,
)
from onetake.runtime.playback import Playback
from onetake.runtime.recording import Recording
from onetake.runtime.seams import Seam
from onetake.runtime.seams import install as install_seams

# Neutral kinds of failure and the exception class that httpcore raises for each.
_KINDS = {
    "ConnectTimeout": "connect-timeout",
    "ReadTimeout": "read-timeout",
    "WriteTimeout": "write-timeout",
    "PoolTimeout": "pool-timeout",
    "ConnectError": "refused",
    "ReadError": "read",
    "WriteError": "write",
    "RemoteProtocolError": "disconnected",
    "LocalProtocolError": "protocol",
    "ProxyError": "proxy",
    "UnsupportedProtocol": "unsupported",
}
_CLASSES = {kind: name for name, kind in _KINDS.items()} | {
    "dns": "ConnectError",
    "tls": "ConnectError",
    "network": "NetworkError",
    "protocol": "RemoteProtocolError",
}


def install(module: ModuleType) -> None:
    """Stand in `httpcore` or `httpcore2`."""
    name = module.__name__
    client = "httpx2" if name == "httpcore2" else "httpx"
    install_seams(
        Seam(
            module.ConnectionPool,
            "handle_request",
            lambda original: _sync(original, module, client),
            name,
            before=(module.Request, "__init__"),
        ),
        Seam(
            module.AsyncConnectionPool,
            "handle_async_request",
            lambda original: _async(original, module, client),
            name,
            before=(module.Request, "__init__"),
        ),
    )


def _sync(original: Callable[..., Any], library: ModuleType, client: str) -> Callable[..., Any]:
    def handle_request(self: Any, request: Any) -> Any:
        owner = current()
        if owner is None or is_passing():
            return original(self, request)
        __tracebackhide__ = True
        body, rest = _read(request.stream, owner.max_request_body)
        if rest is not None:
            let_through(owner, request_of(*_parts(request), b""), client)
            request.stream = _Resumed(body, rest)
            with passing():
                return original(self, request)
        request.stream = _Bytes(body)
        parts = _parts(request)
        read = partial(request_of, *parts, body)
        step: Playback | Recording | None = recall(owner, head_of(*parts), body, read, client)
        step = step or begin(owner, read(), client)
        if step is None:
            with passing():
                return original(self, request)
        if isinstance(step, Playback):
            if step.waits_s is not None:
                time.sleep(step.waits_s)
                raise step.unanswered()
            if step.delay_s:
                time.sleep(step.delay_s)
            return _replayed(step, library, _ReplayedStream(step, library, _patience(request)))
        try:
            with passing():
                response = original(self, request)
        except BaseException as error:
            _failed(step, error)
            raise
        _tell_head(step, response)
        response.stream = _Tee(response.stream, step)
        return response

    return handle_request


def _async(original: Callable[..., Any], library: ModuleType, client: str) -> Callable[..., Any]:
    async def handle_async_request(self: Any, request: Any) -> Any:
        owner = current()
        if owner is None or is_passing():
            return await original(self, request)
        __tracebackhide__ = True
        body, rest = await _aread(request.stream, owner.max_request_body)
        if rest is not None:
            let_through(owner, request_of(*_parts(request), b""), client)
            request.stream = _AsyncResumed(body, rest)
            with passing():
                return await original(self, request)
        request.stream = _Bytes(body)
        parts = _parts(request)
        read = partial(request_of, *parts, body)
        step: Playback | Recording | None = recall(owner, head_of(*parts), body, read, client)
        step = step or await begin_async(owner, read(), client)
        if step is None:
            with passing():
                return await original(self, request)
        if isinstance(step, Playback):
            if step.waits_s is not None:
                await sleep(step.waits_s)
                raise step.unanswered()
            if step.delay_s:
                await sleep(step.delay_s)
            stream = _AsyncReplayedStream(step, library, _patience(request))
            return _replayed(step, library, stream)
        try:
            with passing():
                response = await original(self, request)
        except BaseException as error:
            _failed(step, error)
            raise
        _tell_head(step, response)
        response.stream = _AsyncTee(response.stream, step)
        return response

    return handle_async_request


Lines = Iterable[tuple[bytes, bytes]]

_LENGTHS = frozenset((b"Content-Length", b"content-length"))


def head_of(
    method: bytes | str, scheme: bytes, host: bytes, port: int | None, target: bytes, lines: Lines
) -> Hashable:
    """All of a request but its body and its length, as one value."""
    kept = [line for line in lines if line[0] not in _LENGTHS]
    return method, scheme, host, port, target, tuple(kept)


def request_of(
    method: bytes | str,
    scheme: bytes,
    host: bytes,
    port: int | None,
    target: bytes,
    lines: Lines,
    body: bytes,
) -> Request:
    """The request that these parts make."""
    name = host.decode("ascii")
    if ":" in name and not name.startswith("["):
        name = f"[{name}]"
    place = name if port is None else f"{name}:{port}"
    return Request(
        method=method.decode("ascii") if isinstance(method, bytes) else method,
        url=f"{scheme.decode('ascii')}://{place}{target.decode('latin-1')}",
        headers=Headers.from_bytes(lines),
        body=body,
    )


def _parts(request: Any) -> tuple[bytes, bytes, bytes, int | None, bytes, Lines]:
    url = request.url
    return request.method, url.scheme, url.host, url.port, url.target, request.headers


def _read(stream: Any, limit: int) -> tuple[bytes, Iterator[bytes] | None]:
    """The whole body; or what was read of it and the rest, when it is above `limit`."""
    parts: list[bytes] = []
    size = 0
    rest = iter(stream)
    for part in rest:
        parts.append(part)
        size += len(part)
        if size > limit:
            return b"".join(parts), rest
    return b"".join(parts), None


async def _aread(stream: Any, limit: int) -> tuple[bytes, AsyncIterator[bytes] | None]:
    parts: list[bytes] = []
    size = 0
    rest = aiter(stream)
    async for part in rest:
        parts.append(part)
        size += len(part)
        if size > limit:
            return b"".join(parts), rest
    return b"".join(parts), None


class _Bytes:
    """A body that can be sent by sync and async pools."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __iter__(self) -> Iterator[bytes]:
        yield self._data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._data


class _Resumed:
    def __init__(self, start: bytes, rest: Iterator[bytes]) -> None:
        self._start = start
        self._rest = rest

    def __iter__(self) -> Iterator[bytes]:
        yield self._start
        yield from self._rest


class _AsyncResumed:
    def __init__(self, start: bytes, rest: AsyncIterator[bytes]) -> None:
        self._start = start
        self._rest = rest

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._start
        async for part in self._rest:
            yield part


def _tell_head(step: Recording, response: Any) -> None:
    extensions = response.extensions
    step.head(
        response.status,
        extensions.get("reason_phrase", b"").decode("latin-1"),
        extensions.get("http_version", b"HTTP/1.1").decode("ascii"),
        Headers.from_bytes(response.headers),
    )


def _failed(step: Recording, error: BaseException) -> None:
    """The transport raised before a head came, or while the body was read."""
    name = type(error).__name__
    if name in _KINDS and type(error).__module__.startswith("httpcore"):
        failure = Failure(
            kind=_kind(error, name), type=f"httpcore.{name}", args=tuple(map(str, error.args))
        )
        step.end(Ended.CUT, failure)
    elif isinstance(error, Exception):
        step.end(Ended.CUT, Failure(kind="network", type=name, args=(str(error),)))
    else:  # cancelled, or the program is being ended
        step.stop()


def _kind(error: BaseException, name: str) -> str:
    if name == "ConnectError":
        text = str(error).lower()
        if "certificate" in text or "ssl" in text:
            return "tls"
        if "name or service" in text or "nodename" in text or "resolution" in text:
            return "dns"
    return _KINDS[name]


def _error(failure: Failure, library: ModuleType) -> BaseException:
    name = failure.type.rpartition(".")[2]
    if name not in _KINDS:
        name = _CLASSES.get(failure.kind, "NetworkError")
    error: BaseException = getattr(library, name)(*failure.args)
    return error


def _replayed(step: Playback, library: ModuleType, stream: Any) -> Any:
    if step.response is None:
        if step.failure is not None:
            raise _error(step.failure, library)
        raise step.unanswered()
    head = step.response
    return library.Response(
        status=head.status,
        headers=head.headers.to_bytes(),
        content=stream,
        extensions={
            "http_version": head.http_version.encode("ascii"),
            "reason_phrase": head.reason.encode("latin-1"),
        },
    )


def _patience(request: Any) -> float | None:
    """Return how many seconds the client waits for a chunk; None where it does so for ever."""
    timeouts: dict[str, float | None] = request.extensions.get("timeout") or {}
    return timeouts.get("read")


def _past_end(step: Playback, library: ModuleType, *, is_late: bool) -> BaseException:
    """Return what a reader meets that has waited for a stream which the recording client closed."""
    miss = step.read_past_end()
    if not is_late:
        return miss
    error: BaseException = library.ReadTimeout(miss.message)
    return error


def _end(step: Playback, library: ModuleType) -> BaseException | None:
    """Return what a reader meets after the last chunk."""
    if step.end_failure is not None:
        return _error(step.end_failure, library)
    if step.interaction.ended is Ended.CUT:
        error: BaseException = library.RemoteProtocolError(
            "peer closed connection without sending complete message body"
        )
        return error
    return None


class _ReplayedStream:
    def __init__(self, step: Playback, library: ModuleType, patience_s: float | None) -> None:
        self._step = step
        self._library = library
        self._patience_s = patience_s

    def __iter__(self) -> Iterator[bytes]:
        for wait_s, data in self._step.steps():
            if wait_s:
                time.sleep(wait_s)
            yield data
        if self._step.was_left:
            is_late = wait_left_open(self._step, self._patience_s)
            raise _past_end(self._step, self._library, is_late=is_late)
        error = _end(self._step, self._library)
        if error is not None:
            raise error

    def close(self) -> None: ...


class _AsyncReplayedStream:
    def __init__(self, step: Playback, library: ModuleType, patience_s: float | None) -> None:
        self._step = step
        self._library = library
        self._patience_s = patience_s

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for wait_s, data in self._step.steps():
            if wait_s:
                await sleep(wait_s)
            yield data
        if self._step.was_left:
            is_late = await wait_left_open_async(self._step, self._patience_s)
            raise _past_end(self._step, self._library, is_late=is_late)
        error = _end(self._step, self._library)
        if error is not None:
            raise error

    async def aclose(self) -> None: ...


class _Tee:
    """Passes an answer's chunks on as they come, and tells the recording."""

    def __init__(self, stream: Any, step: Recording) -> None:
        self._stream = stream
        self._step = step

    def __iter__(self) -> Iterator[bytes]:
        step = self._step
        try:
            for data in self._stream:
                step.chunk(data)
                yield data
        except GeneratorExit:
            step.end(Ended.CLOSED)
            raise
        except BaseException as error:
            _failed(step, error)
            raise
        step.end()

    def close(self) -> None:
        self._step.end(Ended.CLOSED)
        if hasattr(self._stream, "close"):
            self._stream.close()


class _AsyncTee:
    def __init__(self, stream: Any, step: Recording) -> None:
        self._stream = stream
        self._step = step

    async def __aiter__(self) -> AsyncIterator[bytes]:
        step = self._step
        try:
            async for data in self._stream:
                step.chunk(data)
                yield data
        except GeneratorExit:
            step.end(Ended.CLOSED)
            raise
        except BaseException as error:
            _failed(step, error)
            raise
        step.end()

    async def aclose(self) -> None:
        self._step.end(Ended.CLOSED)
        if hasattr(self._stream, "aclose"):
            await self._stream.aclose()

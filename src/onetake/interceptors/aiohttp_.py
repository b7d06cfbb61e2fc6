"""aiohttp, at `BaseConnector.connect`: the built request is at hand, and nothing is on the wire yet.

aioresponses patches `ClientSession._request`, above us, so its answers win in any nesting.

A live answer is listened to by a second parser of aiohttp's own, fed the same bytes just before the
real one: it sees the body still encoded and the chunks of the wire, and changes nothing. A replayed
answer is HTTP/1.1 bytes fed to a real `ResponseHandler` over a transport in memory, so aiohttp parses,
decodes and stores cookies itself. It is fed by demand: each wait of a reader brings one recorded chunk,
so `iter_any` and `iter_chunks` see the recorded pieces.

Not recorded: WebSocket upgrades, and bodies above `max_request_body`; both go live.
"""

from __future__ import annotations

import asyncio
import builtins
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from types import ModuleType
from typing import Any

from aiohttp import client_exceptions, payload, streams
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import BaseConnector, Connection
from aiohttp.http_writer import StreamWriter

from onetake.messages import Ended, Failure, Headers, Request
from onetake.runtime.context import Owner, current, is_passing, passing
from onetake.runtime.driver import begin_async, let_through, recall
from onetake.runtime.playback import Playback
from onetake.runtime.recording import Recording
from onetake.runtime.seams import Seam
from onetake.runtime.seams import install as install_seams

_NO_BODY = (204, 304)
# These are raised while the connection is made; all others come where the answer is read.
_CONNECT_KINDS = {"refused", "dns", "tls", "proxy", "connect-timeout", "pool-timeout"}


def install(module: ModuleType) -> None:  # noqa: ARG001 - every interceptor is called alike
    """Stand in `aiohttp`; called when `aiohttp.client` is loaded."""
    install_seams(Seam(BaseConnector, "connect", _wrap, "aiohttp"))


def _wrap(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    def connect(self: Any, req: Any, traces: Any, timeout: Any) -> Awaitable[Any]:
        owner = current()
        if owner is None or is_passing():
            return original(self, req, traces, timeout)
        return _owned(original, owner, self, req, traces, timeout)

    return connect


async def _owned(
    original: Callable[..., Awaitable[Any]],
    owner: Owner,
    connector: Any,
    req: Any,
    traces: Any,
    timeout: Any,  # noqa: ASYNC109 - the signature of the library
) -> Any:
    __tracebackhide__ = True
    body = await _read_body(req, owner.max_request_body)
    if body is None:
        let_through(owner, _to_request(connector, req, b""), "aiohttp")
        with passing():
            return await original(connector, req, traces, timeout)
    read = partial(_to_request, connector, req, body)
    step: Playback | Recording | None = recall(
        owner, _head_of(connector, req), body, read, "aiohttp"
    )
    step = step or await begin_async(owner, read(), "aiohttp")
    if isinstance(step, Recording) and _is_upgrade(req):
        step.let_go("WebSocket")
        step = None
    if step is None:
        with passing():
            return await original(connector, req, traces, timeout)
    if isinstance(step, Playback):
        return await _replayed(step, connector, req)
    try:
        with passing():
            connection = await original(connector, req, traces, timeout)
    except BaseException as error:
        _failed_to_connect(step, error, req)
        raise
    _Listener.listen(step, connection, req)
    return connection


# The request.


def _is_upgrade(req: Any) -> bool:
    return str(req.headers.get("Upgrade", "")).lower() == "websocket"


def _head_of(connector: Any, req: Any) -> Hashable:
    """All that `_to_request` reads of a request, but its body and its length."""
    lines = [line for line in req.headers.items() if line[0] != "Content-Length"]
    skipped = getattr(req, "_skip_auto_headers", None) or getattr(req, "skip_auto_headers", ())
    facts = req.version, connector.force_close, str(skipped or "")
    return req.method, str(req.url), tuple(lines), facts


def _to_request(connector: Any, req: Any, body: bytes) -> Request:
    """The request with the header lines that `ClientRequest.send` is going to write."""
    lines = [(str(name), _latin(value)) for name, value in req.headers.items()]
    skipped = (
        getattr(req, "_skip_auto_headers", None) or getattr(req, "skip_auto_headers", ()) or ()
    )
    if (
        req.method in req.POST_METHODS
        and "Content-Type" not in req.headers
        and "Content-Type" not in skipped
    ):
        lines.append(("Content-Type", "application/octet-stream"))
    if "Connection" not in req.headers:
        if connector.force_close:
            if req.version == (1, 1):
                lines.append(("Connection", "close"))
        elif req.version == (1, 0):
            lines.append(("Connection", "keep-alive"))
    return Request(
        method=req.method,
        url=str(req.url.with_fragment(None)),
        headers=Headers(tuple(lines)),
        body=body,
    )


def _latin(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode("latin-1")


class _Body(payload.Payload):
    """A body already read. It says of itself what the one that it stands for said after being read,
    so that retries and redirects do as they would have done."""

    _value: bytes

    def __init__(self, data: bytes, read: Any, *, sized: bool) -> None:
        super().__init__(data, headers=getattr(read, "headers", None))
        self._size = len(data) if sized else None
        self._consumed = bool(getattr(read, "consumed", False))
        self._autoclose = True

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return self._value.decode(encoding, errors)

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:  # noqa: ARG002
        return self._value

    async def write(self, writer: Any) -> None:
        await writer.write(self._value)

    async def write_with_length(self, writer: Any, content_length: int | None) -> None:
        await writer.write(self._value if content_length is None else self._value[:content_length])


class _Sink(asyncio.Transport):
    """Collects what a StreamWriter writes; stands as transport and as protocol of it."""

    _paused = False

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[bytes] = []

    @property
    def transport(self) -> _Sink:
        return self

    def is_closing(self) -> bool:
        return False

    def write(self, data: Any) -> None:
        self.parts.append(bytes(data))

    def writelines(self, list_of_data: Any) -> None:
        self.parts.extend(map(bytes, list_of_data))

    async def _drain_helper(self) -> None: ...


async def _read_body(req: Any, limit: int) -> bytes | None:
    """The body as on the wire below the transfer framing; None if it is above `limit`.

    The request gets a body of the same bytes, compressed already where it asked for that.
    """
    old = req.body
    if not old:
        return b""
    if isinstance(old, (bytes, bytearray)):
        return bytes(old) if len(old) <= limit else None
    size = old.size
    if size is not None and size > limit:
        return None
    length = req.headers.get("Content-Length")
    is_plain = getattr(type(old), "write", None) is payload.BytesPayload.write
    if is_plain and not req.compress and length == str(size):
        return bytes(old._value)
    if type(old) is _Body and not req.compress:
        return old._value
    sink = _Sink()
    protocol: Any = sink
    writer = StreamWriter(protocol, req.loop)
    if req.compress:
        writer.enable_compression(req.compress)
    try:
        if hasattr(old, "write_with_length"):
            is_length = length is not None and length.isdigit()
            await old.write_with_length(writer, int(length) if is_length else None)
        else:
            await old.write(writer)
        await writer.write_eof()
    except OSError as error:
        raise client_exceptions.ClientOSError(
            error.errno, f"Can not write request body for {req.url!s}"
        ) from error
    except Exception as error:
        raise client_exceptions.ClientConnectionError(
            f"Failed to send bytes into the underlying connection: {error!r}"
        ) from error
    data = b"".join(sink.parts)
    req.compress = None
    body = _Body(data, old, sized=not req.chunked)
    if hasattr(req, "_body"):
        req._body = body
    else:
        req.body = body
    if hasattr(old, "close"):
        await old.close()
    return data if len(data) <= limit else None


# Recording.


class _Tap:
    """Stands before the connection's parser and lets the listener read first."""

    def __init__(self, parser: Any, listener: _Listener) -> None:
        self._parser = parser
        self._listener = listener

    def feed_data(self, data: Any, *args: Any) -> Any:
        if data:
            self._listener.hear(bytes(data))
        return self._parser.feed_data(data, *args)

    def feed_eof(self) -> Any:
        self._listener.hear_eof()
        return self._parser.feed_eof()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parser, name)


class _Listener(ResponseHandler):
    """A second parser of the same bytes, which does not decode; tells a Recording what it reads."""

    @classmethod
    def listen(cls, step: Recording, connection: Any, req: Any) -> None:
        """Follow the one answer that comes over `connection`."""
        listener = cls(step, connection.protocol, req)
        connection.protocol.set_response_params = listener._on_params
        connection.protocol.set_exception = listener._on_exception
        connection.add_callback(listener._on_release)

    def __init__(self, step: Recording, protocol: Any, req: Any) -> None:
        super().__init__(loop=protocol._loop)
        self._step = step
        self._real = protocol
        self._req = req
        self._tap: _Tap | None = None
        self._answer: Any = None
        self._answered = False
        self._position = 0
        self._parts: list[bytes] = []
        # An error that the program was handling before this call says nothing about it.
        self._earlier = sys.exc_info()[1]

    def _on_params(self, **params: Any) -> None:
        vars(self._real).pop("set_response_params", None)
        self._real.set_response_params(**params)
        try:
            quiet = {"timer": None, "auto_decompress": False, "read_timeout": None}
            self.set_response_params(**{**params, **quiet})
        except Exception:  # recording never breaks the live call
            return
        self._tap = _Tap(self._real._parser, self)
        self._real._parser = self._tap

    def hear(self, data: bytes) -> None:
        if self._step.ended:
            return
        try:
            self.data_received(data)
            self._drain()
            while self._reading_paused:
                self.resume_reading()
                self._drain()
        except Exception:  # the real parser meets the same bytes and tells the program
            self._drain()

    def hear_eof(self) -> None:
        if self._parser is None or self._step.ended:
            return
        try:
            self._parser.feed_eof()
        except Exception:
            self._flush()
        else:
            self._drain()

    def feed_data(self, data: Any, size: int = 0) -> None:  # noqa: ARG002
        """A head was parsed (a part of the body may be in its payload)."""
        message, self._answer = data
        if 100 <= message.code < 200 and message.code != 101:
            return
        self._answered = True
        version = message.version
        self._step.head(
            message.code,
            message.reason.encode("utf-8", "surrogateescape").decode("latin-1"),
            f"HTTP/{version.major}.{version.minor}",
            Headers.from_bytes(message.raw_headers),
        )

    def _drain(self) -> None:
        """Tell what the payload holds: chunks of the wire where it is chunked, else as read."""
        answer = self._answer
        if not self._answered or answer is None:
            return
        splits = getattr(answer, "_http_chunk_splits", None)
        if answer is not streams.EMPTY_PAYLOAD:
            for part in answer._buffer:
                self._parts.append(part)
                self._position += len(part)
                if splits is None or self._position in splits:
                    self._flush()
            answer._buffer.clear()
            answer._size = 0
            if splits:
                splits.clear()
        if answer.is_eof():
            self._flush()
            self._step.end()

    def _flush(self) -> None:
        self._step.chunk(b"".join(self._parts))
        self._parts.clear()

    def _on_exception(self, error: BaseException, *cause: Any) -> None:
        """The connection broke; the payload already has the error that its reader will see."""
        type(self._real).set_exception(self._real, error, *cause)
        answer = self._real._payload
        if self._answered and answer is not None and answer.exception() is not None:
            error = answer.exception()
        self._broke(error)

    def _on_release(self) -> None:
        """The connection is given back or closed: after the answer, or before its end."""
        for name in ("set_response_params", "set_exception"):
            vars(self._real).pop(name, None)
        if self._tap is not None and self._real._parser is self._tap:
            self._real._parser = self._tap._parser
        error = sys.exc_info()[1]
        if error is self._earlier:
            error = None
        elif isinstance(error, asyncio.CancelledError):
            error = TimeoutError() if _timed_out(self._req) else None
        if error is not None and (not self._answered or isinstance(error, asyncio.TimeoutError)):
            self._broke(error)
        elif not self._step.ended:
            self._flush()
            self._step.stop()

    def _broke(self, error: BaseException) -> None:
        if not self._step.ended:
            self._flush()
            self._step.end(Ended.CUT, _to_failure(error))


def _timed_out(req: Any) -> bool:
    """Whether the total time of the call is over: the timer cancels the task that waits."""
    return bool(getattr(req._timer, "_cancelled", False))


def _failed_to_connect(step: Recording, error: BaseException, req: Any) -> None:
    if isinstance(error, asyncio.CancelledError) and _timed_out(req):
        step.end(Ended.CUT, _to_failure(TimeoutError()))
    elif isinstance(error, asyncio.TimeoutError):
        step.end(Ended.CUT, Failure(kind="connect-timeout", type="asyncio.TimeoutError"))
    elif isinstance(error, Exception):
        step.end(Ended.CUT, _to_failure(error))
    else:
        step.stop()


# Errors.


def _to_failure(error: BaseException) -> Failure:
    name = type(error).__name__
    kind = "network"
    args = tuple(str(one) for one in error.args)
    if type(error) is asyncio.TimeoutError:
        return Failure(kind="read-timeout", type="asyncio.TimeoutError", args=args)
    if isinstance(error, client_exceptions.ClientConnectorError):
        cause = error.os_error
        args = (type(cause).__name__, *(str(one) for one in cause.args))
        kind = "refused"
        if isinstance(cause, socket.gaierror) or "DNS" in name:
            kind = "dns"
        elif isinstance(cause, ssl.SSLError):
            kind = "tls"
    elif isinstance(error, client_exceptions.ClientConnectorCertificateError):
        cause = error.certificate_error  # type: ignore[assignment]
        args = (type(cause).__name__, *(str(one) for one in cause.args))
        kind = "tls"
    elif isinstance(error, client_exceptions.ClientResponseError):
        args = (str(error.status), error.message)
        kind = "protocol"
    elif isinstance(error, client_exceptions.ServerTimeoutError):
        kind = "read-timeout"
    elif isinstance(error, client_exceptions.ServerDisconnectedError):
        args = (error.message,) if isinstance(error.message, str) else ()
        kind = "disconnected"
    elif isinstance(error, client_exceptions.ClientPayloadError):
        kind = "disconnected"
    elif isinstance(error, client_exceptions.ClientOSError):
        kind = "read"
    elif name.endswith("HttpProcessingError"):
        # What the parser raised; the response turns it into a ClientResponseError.
        return Failure(
            kind="protocol",
            type="aiohttp.ClientResponseError",
            args=(str(getattr(error, "code", 0)), str(getattr(error, "message", ""))),
        )
    return Failure(kind=kind, type=f"aiohttp.{name}", args=args)


def _os_error(args: tuple[str, ...]) -> Any:
    """The error of the system that a connector's error carries."""
    name, rest = (args[0], args[1:]) if args else ("OSError", ())
    rooms = (builtins, socket, ssl)
    cls: Any = next((getattr(room, name) for room in rooms if hasattr(room, name)), OSError)
    if not (isinstance(cls, type) and issubclass(cls, OSError)):
        cls = OSError
    values: list[Any] = list(rest)
    if len(values) >= 2 and values[0].lstrip("-").isdigit():
        values[0] = int(values[0])
    elif values:
        values = [None, values[-1]]
    return cls(*values)


def _error(failure: Failure, req: Any) -> BaseException:
    """`failure` as this client raises it; one of another client, or of no client, by its kind."""
    try:
        return _own_error(failure, req)
    except (TypeError, ValueError):  # not what that class was ever made of
        return _error_of_kind(failure, req)


def _own_error(failure: Failure, req: Any) -> BaseException:
    library, _, name = failure.type.rpartition(".")
    args = failure.args
    found: Any = getattr(client_exceptions, name, None) if library == "aiohttp" else None
    if not (isinstance(found, type) and issubclass(found, client_exceptions.ClientError)):
        found = None  # a name that the module has, and no error of it
    if found is None and failure.type != "asyncio.TimeoutError":
        return _error_of_kind(failure, req)
    if found is None:
        return TimeoutError(*args)
    key = req.connection_key
    if issubclass(found, client_exceptions.UnixClientConnectorError):
        made: BaseException = found("", key, _os_error(args))
    elif issubclass(
        found,
        client_exceptions.ClientConnectorError | client_exceptions.ClientConnectorCertificateError,
    ):
        made = found(key, _os_error(args))
    elif issubclass(found, client_exceptions.ClientResponseError):
        status = int(args[0]) if args and args[0].isdigit() else 0
        made = found(req.request_info, (), status=status, message=args[1] if args[1:] else "")
    elif issubclass(found, OSError) and len(args) == 2 and args[0].lstrip("-").isdigit():
        made = found(int(args[0]), args[1])
    elif issubclass(found, client_exceptions.ServerFingerprintMismatch):
        made = client_exceptions.ServerConnectionError(*args)
    else:
        made = found(*args)
    return made


def _error_of_kind(failure: Failure, req: Any) -> BaseException:
    key = req.connection_key
    text = failure.args[-1] if failure.args else failure.kind
    match failure.kind:
        case "refused" | "proxy":
            return client_exceptions.ClientConnectorError(key, ConnectionRefusedError(111, text))
        case "dns":
            cls: Any = getattr(
                client_exceptions, "ClientConnectorDNSError", client_exceptions.ClientConnectorError
            )
            made: BaseException = cls(key, socket.gaierror(socket.EAI_NONAME, text))
            return made
        case "tls":
            return client_exceptions.ClientConnectorSSLError(key, ssl.SSLError(1, text))
        case "connect-timeout" | "pool-timeout":
            return TimeoutError()  # the session makes its own error of it
        case "read-timeout" | "write-timeout":
            timeout: Any = getattr(
                client_exceptions, "SocketTimeoutError", client_exceptions.ServerTimeoutError
            )
            error: BaseException = timeout("Timeout on reading data from socket")
            return error
        case "disconnected":
            return client_exceptions.ServerDisconnectedError()
        case "protocol":
            return client_exceptions.ClientResponseError(
                req.request_info, (), status=400, message=text
            )
        case _:
            return client_exceptions.ClientOSError(None, text)


# Replay.


async def _replayed(step: Playback, connector: Any, req: Any) -> Any:
    if step.waits_s is not None:
        await asyncio.sleep(step.waits_s)
        raise step.unanswered()
    if step.delay_s:
        await asyncio.sleep(step.delay_s)
    failure = step.failure
    if failure is not None and failure.kind in _CONNECT_KINDS:
        raise _error(failure, req)
    if failure is None and step.response is None:
        raise step.unanswered()
    handler = _Handler(step, req)
    handler.connection_made(_Transport(handler))
    return Connection(connector, req.connection_key, handler, handler._loop)


class _Transport(asyncio.Transport):
    """Takes the request and drops it; the answer comes from the recording."""

    def __init__(self, protocol: _Handler) -> None:
        super().__init__()
        self._protocol = protocol
        self._ending = self._closing = False

    def write(self, data: Any) -> None: ...

    def writelines(self, list_of_data: Any) -> None: ...

    def is_closing(self) -> bool:
        return self._closing

    def is_reading(self) -> bool:
        return not self._closing

    def close(self) -> None:
        """Soon: an answer that ends with its connection is there before the request is written whole."""
        if not self._ending:
            self._ending = True
            loop = self._protocol._loop
            if not loop.is_closed():
                loop.call_soon(self._close)

    def _close(self) -> None:
        self._closing = True
        self._protocol.connection_lost(None)

    def abort(self) -> None:
        self.close()

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class _Handler(ResponseHandler):
    """A connection's protocol that feeds itself from a Playback.

    At `speed = 0` a reader's wait brings the next chunk. Else chunks come at their recorded times, each
    in its own turn of the event loop. It never enters the pool.
    """

    def __init__(self, step: Playback, req: Any) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self._step = step
        self._req = req
        self._reader: Any = None
        self._started = False
        self._finished = False
        self._steps: list[tuple[float, bytes]] = []
        self._at = 0
        self._chunked = False
        self._until_close = False
        self._patience_s: float | None = None
        self.paced = False
        self.force_close()

    def set_response_params(self, **params: Any) -> None:
        self._patience_s = params.get("read_timeout")
        params["read_timeout"] = None  # the recording knows how long the peer took
        super().set_response_params(**params)
        if self._req._continue is not None:
            self.data_received(b"HTTP/1.1 100 Continue\r\n\r\n")

    def start_timeout(self) -> None:
        """The request is written: answer it."""
        if self._started:
            return
        self._started = True
        step = self._step
        if step.failure is not None:
            self.set_exception(_error(step.failure, self._req))
            return
        head, has_body = self._head()
        self._steps = list(step.steps()) if has_body else []
        self.paced = any(wait_s for wait_s, _ in self._steps)
        is_complete = step.interaction.ended is Ended.COMPLETE
        if not has_body or (is_complete and len(self._steps) <= 1 and not self.paced):
            if self._until_close or not has_body:
                self.data_received(head + self._next())
                self._finish()
            else:
                body = self._next() if self._steps else self._terminator()
                self._finished = True
                self.data_received(head + body)
            return
        self.data_received(head)
        if self.paced:
            self._pace()

    def feed_data(self, data: Any, size: int = 0) -> None:
        """A head was parsed: its reader asks us for the chunks."""
        reader = data[1]
        if type(reader) is streams.StreamReader and not reader.is_eof():
            reader.__class__ = _Reader
            self._reader = reader
        super().feed_data(data, size)

    def _head(self) -> tuple[bytes, bool]:
        step = self._step
        response = step.response
        assert response is not None
        headers = response.headers
        bare = response.status in _NO_BODY or self._req.method == "HEAD"
        self._chunked = "chunked" in headers.get("transfer-encoding").lower()
        length = headers.get("content-length")
        self._until_close = not self._chunked and not length
        if step.interaction.ended is not Ended.COMPLETE and length.isdigit():
            # Encoded anew it may be longer than it was; it must not look complete.
            size = len(step.whole())
            if int(length) <= size:
                headers = headers.replacing("content-length", str(size + 1))
        version = "HTTP/1.0" if response.http_version == "HTTP/1.0" else "HTTP/1.1"
        lines = [f"{version} {response.status} {response.reason}"]
        lines += [f"{name}: {value}" for name, value in headers]
        return "\r\n".join([*lines, "", ""]).encode("latin-1"), not bare

    def _terminator(self) -> bytes:
        return b"0\r\n\r\n" if self._chunked else b""

    def _next(self) -> bytes:
        """The next chunk as on the wire, with the end of the body where it is the last."""
        if self._at >= len(self._steps):
            return b""
        data = self._steps[self._at][1]
        self._at += 1
        if self._chunked and data:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        if self._at == len(self._steps) and self._step.interaction.ended is Ended.COMPLETE:
            data += self._terminator()
        return data

    def feed_next(self) -> None:
        """One chunk for a reader that waits; after the last, the end that was recorded."""
        if self._finished or self.transport is None:
            return
        if self._at < len(self._steps):
            self.data_received(self._next())
        if self._at < len(self._steps) or self._reading_paused or self._finished:
            return
        is_complete = self._step.interaction.ended is Ended.COMPLETE
        if is_complete or (self._reader is not None and not self._reader._buffer):
            self._finish()

    def _finish(self) -> None:
        """The end of the message, as it was."""
        if self._finished:
            return
        self._finished = True
        if self._step.was_left:
            limit_s = self._patience_s
            self._wait_left_open(None if not limit_s else self._loop.time() + limit_s)
            return
        error: BaseException | None = None
        if self._step.interaction.ended is not Ended.COMPLETE:
            failure = self._step.end_failure
            if failure is None or (
                failure.type.partition(".")[0] not in ("aiohttp", "asyncio")
                and not failure.kind.endswith("timeout")
            ):
                error = client_exceptions.ClientPayloadError("Response payload is not completed")
            else:
                error = _error(failure, self._req)
        if error is not None:
            if self._reader is not None:
                self._reader.set_exception(error)
        elif self._reader is not None and not self._reader.is_eof() and self.transport is not None:
            self.transport.close()  # a body that lasts until the connection's end

    def _wait_left_open(self, end: float | None) -> None:
        """Let the reader wait for a stream that was left open, until it closes or its own time is over."""
        if self.transport is None or self._reader is None:
            return
        is_late = end is not None and self._loop.time() >= end
        pause_s = self._step.pause_s
        if pause_s and not is_late:
            self._loop.call_later(pause_s, self._wait_left_open, end)
            return
        error: BaseException = self._step.read_past_end()
        if is_late:
            error = _error(Failure(kind="read-timeout", type=""), self._req)
        self._reader.set_exception(error)

    def _pace(self) -> None:
        """Bring the next chunk when its time has come."""
        if self._at < len(self._steps):
            wait_s = self._steps[self._at][0]
            if wait_s:
                self._loop.call_later(wait_s, self._paced)
            else:
                self._loop.call_soon(self._paced)
        elif self._reader is not None and self._reader._waiter is not None:
            self._finish()

    def _paced(self) -> None:
        if self.transport is None or self._finished:
            return
        self.data_received(self._next())
        self._pace()

    @property
    def is_spent(self) -> bool:
        return self._at >= len(self._steps)


class _Reader(streams.StreamReader):
    """The payload of a replayed answer: waiting asks the handler for the next chunk."""

    __slots__ = ()

    async def _wait(self, func_name: str) -> None:
        handler: Any = self._protocol
        if handler.paced and not handler.is_spent:
            await super()._wait(func_name)
            return
        with self._timer:
            await asyncio.sleep(0)
        if self._buffer or self._eof:
            return
        if self._exception is None:
            handler.feed_next()
        if self._exception is not None:
            raise self._exception
        if not self._buffer and not self._eof and (handler.is_spent or not handler.connected):
            await super()._wait(func_name)

    async def wait_eof(self) -> None:
        handler: Any = self._protocol
        while not handler.paced and not handler.is_spent:
            handler.feed_next()
            await asyncio.sleep(0)
        await super().wait_eof()

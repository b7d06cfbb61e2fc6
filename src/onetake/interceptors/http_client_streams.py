"""An answer of `http.client`, teed while it is live and played when it is recorded.

Both stand at a file, below every reader: live, the file of an `HTTPResponse` is wrapped once its head is
parsed (one seam, `HTTPResponse.begin`); on replay a socket in memory gives a file with the recorded
bytes, and `http.client` reads them itself. urllib3 reads through the same files, and is given an
`HTTPResponse` whose head is known already, since parsing one costs more than the rest of a replay.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import chain
from typing import Any

from onetake.interceptors.socket_failures import to_error, to_failure
from onetake.messages import Ended, Failure, Headers, Response
from onetake.runtime.driver import wait_left_open
from onetake.runtime.playback import Playback
from onetake.runtime.recording import Recording
from onetake.runtime.seams import Seam
from onetake.runtime.seams import install as install_seams
from onetake.wire import http1

# The client saw the chunked framing break: `args` has the number of bytes that a chunk lacks, or, of kind
# `protocol`, the line that is no chunk size. The same bytes again make any reader raise the same.
_CUT_IN_CHUNK = "http.client.IncompleteRead"

_teed: ContextVar[Recording | None] = ContextVar("onetake_teed", default=None)
_installed = False


def install() -> None:
    """Stand in `HTTPResponse.begin`, once per process."""
    global _installed
    if _installed:
        return
    _installed = True
    from http.client import HTTPResponse

    install_seams(Seam(HTTPResponse, "begin", _begin, "http"))


@contextmanager
def teed_to(step: Recording | None) -> Iterator[None]:
    """The first answer that is begun inside is told to `step`."""
    token = _teed.set(step)
    try:
        yield
    finally:
        _teed.reset(token)


def _begin(original: Callable[[Any], None]) -> Callable[[Any], None]:
    def begin(self: Any) -> None:
        original(self)
        step = _teed.get()
        if step is None or isinstance(self.fp, Tee):
            return
        _teed.set(None)
        headers = Headers(tuple((str(n), str(v)) for n, v in self.headers.raw_items()))
        version = "HTTP/1.0" if self.version == 10 else "HTTP/1.1"
        step.head(self.status, self.reason, version, headers)
        framer = http1.BodyFramer(chunked=bool(self.chunked), length=self.length)
        if not http1.has_body(self.status, self._method or ""):
            framer = http1.BodyFramer(length=0)
        self.fp = Tee(self.fp, framer, step, "content-encoding" not in headers)

    return begin


def failed(step: Recording, error: BaseException, failure: Failure) -> None:
    """The call raised: a failure, unless the program itself is being stopped."""
    if isinstance(error, Exception):
        step.end(Ended.CUT, failure)
    else:
        step.stop()


class Tee:
    """A file that passes everything through and tells the recording what came of the body.

    `is_plain`: the body has no content coding, so a chunk that is cut can be cut again on replay.
    """

    def __init__(
        self, file: Any, framer: http1.BodyFramer, step: Recording, is_plain: bool
    ) -> None:
        self._file = file
        self._framer = framer
        self._step = step
        self._is_plain = is_plain
        if framer.complete:
            step.end()

    def read(self, size: int | None = -1) -> bytes:
        data: bytes = self._call(self._file.read, size)
        self._saw(data, ended=size is None or size < 0 or len(data) < size)
        return data

    def read1(self, size: int = -1) -> bytes:
        data: bytes = self._call(self._file.read1, size)
        self._saw(data, ended=not data and size != 0)
        return data

    def readline(self, limit: int = -1) -> bytes:
        data: bytes = self._call(self._file.readline, limit)
        short = limit < 0 or len(data) < limit
        self._saw(data, ended=short and not data.endswith(b"\n"))
        return data

    def readinto(self, buffer: Any) -> int:
        count: int = self._call(self._file.readinto, buffer)
        self._saw(bytes(memoryview(buffer)[:count]), ended=count < len(buffer))
        return count

    def peek(self, size: int = 0) -> bytes:
        data: bytes = self._call(self._file.peek, size)
        return data

    def close(self) -> None:
        bad_line = self._framer.bad_line
        if bad_line is not None:
            line = bad_line.decode("latin-1")
            self._step.end(Ended.CUT, Failure(kind="protocol", type=_CUT_IN_CHUNK, args=(line,)))
        elif not self._step.ended:
            self._step.chunk(self._framer.rest())
            self._step.end(Ended.CLOSED)
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def _call(self, read: Callable[[Any], Any], argument: Any) -> Any:
        try:
            return read(argument)
        except BaseException as error:
            self._step.chunk(self._framer.rest())
            failed(self._step, error, to_failure(error, connecting=False))
            raise

    def _saw(self, data: bytes, *, ended: bool) -> None:
        step, framer = self._step, self._framer
        if step.ended:
            return
        for piece in framer.feed(data):
            step.chunk(piece)
        if ended:
            framer.eof()
        if framer.complete:
            step.end()
        elif ended:
            rest = framer.rest()
            step.chunk(rest)
            failure = None
            if rest and framer.missing and self._is_plain:
                failure = Failure(
                    kind="disconnected", type=_CUT_IN_CHUNK, args=(str(framer.missing),)
                )
            step.end(Ended.CUT, failure)


class MemorySocket:
    """Stands where a client's socket would be: collects what is sent, then plays an answer."""

    def __init__(self) -> None:
        self.sent = bytearray()
        self._segments: Iterator[tuple[float, bytes]] = iter(())
        self._step: Playback | None = None
        self._timeout: float | None = None

    def play(self, step: Playback, *, is_head_known: bool = False) -> None:
        """Give the answer of `step` to whoever reads; its body alone with `is_head_known`."""
        self._step = step
        self._segments = _body(step) if is_head_known else chain(_head(step), _body(step))

    def sendall(self, data: Any, _flags: int = 0) -> None:
        self.sent += data

    def makefile(self, *_args: Any, **_kwargs: Any) -> io.BufferedReader:
        assert self._step is not None
        return io.BufferedReader(_Played(self._step, self._segments, self._timeout))

    def settimeout(self, value: float | None) -> None:
        self._timeout = value

    def gettimeout(self) -> float | None:
        return self._timeout

    def setsockopt(self, *_args: Any) -> None: ...

    def shutdown(self, _how: int) -> None: ...

    def fileno(self) -> int:
        return -1

    def close(self) -> None: ...


class _Played(io.RawIOBase):
    """Gives at each read what one read of the live socket gave, and ends as that did."""

    def __init__(
        self,
        step: Playback,
        segments: Iterator[tuple[float, bytes]],
        patience_s: float | None,
    ) -> None:
        """`patience_s` is how long the socket waits for bytes; None where it does so for ever."""
        self._step = step
        self._segments = segments
        self._patience_s = patience_s
        self._current = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._current:
            following = next(self._segments, None)
            if following is None:
                return self._end()
            wait_s, data = following
            if wait_s:
                time.sleep(wait_s)
            self._current = memoryview(data)
        count = min(len(buffer), len(self._current))
        buffer[:count] = self._current[:count]
        self._current = self._current[count:]
        return count

    def _end(self) -> int:
        if self._step.was_left:
            is_late = wait_left_open(self._step, self._patience_s)
            miss = self._step.read_past_end()
            if is_late:
                raise TimeoutError("timed out") from miss
            raise miss
        failure = self._step.end_failure
        if failure is not None and failure.type != _CUT_IN_CHUNK:
            raise to_error(failure)
        return 0


def answered(step: Playback, method: str, patience_s: float | None = None) -> Any:
    """Return the `HTTPResponse` of a recorded answer as `begin` leaves it, and wait for it as long as it took.

    Its socket waits for bytes for `patience_s`, or for ever.

    What is set here is what `HTTPResponse.begin` of CPython 3.11 to 3.14 sets.
    """
    from http.client import HTTPMessage, HTTPResponse

    head = step.response
    assert head is not None
    if step.delay_s:
        time.sleep(step.delay_s)
    sock: Any = MemorySocket()
    sock.settimeout(patience_s)
    sock.play(step, is_head_known=True)
    response: Any = HTTPResponse(sock, method=method)
    message = HTTPMessage()
    for name, value in head.headers:
        message[name] = value
    response.headers = response.msg = message
    response.version = 10 if head.http_version == "HTTP/1.0" else 11
    response.code = response.status = head.status
    response.reason = head.reason.strip()
    response.chunked = http1.is_chunked(head.headers)
    if response.chunked:
        response.chunk_left = None
    response.length = _length(head, method, is_chunked=response.chunked)
    response.will_close = response._check_close() or (
        response.length is None and not response.chunked
    )
    return response


def _length(head: Response, method: str, *, is_chunked: bool) -> int | None:
    """Return how many bytes the body of an answer is said to have, None where its end is that of the file."""
    if not http1.has_body(head.status, method):
        return 0
    stated = head.headers.get("content-length")
    try:
        length = -1 if is_chunked else int(stated)
    except ValueError:
        return None
    return length if length >= 0 else None


def _head(step: Playback) -> Iterator[tuple[float, bytes]]:
    """Yield the head of an answer with the seconds to wait before it."""
    assert step.response is not None
    yield step.delay_s, http1.render_head(step.response)


def _body(step: Playback) -> Iterator[tuple[float, bytes]]:
    """Yield the body of an answer, framed as it came, with the seconds to wait before each piece."""
    response = step.response
    assert response is not None
    if not http1.has_body(response.status, step.interaction.request.method):
        return
    if not http1.is_chunked(response.headers):
        yield from step.steps()
        return
    pieces = [(wait_s, data) for wait_s, data in step.steps() if data]
    failure = step.end_failure
    missing = 0
    bad_line = b""
    if failure is not None and failure.type == _CUT_IN_CHUNK:
        if failure.kind == "protocol":
            bad_line = failure.args[0].encode("latin-1")
        else:
            missing = int(failure.args[0])
    for number, (wait_s, data) in enumerate(pieces, 1):
        yield wait_s, http1.render_chunk(data, missing if number == len(pieces) else 0)
    if step.interaction.ended is Ended.COMPLETE:
        yield 0.0, http1.LAST_CHUNK
    elif bad_line:
        yield 0.0, bad_line

"""The recording of a live call while its bytes pass through to the program.

An interceptor makes one `Recording` per sent request and tells it what it sees: `head`, `chunk`, then
`end`. Nothing here delays a chunk; the interaction is handed over the moment the answer is complete.
"""

from __future__ import annotations

import time
from threading import Lock

from msgspec.structs import replace

from onetake.cassettes.decisions import Live
from onetake.messages import (
    Body,
    Chunk,
    Ended,
    Failure,
    Headers,
    Interaction,
    Request,
    Response,
)
from onetake.wire.encodings import Coder, decoder
from onetake.wire.terminators import is_terminated

_monotonic = time.monotonic  # bound early: fake clocks do not reach us
_now = time.time


class Recording:
    """One live call under way. Its methods never raise; `end` counts once."""

    def __init__(self, call: Live, request: Request, *, exact_encoding: bool = False) -> None:
        """`exact_encoding` keeps a body as it came, not decoded."""
        self._call = call
        self._request = request
        self._exact_encoding = exact_encoding
        self._at = int(_now())
        self._start = _monotonic()
        self._ms = 0
        self._response: Response | None = None
        self._decoder: Coder | None = None
        self._wire: list[bytes] = []
        self._plain: list[bytes] = []
        self._wire_ends: list[Chunk] = []
        self._plain_ends: list[Chunk] = []
        self._wire_size = 0
        self._plain_size = 0
        self._lock = Lock()
        self.ended = False
        call.began(self)

    def _elapsed_ms(self) -> int:
        return round((_monotonic() - self._start) * 1000)

    def head(self, status: int, reason: str, http_version: str, headers: Headers) -> None:
        """The answer's head arrived."""
        self._ms = self._elapsed_ms()
        self._response = Response(
            status=status, reason=reason, http_version=http_version, headers=headers
        )
        codings = [value for name, value in headers.items if name.lower() == "content-encoding"]
        if len(codings) == 1 and not self._exact_encoding:
            self._decoder = decoder(codings[0])

    def chunk(self, data: bytes) -> None:
        """Bytes of the body as they came, without the transfer framing."""
        if not data or self.ended:
            return
        ms = self._elapsed_ms()
        self._wire.append(data)
        self._wire_size += len(data)
        self._wire_ends.append(Chunk(self._wire_size, ms))
        if self._decoder is not None:
            try:
                self._add_plain(self._decoder.feed(data), ms)
            except Exception:  # whatever a codec raises: no such coding, or a bomb
                self._keep_as_it_came()

    def _keep_as_it_came(self) -> None:
        self._decoder = None
        self._plain.clear()

    def _add_plain(self, data: bytes, ms: int) -> None:
        if data:
            self._plain.append(data)
            self._plain_size += len(data)
            self._plain_ends.append(Chunk(self._plain_size, ms))

    def end(self, ended: Ended = Ended.COMPLETE, failure: Failure | None = None) -> None:
        """The message is over; hand the interaction to its owner. A second call changes nothing."""
        with self._lock:
            if self.ended:
                return
            self.ended = True
        response = self._response
        if response is not None:
            body = self._body(ended)
            if ended is Ended.CLOSED and self._is_whole(response, body):
                ended = Ended.COMPLETE
            response = replace(response, body=body)
        else:
            self._ms = self._elapsed_ms()
        self._call.keep(
            Interaction(
                request=self._request,
                response=response,
                failure=failure,
                ended=ended,
                at=self._at,
                ms=self._ms,
            ),
        )

    def let_go(self, reason: str) -> None:
        """The call is made, and nothing of it can be kept."""
        with self._lock:
            self.ended = True
        self._call.let_go(reason)

    def stop(self) -> None:
        """The program gave the call up: before the head it was cancelled, after it closed."""
        self.end(Ended.CANCELLED if self._response is None else Ended.CLOSED)

    def abandon(self) -> None:
        """Nobody will read on: keep what arrived. Does nothing before the head, or after the end."""
        if self._response is not None:
            self.end(Ended.CLOSED)

    def _is_whole(self, response: Response, body: Body) -> bool:
        """Whether a body that the client closed had said all it had to say."""
        length = response.headers.get("content-length")
        if length.isdigit():
            return self._wire_size >= int(length)
        return is_terminated(response.headers.get("content-type"), body.data)

    def _body(self, ended: Ended) -> Body:
        if self._decoder is not None and self._wire and ended is Ended.COMPLETE:
            try:
                self._add_plain(self._decoder.finish(), self._wire_ends[-1].ms)
            except Exception:
                self._keep_as_it_came()
        if self._decoder is not None and self._wire and self._response is not None:
            return Body(
                data=b"".join(self._plain),
                chunks=tuple(self._plain_ends),
                encoding=self._response.headers.get("content-encoding").strip().lower(),
            )
        return Body(data=b"".join(self._wire), chunks=tuple(self._wire_ends))

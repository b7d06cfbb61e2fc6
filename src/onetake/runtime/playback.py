"""A recorded answer given back: the same head, the same chunks, the same end."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from onetake.errors import MissError
from onetake.messages import Ended, Failure, Headers, Interaction, Response
from onetake.wire.encodings import encoder

if TYPE_CHECKING:
    from onetake.runtime.context import Owner

# A cancelled call waits on replay as long as it took when recorded, and this much more.
_CANCELLED_GRACE_S = 5.0
_LONGEST_WAIT_S = 3600.0  # whatever a recording says

_QUIET_S = 30.0  # without a request of its owner: a reader that still waits is not going to close
_LOOK_S = 0.1  # how often a waiting reader looks whether its owner has ended


_monotonic = time.monotonic  # bound early: fake clocks do not reach us


class Playback:
    """What an interceptor needs in order to answer from `interaction`.

    `steps` yields (seconds to wait, bytes as on the wire); afterwards `raise_end` says how it ended.
    `failure` is set instead of a response when the transport failed before the head.
    """

    def __init__(self, interaction: Interaction, owner: Owner, client: str) -> None:
        """`owner` sets the pace, and is told where the program wants more than the recording has."""
        self.interaction = interaction
        self._owner = owner
        self._client = client
        self._speed = owner.speed
        self.failure: Failure | None = None if interaction.response else interaction.failure
        self.response: Response | None = None
        self._steps: list[tuple[float, bytes]] = []
        self._told: MissError | None = None
        self._left_since = (
            0.0  # a reader has come to the end of what was read when this was recorded
        )
        if interaction.response is not None:
            self._prepare(interaction.response, owner.fast_retries)

    @property
    def delay_s(self) -> float:
        """Seconds before the head (or the failure) comes."""
        return self._paced(self.interaction.ms) if self._speed else 0.0

    @property
    def waits_s(self) -> float | None:
        """How long a cancelled call waits, without network, to be cancelled again; None for others."""
        if self.interaction.ended is Ended.CANCELLED and self.response is None:
            return min(self.interaction.ms / 1000 + _CANCELLED_GRACE_S, _LONGEST_WAIT_S)
        return None

    def _prepare(self, response: Response, fast_retries: bool) -> None:
        headers, body = response.headers, response.body
        pieces = body.pieces()
        if body.encoding:
            pieces, headers = self._encoded(pieces, headers, body.encoding)
        if "transfer-encoding" in headers and "content-length" in headers:
            # Hooks write both. A client may refuse that (RFC 9112, section 6.3), or be unsure of the end.
            is_sized = self._has_length(response)
            headers = headers.without("transfer-encoding" if is_sized else "content-length")
        if length := headers.get("content-length"):
            size = str(sum([len(data) for data, _ in pieces]))
            if length != size and self._has_length(response):
                headers = headers.replacing("content-length", size)
        if fast_retries and "retry-after" in headers:
            headers = headers.replacing("retry-after", "0")
        self.response = (
            response if headers is response.headers else response.replace(headers=headers)
        )
        if self._speed:
            before = self.interaction.ms
            for data, ms in pieces:
                self._steps.append((self._paced(max(0, ms - before)), data))
                before = max(before, ms)
        else:
            self._steps = [(0.0, data) for data, _ in pieces]

    def _encoded(
        self, pieces: list[tuple[bytes, int]], headers: Headers, encoding: str
    ) -> tuple[list[tuple[bytes, int]], Headers]:
        """Encode each piece as its answer was; without an encoder it stays, and nothing claims that it is."""
        coder = encoder(encoding)
        if coder is None:
            return pieces, headers.without("content-encoding")
        pieces = [(coder.feed(data), ms) for data, ms in pieces]
        if self.interaction.ended is Ended.COMPLETE and pieces:
            data, ms = pieces[-1]
            pieces[-1] = (data + coder.finish(), ms)
        return pieces, headers

    def _has_length(self, response: Response) -> bool:
        """Return whether `content-length` says how long this body is, and not what another answer would be."""
        return (
            self.interaction.ended is Ended.COMPLETE
            and self.interaction.request.method != "HEAD"
            and response.status not in (204, 304)
            and response.status >= 200
        )

    def _paced(self, ms: int) -> float:
        return min(ms / 1000 / self._speed, _LONGEST_WAIT_S)

    def steps(self) -> Iterator[tuple[float, bytes]]:
        return iter(self._steps)

    def whole(self) -> bytes:
        """All bytes of the body, as on the wire."""
        return b"".join(data for _, data in self._steps)

    @property
    def headers(self) -> Headers:
        assert self.response is not None
        return self.response.headers

    @property
    def end_failure(self) -> Failure | None:
        """The error to raise after the last chunk, for a stream that broke."""
        return self.interaction.failure if self.response is not None else None

    @property
    def was_left(self) -> bool:
        """The client that recorded the answer closed it before its end."""
        return self.interaction.ended is Ended.CLOSED

    @property
    def pause_s(self) -> float:
        """The seconds that a reader past the end waits before it asks again; 0 where it waits no longer.

        When the answer was recorded its client closed it, or ran out of time, while nothing came. So nothing
        comes now. A program that makes no request for 30 s while it waits is not going to close it.
        """
        now = _monotonic()
        self._left_since = self._left_since or now
        quiet_s = self._owner.quiet_s()
        is_over = math.isinf(quiet_s) or min(quiet_s, now - self._left_since) >= _QUIET_S
        return 0.0 if is_over else _LOOK_S

    def read_past_end(self) -> MissError:
        """Return the error for a reader that goes past what the recording client had read."""
        return self._miss(
            f"The recording of {self.interaction.request.line} ends here: when it was made, the client closed "
            f"the stream before its end. This one read on, and waited for {self._waited_s:.0f} s.",
            "Close the stream there, or record it anew with a client that reads on (--onetake-mode=record).",
            "closed",
        )

    @property
    def _waited_s(self) -> float:
        return _monotonic() - self._left_since if self._left_since else 0.0

    def unanswered(self) -> MissError:
        """Return the error for a cancelled call that nobody cancels on replay."""
        return self._miss(
            f"The recording of {self.interaction.request.line} has no answer: "
            "when it was made, the call was cancelled while waiting.",
            "Record it anew (--onetake-mode=record).",
            "cancelled",
        )

    def _miss(self, message: str, remedy: str, reason: str) -> MissError:
        if self._told is None:
            line = self.interaction.request.line
            self._told = MissError(message, remedy=remedy, request=line, reason=reason)
            self._owner.missed(self.interaction.request, self._client, self._told)
        return self._told

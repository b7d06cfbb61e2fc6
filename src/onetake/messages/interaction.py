"""One recorded request and what came of it."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from onetake.messages.http import Ended, Failure, Request, Response


class Interaction(Struct, frozen=True, kw_only=True):
    """A request, its answer, and how that ended.

    `response` is None when the transport failed (or the call was cancelled) before an answer;
    `failure` is the error seen by the client, before the head or while the body was read.
    `at` is the moment the request was made (UTC seconds), `ms` the time until the head came.
    """

    request: Request
    response: Response | None = None
    failure: Failure | None = None
    ended: Ended = Ended.COMPLETE
    at: int = 0
    ms: int = 0

    def replace(self, **changes: object) -> Interaction:
        return replace(self, **changes)

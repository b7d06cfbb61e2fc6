"""The owner of a fixture wider than function, and of the session: its cassette opens at its first request.

Most wide fixtures (tmp_path_factory, an event loop) never make one. A running test that has set
`adopt` takes the requests over.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from msgspec.structs import replace

from onetake.cassettes.decisions import Decision, Record, Refuse, Wait
from onetake.config import Settings
from onetake.errors import OnetakeError
from onetake.messages import Interaction, Request
from onetake.runtime.context import Owner, Recording

if TYPE_CHECKING:
    from onetake.recorder import Cassette
    from onetake.runtime.connections import Egress


class LazyOwner:
    """Opens once and hands on. Thread-safe. `error` is why it could not be opened."""

    def __init__(
        self,
        settings: Settings,
        open_cassette: Callable[[], Cassette],
        adopter: Callable[[], Owner | None],
        egress: Egress,
    ) -> None:
        self.speed = settings.speed
        self.fast_retries = (
            settings.speed == 0 if settings.fast_retries is None else settings.fast_retries
        )
        self.exact_encoding = settings.exact_encoding
        self.max_request_body = settings.max_request_body
        self._open = open_cassette
        self._adopter = adopter
        self.own_egress = egress
        self._adopted: dict[int, tuple[Owner, int]] = {}  # under numbers below 0
        self._lock = Lock()
        self.cassette: Cassette | None = None
        self.error: OnetakeError | None = None

    @property
    def egress(self) -> Egress:
        adopter = self._adopter()
        return self.own_egress if adopter is None else adopter.egress

    def decide(self, request: Request, client: str) -> Decision:
        adopter = self._adopter()
        if adopter is not None:
            return self._hand_over(adopter, adopter.decide(request, client))
        opened = self._opened()
        if isinstance(opened, OnetakeError):
            return Refuse(opened)
        return opened.opening.decide(request, client)

    def let_through(self, request: Request, client: str) -> OnetakeError | None:
        adopter = self._adopter()
        if adopter is not None:
            return adopter.let_through(request, client)
        opened = self._opened()
        if isinstance(opened, OnetakeError):
            return opened
        return opened.opening.let_through(request, client)

    def _opened(self) -> Cassette | OnetakeError:
        with self._lock:
            if self.cassette is None:
                try:
                    self.cassette = self._open()
                except OnetakeError as error:
                    self.error = error
                    return error
                self.cassette.opening.egress = self.own_egress
            return self.cassette

    def _hand_over(self, adopter: Owner, decision: Decision) -> Decision:
        if isinstance(decision, Wait):
            return replace(decision, again=lambda: self._hand_over(adopter, decision.again()))
        if not isinstance(decision, Record):
            return decision
        with self._lock:
            number = -1 - len(self._adopted)
            self._adopted[number] = (adopter, decision.seq)
        return Record(number)

    def began(self, seq: int, recording: Recording) -> None:
        if (found := self._whose(seq)) is not None:
            owner, number = found
            owner.began(number, recording)

    def let_go(self, seq: int, reason: str) -> None:
        if (found := self._whose(seq)) is not None:
            owner, number = found
            owner.let_go(number, reason)

    def keep(self, seq: int, interaction: Interaction) -> None:
        if (found := self._whose(seq)) is not None:
            owner, number = found
            owner.keep(number, interaction)

    def _whose(self, seq: int) -> tuple[Owner, int] | None:
        """Who decided on the call, and its number there."""
        if seq < 0:
            return self._adopted[seq]
        return None if self.cassette is None else (self.cassette.opening, seq)

"""The owner of a fixture wider than function, and of the session: its cassette opens at its first request.

Most wide fixtures (tmp_path_factory, an event loop) never make one. A running test that has set
`adopt` takes the requests over.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from threading import Lock
from typing import TYPE_CHECKING

from onetake.cassettes.decisions import Decision, Refuse
from onetake.config import Settings
from onetake.errors import MissError, OnetakeError
from onetake.messages import Interaction, Request
from onetake.runtime.context import Owner, Paced

if TYPE_CHECKING:
    from onetake.recorder import Cassette
    from onetake.runtime.connections import Egress


class LazyOwner(Paced):
    """Opens once and hands on. Thread-safe. `error` is why it could not be opened."""

    def __init__(
        self,
        settings: Settings,
        open_cassette: Callable[[], Cassette],
        adopter: Callable[[], Owner | None],
        egress: Egress,
    ) -> None:
        super().__init__(settings)
        self._open = open_cassette
        self._adopter = adopter
        self.own_egress = egress
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
            return adopter.decide(request, client)
        opened = self._opened()
        if isinstance(opened, OnetakeError):
            return Refuse(opened)
        return opened.opening.decide(request, client)

    def recall(
        self, head: Hashable, body: bytes, request_of: Callable[[], Request], client: str
    ) -> Interaction | None:
        owner = self._adopter() or (self.cassette.opening if self.cassette is not None else None)
        return None if owner is None else owner.recall(head, body, request_of, client)

    def quiet_s(self) -> float:
        owner = self._adopter() or (self.cassette.opening if self.cassette is not None else None)
        return math.inf if owner is None else owner.quiet_s()

    def missed(self, request: Request, client: str, error: MissError) -> None:
        owner = self._adopter() or (self.cassette.opening if self.cassette is not None else None)
        if owner is not None:
            owner.missed(request, client, error)

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

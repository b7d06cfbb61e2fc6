"""An owner of a few lines: the first keeps what is recorded, the second gives it back in order."""

from __future__ import annotations

from threading import Lock

from onetake.cassettes.decisions import Arriving, Decision, Record, Refuse, Replay
from onetake.errors import MissError, OnetakeError
from onetake.messages import Interaction, Request
from onetake.runtime.context import RecallsNothing


class HandMadeOwner(RecallsNothing):
    def __init__(
        self,
        recorded: dict[int, Interaction] | None = None,
        *,
        speed: float = 0.0,
        exact_encoding: bool = False,
    ) -> None:
        self.speed = speed
        self.fast_retries = True
        self.exact_encoding = exact_encoding
        self.max_request_body = 1024 * 1024
        self.kept: dict[int, Interaction] = {}
        self.asked: list[Request] = []
        self.clients: list[str] = []
        self.let_through_from: list[tuple[str, str]] = []
        self.refusal: OnetakeError | None = None
        self._to_replay = None if recorded is None else [recorded[seq] for seq in sorted(recorded)]
        self.lock = Lock()

    def decide(self, request: Request, client: str) -> Decision:
        with self.lock:
            self.asked.append(request)
            self.clients.append(client)
            if self._to_replay is None:
                return Record(HandMadeCall(self, len(self.asked)))
            for interaction in self._to_replay:
                if _key(interaction.request) == _key(request):
                    self._to_replay.remove(interaction)
                    return Replay(interaction)
        return Refuse(MissError(f"no recording of {request.line}"))

    def let_through(self, request: Request, client: str) -> OnetakeError | None:
        assert request.body == b""
        self.let_through_from.append((request.line, client))
        return self.refusal

    def replayer(self, *, speed: float = 0.0) -> HandMadeOwner:
        return HandMadeOwner(self.kept, speed=speed)


class HandMadeCall:
    """A live call of a `HandMadeOwner`."""

    def __init__(self, owner: HandMadeOwner, number: int) -> None:
        self._owner = owner
        self._number = number

    def began(self, arriving: Arriving) -> None: ...

    def let_go(self, reason: str) -> None: ...

    def keep(self, interaction: Interaction) -> None:
        with self._owner.lock:
            assert self._number not in self._owner.kept
            self._owner.kept[self._number] = interaction


def _key(request: Request) -> tuple[str, str, bytes]:
    return request.method, request.url, request.body

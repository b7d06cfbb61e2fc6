"""Requests that are no calls to be recorded: telemetry, exchanges of credentials, what a rule says.

Telemetry exports are answered here with their protocol's success, an exchange of credentials is never
stored, and a synthetic or recorded credential never goes out on a live call.
"""

from __future__ import annotations

from msgspec import Struct

from onetake.cassettes.decisions import Decision, Forward, Local
from onetake.config import MODES, Mode, Settings
from onetake.errors import MissError
from onetake.matching import Active
from onetake.messages import Chunk, Failure, Interaction, Request, Response, glob
from onetake.providers import (
    GENERIC_EXCHANGE,
    GENERIC_TELEMETRY,
    SYNTHETIC,
    exchange_for,
    synthetic_answer,
    telemetry_answer,
    telemetry_for,
)

_BLOCKED = Failure(kind="refused", type="", args=("blocked by a rule of onetake",))


class Traffic(Struct):
    """What one opening does with such requests. `in_test` says whether it belongs to a test run.

    `exists` says whether the cassette has recordings: where it has none yet, an exchange goes live, as
    live calls will follow.
    """

    settings: Settings
    in_test: bool
    exists: bool
    is_synthetic: bool = False  # a synthetic credential was given out

    def mode_for(self, active: Active, host: str) -> Mode:
        """The record mode of a request, which a rule may change, beneath the ceiling."""
        mode = self.settings.mode
        if active.mode is None or active.mode == "block":
            return mode
        wanted = MODES[active.mode]
        if wanted is Mode.LIVE:
            allowed = not self.settings.is_ceiling or self._is_allowed(host)
            return wanted if allowed else mode
        if self.settings.is_ceiling or mode in (Mode.RECORD, Mode.LIVE):
            return mode
        return wanted

    def decide(self, request: Request, active: Active, mode: Mode, now_s: float) -> Decision | None:
        """What happens to `request` (not redacted) if it is no ordinary call, else None."""
        if active.mode == "block":
            return Local(Interaction(request=request, failure=_BLOCKED), "blocked")
        traffic = active.traffic
        if traffic == "ordinary":
            return None
        telemetry = GENERIC_TELEMETRY if traffic == "telemetry" else None
        exchange = GENERIC_EXCHANGE if traffic == "credential-exchange" else None
        if traffic is None:
            telemetry = telemetry_for(request)
            exchange = None if telemetry else exchange_for(request)
        if telemetry is not None:
            how = active.telemetry or self.settings.telemetry
            how = how or ("local" if self.in_test else "live")
            if how == "record":
                return None
            if mode is Mode.LIVE or (how == "live" and mode is not Mode.REPLAY):
                return Forward("telemetry")
            return _answered(request, telemetry_answer(telemetry, request), "telemetry")
        if exchange is not None:
            if self._goes_live(mode):
                return Forward("credential-exchange")
            self.is_synthetic = True
            answer = synthetic_answer(exchange, request, int(now_s))
            return _answered(request, answer, "credential-exchange")
        return None

    def _goes_live(self, mode: Mode) -> bool:
        if mode is Mode.REPLAY:
            return False
        if mode in (Mode.RECORD, Mode.LIVE) or self.settings.credential_exchange == "live":
            return True
        return not self.exists

    def refusal(self, request: Request, safe: Request) -> MissError | None:
        """Why `request` may not go live: its credential is not a real one."""
        lines = [value for _, value in request.headers]
        synthetic = self.is_synthetic and any(
            mark in text for mark in SYNTHETIC for text in (*lines, request.url)
        )
        recorded = any(
            "<redacted:" in text or "REDACTED-" in text for text in (*lines, request.url)
        )
        if not synthetic and not recorded:
            return None
        what = (
            "onetake gave it out in place of an exchange of credentials"
            if synthetic
            else "it was redacted in a recording that was replayed"
        )
        remedy = (
            "Run once with ONETAKE_CREDENTIAL_EXCHANGE=live."
            if synthetic
            else "Record the whole cassette anew (--onetake-mode=record)."
        )
        return MissError(
            f"{safe.line} is not recorded, and it cannot be sent: its credential is no real one, {what}.",
            remedy=remedy,
            request=safe.line,
            reason="credential",
        )

    def _is_allowed(self, host: str) -> bool:
        name = host.partition(":")[0]
        return any(glob(one.lower()).fullmatch(name) for one in self.settings.allow_hosts)


def _answered(request: Request, answer: Response, reason: str) -> Local:
    size = len(answer.body.data)
    if size and not answer.body.chunks:
        answer = answer.replace(
            body=type(answer.body)(data=answer.body.data, chunks=(Chunk(size, 0),))
        )
    return Local(Interaction(request=request, response=answer), reason)

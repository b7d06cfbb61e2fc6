"""Requests that are no calls to be recorded: telemetry, exchanges of credentials, what a rule says.

Telemetry exports are answered here with their protocol's success, an exchange of credentials is never
stored, and a synthetic or recorded credential never goes out on a live call.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator
from urllib.parse import unquote

from msgspec import Struct

from onetake.cassettes.decisions import Forward, Local
from onetake.config import MODES, Mode, Settings
from onetake.config.hosts import is_allowed, read_host
from onetake.content import plain_value, read_request
from onetake.errors import MissError
from onetake.matching import Active
from onetake.messages import Chunk, Failure, Interaction, Request, Response, read_url
from onetake.providers import (
    GENERIC_EXCHANGE,
    GENERIC_TELEMETRY,
    SYNTHETIC,
    exchange_at,
    exchange_for,
    is_of_network,
    synthetic_answer,
    telemetry_answer,
    telemetry_at,
    telemetry_for,
)
from onetake.redaction import holds_placeholder
from onetake.runtime.egress import is_near_by
from onetake.wire.late import late_pattern

_BASIC = late_pattern(r"\s*basic\s+([A-Za-z0-9+/_=-]+)\s*", re.IGNORECASE)
_BLOCKED = Failure(kind="refused", type="", args=("blocked by a rule of onetake",))


class Traffic(Struct):
    """What one opening does with such requests. `in_test` says whether it belongs to a test run.

    `exists` says whether the cassette has recordings: where it has none yet, an exchange goes live, as
    live calls will follow.
    """

    settings: Settings
    in_test: bool
    exists: bool

    def mode_for(self, active: Active, host: str) -> Mode:
        """The record mode of a request, which a rule may change: to a stricter one always.

        Nothing goes live beneath `replay`, save where the rule says `live` and `allow_hosts` the host.
        """
        mode = self.settings.mode
        if active.mode is None or active.mode == "block":
            return mode
        wanted = MODES[active.mode]
        if wanted is Mode.REPLAY:
            return wanted
        if mode is Mode.REPLAY:
            return (
                wanted
                if wanted is Mode.LIVE and is_allowed(host, self.settings.allow_hosts)
                else mode
            )
        return mode if mode in (Mode.RECORD, Mode.LIVE) and wanted is not Mode.LIVE else wanted

    def is_ordinary(self, request: Request) -> bool:
        """Return whether `request` is, whatever its body says, neither telemetry nor a token exchange."""
        method = request.method.upper()
        return not telemetry_at(method, request.url) and not exchange_at(method, request.url)

    def decide(
        self, request: Request, active: Active, mode: Mode, now_s: float
    ) -> Local | Forward | None:
        """What happens to `request` (not redacted) if it is no ordinary call, else None."""
        if active.mode == "block":
            return Local(Interaction(request=request, failure=_BLOCKED), "blocked")
        traffic = active.traffic
        if traffic == "ordinary":
            return None
        if traffic != "credential-exchange":
            telemetry = telemetry_for(request)
            if telemetry is None and traffic == "telemetry":
                telemetry = GENERIC_TELEMETRY
            if telemetry is not None:
                how = active.telemetry or self.settings.telemetry
                how = how or ("local" if self.in_test else "live")
                if how == "record":
                    return None
                lives = mode is Mode.LIVE or (how == "live" and mode is not Mode.REPLAY)
                if lives and not _unreal(request):
                    return Forward("telemetry")
                success = telemetry_answer(telemetry, request, _said(request))
                return _answered(request, success, "telemetry")
        exchange = exchange_for(request)
        if exchange is None and traffic == "credential-exchange":
            exchange = GENERIC_EXCHANGE
        if exchange is not None:
            if self._goes_live(mode):
                is_kept = self.settings.credential_exchange == "record" and mode is not Mode.LIVE
                return None if is_kept else Forward("credential-exchange")
            answer = synthetic_answer(exchange, request, int(now_s), _said(request))
            return _answered(request, answer, "credential-exchange")
        return None

    def _goes_live(self, mode: Mode) -> bool:
        if mode is Mode.REPLAY:
            return False
        if mode in (Mode.RECORD, Mode.LIVE) or self.settings.credential_exchange == "live":
            return True
        return not self.exists

    def refusal(self, request: Request, safe: Request) -> MissError | None:
        """Why `request` may not go live: its credential is not a real one, whoever got it when."""
        match _unreal(request):
            case "":
                return None
            case "synthetic":
                what = "onetake gave it out in place of an exchange of credentials"
                remedy = "Run once with ONETAKE_CREDENTIAL_EXCHANGE=live."
            case _:
                what = "it was redacted in a recording that was replayed"
                remedy = "Record the whole cassette anew (--onetake-mode=record)."
        return MissError(
            f"{safe.line} is not recorded, and it cannot be sent: its credential is no real one, {what}.",
            remedy=remedy,
            request=safe.line,
            reason="credential",
        )


def _said(request: Request) -> object:
    return plain_value(read_request(request))


def _unreal(request: Request) -> str:
    """`synthetic` or `recorded` where what `request` shows of credentials opens nothing, else ""."""
    shown = "\n".join(_shown(request))
    if any(mark in shown for mark in SYNTHETIC):
        return "synthetic"
    return "recorded" if holds_placeholder(shown) else ""


def is_unreal(response: Response) -> bool:
    """Whether an answer holds something that was redacted: a program must not send it on, live."""
    lines = [
        value
        for name, value in response.headers.items
        if not (name.lower() == "set-cookie" and is_of_network(value.partition("=")[0]))
    ]
    return holds_placeholder(response.body.data) or holds_placeholder("\n".join(lines))


def is_own_server(request: Request) -> bool:
    """Whether a call is none that anybody pays for: to a server near by, and not of an API with a price.

    A gateway to paid APIs may run on this machine.
    """
    if not is_near_by(read_host(read_url(request.url).host)):
        return False
    from onetake.spend import is_priced_api

    return not is_priced_api(request)


def _shown(request: Request) -> Iterator[str]:
    """The texts in which credentials stand: the URL and the header lines, Basic decoded."""
    yield unquote(request.url)
    for name, line in request.headers.items:
        value = line
        if name.lower() == "cookie":
            pairs = (pair for pair in line.split(";") if not is_of_network(pair.partition("=")[0]))
            value = ";".join(pairs)
        yield unquote(value) if "%" in value else value
        if basic := _BASIC.fullmatch(value):
            try:
                yield b64decode(basic[1] + "==", altchars=b"-_").decode("latin-1")
            except binascii.Error:
                continue


def _answered(request: Request, answer: Response, reason: str) -> Local:
    size = len(answer.body.data)
    if size and not answer.body.chunks:
        answer = answer.replace(
            body=type(answer.body)(data=answer.body.data, chunks=(Chunk(size, 0),))
        )
    return Local(Interaction(request=request, response=answer), reason)

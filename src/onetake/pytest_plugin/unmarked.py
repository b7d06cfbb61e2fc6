"""The owner of the calls of a test that has no cassette: they pass, and are accounted for."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from onetake.cassettes.decisions import Decision, Forward, Refuse
from onetake.config.hosts import read_host
from onetake.errors import GuardError, OnetakeError
from onetake.messages import Interaction, Request, read_url
from onetake.runtime.connections import Egress
from onetake.runtime.context import RecallsNothing
from onetake.runtime.egress import is_near_by

if TYPE_CHECKING:
    from onetake.recorder import Call
    from onetake.recorder.ledger import Late, Ledger
    from onetake.recorder.live_call import LiveCall
    from onetake.recorder.live_calls import LiveCalls
    from onetake.recorder.spending import Purse

_MODE = "unmarked"


class Unmarked(RecallsNothing):
    """Lets every call through that the guard allows, and that the run may still pay for. Thread-safe."""

    speed = 0.0
    fast_retries = False
    exact_encoding = False
    max_request_body = 64 * 1024 * 1024

    def __init__(
        self,
        test: str = "",
        egress: Egress | None = None,
        purse_of: Callable[[str], Purse | None] = lambda _: None,
    ) -> None:
        self.test = test
        self.egress = egress or Egress(test)
        self._purse_of = purse_of
        self.refusals: list[GuardError] = []  # by the limit of what the run may cost
        self._lock = Lock()
        self._live: LiveCalls | None = None  # most tests make no call
        self._late: Late | None = None
        self._is_closed = False

    @property
    def ledger(self) -> Ledger:
        return self._known.ledger

    @property
    def _known(self) -> LiveCalls:
        with self._lock:
            if self._live is None:
                from onetake.recorder.ledger import Ledger
                from onetake.recorder.live_calls import LiveCalls

                ledger = Ledger(self.test, is_marked=False)
                if self._is_closed:
                    ledger.close(self._late)
                self._live = LiveCalls(ledger, self, purse=self._purse_of(self.test))
            return self._live

    def gives_way(self, *, in_thread: bool) -> bool:
        return in_thread or self._is_closed

    def decide(self, request: Request, client: str) -> Decision:
        from onetake.spend import is_priced_api

        found = self._allow(request)
        if isinstance(found, str) and found == "live" and is_priced_api(request):
            # It may say what it used: it is read on its way, and nothing of it is kept.
            live = self._known
            with live.lock:
                return live.go(_safe(request), client, why=_MODE)
        error = self._told(found, request, client)
        if error is not None:
            return Refuse(error)
        return Forward("local" if found == "passed" else _MODE)

    def let_through(self, request: Request, client: str) -> OnetakeError | None:
        return self._told(self._allow(request), request, client)

    def _told(self, found: str | GuardError, request: Request, client: str) -> GuardError | None:
        """Add to the account a call of which nobody sees the end; why it may not be sent."""
        live, safe, sent = self._known, _safe(request), len(request.body)
        with live.lock:
            if found == "live" and (refusal := live.pay(safe, _MODE)) is not None:
                self.refusals.append(refusal)
                found = refusal
            if isinstance(found, GuardError):
                live.ledger.add(safe, client, "refused", found.reason, sent=sent)
                return found
            reason = "local" if found == "passed" else _MODE
            live.ledger.add(safe, client, found, reason, sent=sent)
            return None

    def refused(self, call: LiveCall, error: GuardError) -> None:
        self.ledger.add(call.request, call.client, "refused", error.reason)
        self.refusals.append(error)

    def safe(self, call: LiveCall, interaction: Interaction) -> str:  # noqa: ARG002
        return call.why  # it is only read

    def keep(self, call: LiveCall, answer: Interaction) -> None:  # noqa: ARG002
        raise AssertionError("A call of no test is never kept.")

    def _allow(self, request: Request) -> str | GuardError:
        """Return what the call is, `passed` or `live`; or why the guard refuses it."""
        from onetake.recorder.traffic import is_own_server

        url = read_url(request.url)
        host = read_host(url.host)
        if self.egress.is_refusing and not (self.egress.allows(url.netloc) or is_near_by(host)):
            return self.egress.refuse(host, "calls")
        return "passed" if is_own_server(request) else "live"

    def close(self, late: Late) -> None:
        """End the account: its calls have come to what has arrived. `late` is told of later ones."""
        with self._lock:
            self._is_closed, self._late, live = True, late, self._live
        if live is not None:
            live.abandon()
            with live.lock:
                live.ledger.close(late)

    @property
    def calls(self) -> list[Call]:
        if self._live is None:
            return []
        with self._live.lock:
            return self._live.ledger.calls

    @property
    def verdict(self) -> str:
        is_live = self._live is not None and self._live.ledger.counts["live"]
        return "UNMARKED:LIVE" if is_live else "UNMARKED:NO_TRAFFIC"


def _safe(request: Request) -> Request:
    """A request as the account has it: of a body only the name of the model is wanted."""
    from onetake.content import opened
    from onetake.redaction import safe_url
    from onetake.spend import is_priced_api

    body = opened(request).body if is_priced_api(request) else b""
    return Request(method=request.method, url=safe_url(request.url), body=body)

"""The owner of the calls of a test that has no cassette: they pass, and are accounted for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING

from onetake.cassettes.decisions import Decision, Forward, Record, Refuse
from onetake.config.hosts import read_host
from onetake.errors import GuardError, OnetakeError
from onetake.messages import Interaction, Request, read_url
from onetake.runtime.connections import Egress
from onetake.runtime.context import Recording
from onetake.runtime.egress import is_near_by

if TYPE_CHECKING:
    from onetake.recorder import Call
    from onetake.recorder.ledger import Ledger
    from onetake.recorder.spending import Purse

_MODE = "unmarked"


class Unmarked:
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
        self._ledger: Ledger | None = None  # most tests make no call
        self._is_closed = False
        self._seqs = count()
        self._entries: dict[int, int] = {}  # their numbers in the ledger
        self._under_way: dict[int, Recording] = {}
        self.late: Callable[[Call, int], None] | None = None

    @property
    def ledger(self) -> Ledger:
        if self._ledger is None:
            from onetake.recorder.ledger import Ledger

            self._ledger = Ledger(self.test, is_marked=False)
            if self._is_closed:
                self._ledger.close()
        return self._ledger

    def decide(self, request: Request, client: str) -> Decision:
        from onetake.spend import is_priced_api

        found = self._allow(request)
        if isinstance(found, GuardError):
            self._add(request, client, "refused", found.reason)
            return Refuse(found)
        if found == "passed":
            self._add(request, client, found, "local")
            return Forward("local")
        # One that may say what it used is read on its way; nothing of it is kept.
        is_read, seq = is_priced_api(request), next(self._seqs)
        if (refusal := self._pay(request, seq if is_read else None)) is not None:
            self._add(request, client, "refused", refusal.reason)
            return Refuse(refusal)
        self._entries[seq] = self._add(request, client, found, _MODE)
        return Record(seq) if is_read else Forward(_MODE)

    def let_through(self, request: Request, client: str) -> OnetakeError | None:
        found = self._allow(request)
        if found == "live" and (refusal := self._pay(request)) is not None:
            found = refusal
        if isinstance(found, GuardError):
            self._add(request, client, "refused", found.reason)
            return found
        self._add(request, client, found, "local" if found == "passed" else _MODE)
        return None

    def _allow(self, request: Request) -> str | GuardError:
        """What the call is, `passed` or `live`; or why the guard refuses it."""
        from onetake.recorder.traffic import is_own_server

        url = read_url(request.url)
        host = read_host(url.host)
        if self.egress.is_refusing and not (self.egress.allows(url.netloc) or is_near_by(host)):
            return self.egress.refuse(host, "calls")
        return "passed" if is_own_server(request) else "live"

    @cached_property
    def _purse(self) -> Purse | None:
        return self._purse_of(self.test)

    def _pay(self, request: Request, seq: int | None = None) -> GuardError | None:
        """Why the run may not pay for the call, which it pays for otherwise."""
        refusal = None if self._purse is None else self._purse.reserve(request, seq)
        if refusal is not None:
            with self._lock:
                self.refusals.append(refusal)
        return refusal

    def _add(self, request: Request, client: str, outcome: str, reason: str) -> int:
        from onetake.content import opened
        from onetake.redaction import safe_url
        from onetake.spend import is_priced_api

        # Of a body only the name of the model is wanted, until the answer is read.
        body = opened(request).body if is_priced_api(request) else b""
        safe = Request(method=request.method, url=safe_url(request.url), body=body)
        with self._lock:
            number = self.ledger.add(safe, client, outcome, reason, sent=len(request.body))
            if self.late is not None:
                self.late(self.ledger.last, self.ledger.late_number)
        return number

    def began(self, seq: int, recording: Recording) -> None:
        with self._lock:
            self._under_way[seq] = recording

    def let_go(self, seq: int, reason: str) -> None:  # noqa: ARG002
        with self._lock:
            self._under_way.pop(seq, None)
        if self._purse is not None:
            self._purse.keep(seq)

    def keep(self, seq: int, interaction: Interaction) -> None:
        with self._lock:
            self._under_way.pop(seq, None)
            self.ledger.answered(self._entries[seq], interaction)
        if self._purse is not None:
            self._purse.settle(seq, interaction)

    def close(self, late: Callable[[Call, int], None]) -> None:
        """What has arrived by now is what its calls have come to; `late` is told of those to come."""
        for recording in list(self._under_way.values()):
            recording.abandon()
        with self._lock:
            self._is_closed, self.late = True, late
            if self._ledger is not None:
                self._ledger.close()

    @property
    def calls(self) -> list[Call]:
        if self._ledger is None:
            return []
        with self._lock:
            return self._ledger.calls

    @property
    def verdict(self) -> str:
        is_live = self._ledger is not None and self._ledger.counts["live"]
        return "UNMARKED:LIVE" if is_live else "UNMARKED:NO_TRAFFIC"

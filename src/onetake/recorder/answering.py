"""Decisions on requests, and what an opening does with them.

Traffic that is no ordinary call is decided first, then the sequence of recordings is asked. What either says is
performed here: ids of now are put into answers, live calls are started, and the account is told.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from onetake.cassettes.calls import LooseHit
from onetake.cassettes.decisions import (
    Decision,
    Forward,
    Found,
    Local,
    Missing,
    Refuse,
    Replay,
    Shortage,
    Vacant,
)
from onetake.cassettes.sequence import Asked, Sequence
from onetake.config import Mode, Settings
from onetake.content import read_request
from onetake.errors import MissError, OnetakeError
from onetake.matching import Active
from onetake.messages import Request, read_url
from onetake.recorder.captured import Captured
from onetake.recorder.effects import outcome_of
from onetake.recorder.keeping import Trouble
from onetake.recorder.live_calls import LiveCalls
from onetake.recorder.lookup import Lookup
from onetake.recorder.misses import Misses
from onetake.recorder.takes import Lifetimes
from onetake.recorder.traffic import Traffic

_now = time.time  # bound early: fake clocks do not reach us

MissOf = Callable[[Asked, Shortage], OnetakeError]
"""Makes the error of a request that is not recorded."""


class Answers(Struct):
    """Decides for one opening. Thread-safe: what changes is under the lock of its live calls."""

    settings: Settings
    lookup: Lookup
    sequence: Sequence
    traffic: Traffic
    lifetimes: Lifetimes
    captured: Captured
    live: LiveCalls
    misses: Misses
    miss_of: MissOf
    trouble: Trouble

    def decide(self, request: Request, client: str) -> Decision:
        """Return what happens to a request. Raises nothing: errors are inside `Refuse`."""
        at, safe, key = _now(), None, b""
        content = read_request(request)
        if content.encoding and not request.encoding:
            request = replace(request, body=content.data, encoding=content.encoding)
        try:
            active = self.lookup.active(request)
            mode = self._mode_for(request, active)
            own = self.traffic.decide(request, active, mode, at)
            safe, key = self.lookup.find(request, active, content, is_ordinary=own is None)
            asked = self._asked(safe, key, active, mode, at)
            with self.live.lock:
                return self._perform(self._found(own, asked), request, asked, client)
        except OnetakeError as error:  # of redaction, a match function, or stored data
            refusal = error
        safe = safe or self.lookup.line(request)
        with self.live.lock:
            return self.misses.add(refusal, safe, key, client)

    def _found(self, own: Local | Forward | None, asked: Asked) -> Found | Local:
        """Return what the cassette holds before an answer of onetake's `own`, which a rule may forbid."""
        if isinstance(own, Local) and own.reason != "blocked":
            return self.sequence.replay(asked) or own
        return own or self.sequence.decide(asked)

    def note(self, request: Request, values: Iterable[str]) -> None:
        """Know the secrets of a request in its answer, before somebody takes them out of the request."""
        self.lookup.note(request, values)

    def forward(self, request: Request, client: str, reason: str) -> Decision:
        """Send a request and keep nothing of it, as whoever stands before this opening has decided."""
        asked = self._told(request)
        with self.live.lock:
            return self._perform(Forward(reason), request, asked, client)

    def refuse(self, request: Request, client: str, reason: str, remedy: str) -> Decision:
        """Do not send a request; `reason` goes on from its line."""
        asked = self._told(request)
        line = self.lookup.line(request).line
        error = MissError(f"{line} {reason}", remedy=remedy, request=line, reason="unsupported")
        with self.live.lock:
            return self.misses.add(error, asked.request, asked.key, client)

    def let_through(self, request: Request, client: str) -> OnetakeError | None:
        """Send a request whose body is too large to be read, and is left out; else why it may not be sent."""
        try:
            active = self.lookup.active(request)
            mode = self._mode_for(request, active)
            safe = self.lookup.told(request, active)
        except OnetakeError as error:
            return error
        key = safe.url.encode()
        is_forbidden = mode is Mode.REPLAY or (mode is Mode.ONCE and self.sequence.finder.exists)
        reason = f"its body is larger than max_request_body ({self.settings.max_request_body})"
        with self.live.lock:
            if not is_forbidden:
                decision = self._forward(safe, key, client, reason)
                return decision.error if isinstance(decision, Refuse) else None
            refused = MissError(
                f"{safe.line} is not recorded, and may not be sent in mode {mode}: {reason}.",
                remedy="Make max_request_body larger and record it, or send less.",
                request=safe.line,
                reason="upload",
            )
            return self.misses.add(refused, safe, key, client).error

    def _mode_for(self, request: Request, active: Active) -> Mode:
        if active.mode is None:
            return self.settings.mode
        return self.traffic.mode_for(active, read_url(request.url).netloc)

    def _asked(self, safe: Request, key: bytes, active: Active, mode: Mode, at: float) -> Asked:
        repeats = active.repeats or self.settings.repeats
        return Asked(
            key=key,
            request=safe,
            at=at,
            mode=mode,
            lifetime=self.lifetimes.of(active) if active.has_ages else self.lifetimes.usual,
            repeats_last=repeats == "last",
        )

    def _told(self, request: Request) -> Asked:
        """A request that no recording is to answer. Raises `OnetakeError`."""
        active = self.lookup.active(request)
        safe = self.lookup.told(request, active)
        mode = self.settings.mode
        return self._asked(safe, self.lookup.key_of(safe), active, mode, _now())

    def _perform(
        self, found: Found | Local, request: Request, asked: Asked, client: str
    ) -> Decision:
        safe, key = asked.request, asked.key
        match found:
            case Replay():
                return self._replay(found, safe, client)
            case Local(answer, reason):
                self.live.ledger.add(safe, client, "local", reason, answer=answer)
                return found
            case Missing(shortage):
                return self.misses.add(self.miss_of(asked, shortage), safe, key, client)
            case Vacant() | Forward():
                refusal = self.traffic.refusal(request, safe)
                if refusal is not None:
                    return self.misses.add(refusal, safe, key, client)
                return self._go_live(found, asked, client)
            case _:
                assert_never(found)

    def _replay(self, found: Replay, safe: Request, client: str) -> Replay:
        """The replay with the ids that the program uses now."""
        ledger, loose = self.live.ledger, tuple[LooseHit, ...]()
        if found.sent is not None:
            loose = self._loosely(found)
        if found.is_stale:
            ledger.counts["stale"] += 1
        answer = self.captured.carry(found.interaction, safe)
        assert found.recorded is not None
        ledger.add_replay(
            safe,
            client,
            answer,
            recorded=found.recorded,
            slot=found.slot,
            is_again=found.is_again,
            reason="stale" if found.is_stale else "",
            loose=loose,
        )
        return found if answer is found.interaction else replace(found, interaction=answer)

    def _loosely(self, found: Replay) -> tuple[LooseHit, ...]:
        """The values that a loose hit forgave, which are known from now on."""
        forgiven = self.lookup.forgiven(found)
        self.live.ledger.counts["loose"] += 1
        self.captured.learn((old.kind, old.text, new.text) for old, new in forgiven)
        hits = dict.fromkeys(LooseHit(new.path, new.kind) for _, new in forgiven)
        # Without a value it is white space of JSON in a part of an upload.
        return tuple(hits) or (LooseHit("body", "white-space"),)

    def _go_live(self, found: Vacant | Forward, asked: Asked, client: str) -> Decision:
        safe, key = asked.request, asked.key
        if isinstance(found, Vacant):
            if b"filename" in safe.body:
                self.trouble.warnings += _empty_uploads(safe)
            return self.live.go(safe, client, key=key, slot=found.slot, shortage=found.shortage)
        # What gives a token, which is to be known again, or costs something, is read on its way.
        from onetake.spend import is_priced_api  # late: only where a call goes live

        is_read = found.reason == "credential-exchange" or is_priced_api(safe)
        if is_read and not self.sequence.closed:
            return self.live.go(safe, client, key=key, why=found.reason)
        return self._forward(safe, key, client, found.reason)

    def _forward(self, safe: Request, key: bytes, client: str, reason: str) -> Decision:
        error = self.live.pay(safe, reason)
        if error is not None:
            return self.misses.add(error, safe, key, client)
        self.live.ledger.add(safe, client, outcome_of(reason), reason)
        return Forward(reason)


def _empty_uploads(request: Request) -> Iterator[str]:
    """Yield a warning for each upload part of a request that is empty."""
    from onetake.diagnosis import empty_uploads  # late: only where a call goes live

    for part in empty_uploads(request):
        yield (
            f"{request.line}: the upload part {part!r} is empty. "
            "Was its file already read by an earlier request? Open it anew for each call."
        )

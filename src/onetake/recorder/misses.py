"""Requests that an opening did not answer and did not send: in its account, and for whoever fails the test."""

from __future__ import annotations

from onetake.cassettes.decisions import Refuse
from onetake.errors import GuardError, MissError, OnetakeError
from onetake.messages import Request
from onetake.recorder.explanations import Explanations
from onetake.recorder.ledger import Ledger


class Misses:
    """The misses and refusals of one opening, each request once. Not thread-safe: its owner holds a lock."""

    def __init__(self, ledger: Ledger, explanations: Explanations) -> None:
        self.unexpected: list[MissError | GuardError] = []
        self.expecting = 0  # scopes that want a miss
        self._ledger = ledger
        self._explanations = explanations
        self._keys: set[bytes] = set()

    def add(self, error: OnetakeError, safe: Request, key: bytes, client: str) -> Refuse:
        """Refuse the request `safe` with `error`, and tell the account."""
        outcome = "refused" if isinstance(error, GuardError) else "missed"
        reason = getattr(error, "reason", "")
        self._ledger.add(safe, client, outcome, reason, is_counted=not self.expecting)
        key = key or safe.line.encode()  # it failed before it had one
        if not self.expecting and key not in self._keys:
            self._keys.add(key)
            self._add_unexpected(error, safe)
        return Refuse(error)

    def _add_unexpected(self, error: OnetakeError, safe: Request) -> None:
        if not isinstance(error, MissError | GuardError):
            error = MissError(error.message, remedy=error.remedy, reason="unreadable")
        self.unexpected.append(error)
        if isinstance(error, MissError):
            self._explanations.add_miss(error, safe)

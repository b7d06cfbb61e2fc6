"""Connections that onetake does not handle: which an owner has made, and whether it may.

`runtime.egress` sees them and tells them here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from onetake.config import Mode, Settings
from onetake.config.hosts import is_allowed
from onetake.errors import GuardError


class Egress:
    """Connections of one owner that onetake does not handle.

    Audit events come in every thread, under any lock and in forked children, so there is no lock here:
    each list only grows, by appends that are atomic.
    """

    def __init__(
        self,
        whose: str = "",
        *,
        allow_hosts: Iterable[str] = (),
        refusal: str = "",
        remedy: str = "",
    ) -> None:
        """`refusal` says why nothing may be connected to, `remedy` what else to do; "" counts only."""
        self.whose = whose
        self.hosts: list[str] = []  # one entry a connection
        self.refused: list[str] = []
        self.errors: list[GuardError] = []  # one a host
        self.expecting = False  # a refusal is wanted: it still raises, and is not kept
        self.late: Callable[[str, bool], None] | None = None  # told of each after the owner's end
        self._allow_hosts = tuple(allow_hosts)
        self._refusal = refusal
        self._remedy = remedy
        self._has_named = False

    @property
    def is_refusing(self) -> bool:
        return bool(self._refusal)

    def allows(self, host: str) -> bool:
        return is_allowed(host, self._allow_hosts)

    def see_name(self, host: str) -> None:
        """A name that is not local is looked up, and is going to be connected to. Raises `GuardError`."""
        if not self.allows(host):
            self._see(host)
        self._has_named = True

    def see_address(self, host: str) -> None:
        """An address that is not local is connected to: by itself, or for a name that was looked up."""
        if not self._has_named and not self.allows(host):
            self._see(host)

    def refuse(self, host: str, doing: str = "connects, past onetake, to") -> GuardError:
        """The error for a call or connection to `host` that may not be made; keeps it."""
        error = GuardError(
            f"{self.whose or 'This program'} {doing} {host}, and {self._refusal}.",
            remedy=f'Add "{host}" to allow_hosts, {self._remedy}.',
            host=host,
            test=self.whose,
            reason="egress",
        )
        if self.expecting:
            return error
        self.refused.append(host)
        if all(one.host != host for one in self.errors):
            self.errors.append(error)
        return error

    def _see(self, host: str) -> None:
        error = self.refuse(host) if self._refusal else None
        if self.late is not None:
            self.late(host, error is not None)
        elif error is None:
            self.hosts.append(host)
        if error is not None:
            raise error


def of_cassette(settings: Settings, whose: str) -> Egress:
    """Make the `Egress` of a cassette's test or fixture: in `replay` nothing may be connected to."""
    if settings.mode is not Mode.REPLAY:
        return Egress(whose, allow_hosts=settings.allow_hosts)
    return Egress(
        whose,
        allow_hosts=settings.allow_hosts,
        refusal=f"in mode replay ({settings.mode_reason}) nothing goes to the network",
        remedy="use a client that onetake records, or another mode (--onetake-mode=auto)",
    )


def of_unmarked(settings: Settings, whose: str) -> Egress:
    """Make the `Egress` of a test without a cassette, or of nobody: refused where `guard` says so."""
    if settings.guard != "refuse":
        return Egress(whose, allow_hosts=settings.allow_hosts)
    return Egress(
        whose,
        allow_hosts=settings.allow_hosts,
        refusal='without a cassette nothing goes to the network (guard = "refuse")',
        remedy='mark the test and use a client that onetake records, or set guard = "count"',
    )

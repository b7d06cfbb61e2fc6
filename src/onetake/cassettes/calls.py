"""What became of each request of an opening, as its user and the reports see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from onetake.spend import Usage


class LooseHit(Struct, frozen=True):
    """A volatile value that was not the recorded one: where it stands, and its kind."""

    path: str
    kind: str


class Call(Struct, frozen=True, kw_only=True):
    """One request that was handled or let through.

    `outcome` is `replayed`, `recorded`, `live`, `missed`, `refused` (by the guard), `local` (answered by
    onetake), `exchanged` (a request for a token that was sent) or `passed` (of a test without a cassette, to
    a local server). `loose` says in which values it was not the recorded request, if a volatile one was
    forgiven. `ms` is what the answer took when it came from the network; `sent` and `received` are the bytes
    of the bodies, `status` is 0 without an answer, and `failed` then the kind of failure (`refused`,
    `read-timeout`, `cancelled`, ...). `interaction` names the recording: the first 12 hex
    digits of its match key, and which of equal ones it is, from 0. `usage` is what the answer says that it
    used, None where it does not say.
    """

    method: str
    url: str
    client: str
    outcome: str
    reason: str = ""
    loose: tuple[LooseHit, ...] = ()
    status: int = 0
    ms: int = 0
    sent: int = 0
    received: int = 0
    failed: str = ""
    interaction: str = ""
    usage: Usage | None = None

    @property
    def tier(self) -> str:
        """How its recording was found: `exact`, `loose`, or "" where none was."""
        return ("loose" if self.loose else "exact") if self.outcome == "replayed" else ""

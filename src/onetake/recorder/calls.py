"""What became of each request of an opening, as its user and the reports see it."""

from __future__ import annotations

from msgspec import Struct


class LooseHit(Struct, frozen=True):
    """A volatile value that was not the recorded one: where it stands, and its kind."""

    path: str
    kind: str


class Call(Struct, frozen=True, kw_only=True):
    """One request that was handled: `outcome` is `replayed`, `recorded`, `live`, `missed` or `local`.

    `loose` says in which values it was not the recorded request, if a volatile one was forgiven.
    """

    method: str
    url: str
    client: str
    outcome: str
    reason: str = ""
    loose: tuple[LooseHit, ...] = ()

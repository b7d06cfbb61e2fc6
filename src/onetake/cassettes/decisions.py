"""The four things that can happen to a request."""

from __future__ import annotations

from msgspec import Struct

from onetake.errors import OnetakeError
from onetake.messages import Interaction


class Replay(Struct, frozen=True):
    """Answer from this interaction."""

    interaction: Interaction


class Record(Struct, frozen=True):
    """Send it and keep what comes back. `seq` is its place in the opening's order of sending."""

    seq: int


class Forward(Struct, frozen=True):
    """Send it and keep nothing. `reason` is a short word for the account."""

    reason: str


class Refuse(Struct, frozen=True):
    """Raise this error; nothing is sent."""

    error: OnetakeError


Decision = Replay | Record | Forward | Refuse

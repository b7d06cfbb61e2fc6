"""The things that can happen to a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from onetake.errors import OnetakeError
from onetake.messages import Interaction, Request

if TYPE_CHECKING:
    from onetake.matching import Loose  # every start imports this module


class Slot(Struct, frozen=True):
    """The n-th (from 0) equal request of an opening."""

    key: bytes
    n: int


class Recorded(Protocol):
    """A recording whose answer is decoded at first use. `at` is when it was made (UTC seconds)."""

    @property
    def request(self) -> Request: ...

    @property
    def at(self) -> float: ...

    @property
    def interaction(self) -> Interaction: ...

    def answering(self, request: Request) -> Interaction:
        """The interaction, with the equal `request` in the place of the stored one."""


class Replay(Struct, frozen=True):
    """Answer from this interaction.

    Where only the loose keys are equal, `loosely` is its recording and `sent` the request's own.
    `is_stale`: it is past its soft age. `slot` is its own, None where it is none of the cassette's.
    """

    interaction: Interaction
    loosely: Recorded | None = None
    sent: Loose | None = None
    is_stale: bool = False
    slot: Slot | None = None


class Local(Struct, frozen=True):
    """Answer from this interaction, which is no recording. `reason` is a short word for the account."""

    interaction: Interaction
    reason: str


class Record(Struct, frozen=True):
    """Send it and keep what comes back. `seq` is its place in the opening's order of sending."""

    seq: int


class Wait(Struct, frozen=True):
    """Equal calls may be under way elsewhere: `again`, which may take a while, decides in `pause_s`.

    `cancel` says that the program does not wait for that any more; `again` may be under way.
    """

    again: Callable[[], Decision]
    cancel: Callable[[], None]
    pause_s: float = 0.0


class Forward(Struct, frozen=True):
    """Send it and keep nothing. `reason` is a short word for the account."""

    reason: str


class Refuse(Struct, frozen=True):
    """Raise this error; nothing is sent."""

    error: OnetakeError


Decided = Replay | Local | Record | Forward | Refuse
Decision = Decided | Wait

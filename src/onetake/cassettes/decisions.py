"""The things that can happen to a request, and what they are decided by."""

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


class Replaced(Struct, frozen=True):
    """The recording, made at `at` (UTC seconds), that an answer of today takes the place of."""

    slot: Slot
    at: float


class Shortage(Struct, frozen=True):
    """The reason why there is no recording to give."""

    spent: int = 0  # so many equal ones were given before
    expired: Recorded | None = None  # this one is too old
    replaced: Replaced | None = None  # its place, which an answer of today takes


class Replay(Struct, frozen=True):
    """Answer from this interaction.

    What answers in the place of an equal call that another opening has made is no recording of the cassette.
    """

    interaction: Interaction
    recorded: Recorded | None = None  # the recording of the cassette
    slot: Slot | None = None  # its own
    is_stale: bool = False  # it is past its soft age
    sent: Loose | None = None  # the request's own loose key, where only the loose keys are equal
    is_again: bool = False  # the recording has answered before


class Vacant(Struct, frozen=True):
    """No recording answers; a live call may be made, and its answer kept in this slot."""

    slot: Slot
    shortage: Shortage = Shortage()


class Missing(Struct, frozen=True):
    """No recording answers, and the mode allows no live call."""

    shortage: Shortage = Shortage()


class Forward(Struct, frozen=True):
    """Send it and keep nothing. `reason` is a short word for the account."""

    reason: str


Found = Replay | Vacant | Missing | Forward
"""What a sequence of recordings says of a request."""


class Local(Struct, frozen=True):
    """Answer from this interaction, which is no recording. `reason` is a short word for the account."""

    interaction: Interaction
    reason: str


class Arriving(Protocol):
    """The part of the answer to a live call that has arrived so far."""

    def abandon(self) -> None:
        """Nobody will read on: keep what arrived. Does nothing before the head, or after the end."""


class Live(Protocol):
    """A live call, as it is told what comes of it. Thread-safe; no method raises: trouble is told late."""

    def began(self, arriving: Arriving) -> None:
        """The request is being sent; when its owner closes, what has arrived of the answer is kept."""

    def keep(self, interaction: Interaction) -> None:
        """The call is over, and came to this."""

    def let_go(self, reason: str) -> None:
        """The call is made, and nothing of it can be kept."""


class Record(Struct, frozen=True):
    """Send it, and tell the live call what comes back."""

    call: Live


class Wait(Struct, frozen=True):
    """Equal calls may be under way elsewhere: `again`, which may take a while, decides in `pause_s`.

    `cancel` says that the program does not wait for that any more; `again` may be under way.
    """

    again: Callable[[], Decision]
    cancel: Callable[[], None]
    pause_s: float = 0.0


class Refuse(Struct, frozen=True):
    """Raise this error; nothing is sent."""

    error: OnetakeError


Decided = Replay | Local | Record | Forward | Refuse
Decision = Decided | Wait

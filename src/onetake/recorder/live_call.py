"""A call that goes live: whatever is known of it is a field of one object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from onetake.cassettes.decisions import Shortage
from onetake.cassettes.live_call import State
from onetake.errors import GuardError
from onetake.messages import Interaction, Request

if TYPE_CHECKING:
    from onetake.cassettes.decisions import Arriving, Slot
    from onetake.recorder.ledger import Entry
    from onetake.recorder.spending import Reservation
    from onetake.stores.port import Flight


class Mover(Protocol):
    """The one who moves live calls from state to state."""

    def begin(self, call: LiveCall, arriving: Arriving) -> None:
        """The request of the call is being sent."""

    def end(self, call: LiveCall, interaction: Interaction) -> None:
        """The call is over, and came to `interaction`."""

    def let_go(self, call: LiveCall, reason: str) -> None:
        """The call is made, and nothing of it can be kept."""


class LiveCall(Struct, kw_only=True, eq=False):
    """One call that goes live. Its `mover` is the live calls of its owner."""

    mover: Mover
    number: int  # its place in the order of sending
    request: Request  # safe
    client: str
    key: bytes = b""
    slot: Slot | None = None  # None: it is only read, and nothing of it is kept
    shortage: Shortage = Shortage()  # why no recording answers it
    why: str = ""  # it is let through, where it has no slot
    since: float  # UTC seconds
    state: State = State.ASKED
    reservation: Reservation | None = None
    flight: Flight | None = None
    entry: Entry | None = None
    arriving: Arriving | None = None
    answer: Interaction | None = None  # what is kept of it
    is_borrowed: bool = False  # the answer is that of an equal call
    is_shared: bool = False  # other openings may publish the answer too

    def began(self, arriving: Arriving) -> None:
        """The request is being sent; when its owner closes, what has arrived of the answer is kept."""
        self.mover.begin(self, arriving)

    def keep(self, interaction: Interaction) -> None:
        """The call is over, and came to `interaction`."""
        self.mover.end(self, interaction)

    def let_go(self, reason: str) -> None:
        """The call is made, and nothing of it can be kept."""
        self.mover.let_go(self, reason)


class Keeper(Protocol):
    """The owner of live calls. No method raises; all but `safe` are called under the lock of the calls."""

    def refused(self, call: LiveCall, error: GuardError) -> None:
        """The run may not spend what the call may cost."""

    def safe(self, call: LiveCall, interaction: Interaction) -> Interaction | str:
        """Return what a call came to as it may be kept; else why nothing of it is kept. From any thread."""

    def keep(self, call: LiveCall, answer: Interaction) -> None:
        """Keep what a call came to, which is safe, where a crash does not reach it."""

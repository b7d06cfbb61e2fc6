"""The life of a call that goes live, as one table.

A live call is an object with one owner, and it holds up to four things while it lives:

- a **slot** of the cassette, which its answer fills. A call of which nothing is kept has none.
- a **reservation** of what it may cost, where the run has a spend limit.
- a **flight**, where a store is shared: the claim that this opening, and no other, makes the call.
- an **entry** in the account, from the moment it is sent.

It begins as ASKED: nothing recorded answers the request, so it is decided that it goes live. Without a
shared store it is SENT at once. With one it is WAITING while another opening may be making an equal call; what
that one is answered counts as the answer of this call too. A call that may not be paid for is REFUSED.

A call that was sent is ANSWERED when what came back is read, paid for, and kept in its slot. It is LET GO
where it was made and nothing of it is kept: nobody sees what comes back (a WebSocket), or the answer is not
worth keeping. It is CANCELLED where the program gave it up before it left, which is kept as a recording without
an answer. A call that the program gives up later is ANSWERED with what arrived.

The table says for each state and event which state is next, and what becomes of the four things. What a call
does not hold is passed over. A pair that is not in the table changes nothing: a call that has ended stays as it
ended, whatever comes after, so that nothing is paid, kept or told twice.

                  AWAIT         SEND      REFUSE     FIND        ANSWER      LEAVE_OUT  LET_GO   CANCEL
    ASKED         WAITING       SENT      REFUSED                                                CANCELLED
    WAITING                     SENT      REFUSED    ANSWERED                                    CANCELLED
    SENT                                                         ANSWERED    LET_GO     LET_GO   CANCELLED
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from msgspec import Struct


class State(Enum):
    """The state of a live call."""

    ASKED = "asked"
    WAITING = "waiting"
    SENT = "sent"
    ANSWERED = "answered"
    LET_GO = "let go"
    CANCELLED = "cancelled"
    REFUSED = "refused"


class Event(Enum):
    """A thing that happens to a live call."""

    AWAIT = "await"  # the store is to be asked whether an equal call is under way
    SEND = "send"  # it is about to leave; what it may cost is reserved
    REFUSE = "refuse"  # the run may not spend what it may cost
    FIND = "find"  # another opening has made an equal call, and left its answer
    ANSWER = "answer"  # it is over, and what came back is kept
    LEAVE_OUT = "leave out"  # it is over, and what came back was seen but is not kept
    LET_GO = "let go"  # it is made, and nobody sees what comes back
    CANCEL = "cancel"  # the program gave it up before it was sent


class OnSlot(Enum):
    """An effect on the slot that a live call is to fill."""

    FILL = "fill"  # with its own answer
    BORROW = "borrow"  # with the answer of an equal call
    FREE = "free"  # it stays empty


class OnReservation(Enum):
    """An effect on the money that is reserved for a live call."""

    SETTLE = "settle"  # it has cost what its answer says
    SPEND = "spend"  # it has cost what was reserved: nobody knows better
    GIVE_BACK = "give back"  # it has cost nothing


class OnFlight(Enum):
    """An effect on the claim to an equal call of other openings."""

    LAND = "land"  # the answer is left for the others
    GIVE_UP = "give up"  # one of the others makes the call


class OnAccount(Enum):
    """An effect on the account of a live call."""

    SENT = "sent"  # an entry: recorded, or let through
    REPLAYED = "replayed"  # an entry: answered as from a recording
    READ = "read"  # the entry gains what the answer says
    LIVE = "live"  # the entry says why nothing is kept
    CANCELLED = "cancelled"  # the entry says that nobody was asked


class Step(Struct, frozen=True, kw_only=True):
    """The next state of a live call, and what becomes of the things that it holds."""

    to: State
    slot: OnSlot | None = None
    reservation: OnReservation | None = None
    flight: OnFlight | None = None
    account: OnAccount | None = None


_SEND = Step(to=State.SENT, account=OnAccount.SENT)
_REFUSE = Step(to=State.REFUSED, slot=OnSlot.FREE, flight=OnFlight.GIVE_UP)
_CANCEL = Step(
    to=State.CANCELLED,
    slot=OnSlot.FILL,
    reservation=OnReservation.GIVE_BACK,
    flight=OnFlight.GIVE_UP,
    account=OnAccount.CANCELLED,
)

STEPS: Mapping[tuple[State, Event], Step] = {
    (State.ASKED, Event.AWAIT): Step(to=State.WAITING),
    (State.ASKED, Event.SEND): _SEND,
    (State.ASKED, Event.REFUSE): _REFUSE,
    (State.ASKED, Event.CANCEL): _CANCEL,
    (State.WAITING, Event.SEND): _SEND,
    (State.WAITING, Event.REFUSE): _REFUSE,
    (State.WAITING, Event.FIND): Step(
        to=State.ANSWERED, slot=OnSlot.BORROW, account=OnAccount.REPLAYED
    ),
    (State.WAITING, Event.CANCEL): _CANCEL,
    (State.SENT, Event.ANSWER): Step(
        to=State.ANSWERED,
        slot=OnSlot.FILL,
        reservation=OnReservation.SETTLE,
        flight=OnFlight.LAND,
        account=OnAccount.READ,
    ),
    (State.SENT, Event.LEAVE_OUT): Step(
        to=State.LET_GO,
        slot=OnSlot.FREE,
        reservation=OnReservation.SETTLE,
        flight=OnFlight.GIVE_UP,
        account=OnAccount.LIVE,
    ),
    (State.SENT, Event.LET_GO): Step(
        to=State.LET_GO,
        slot=OnSlot.FREE,
        reservation=OnReservation.SPEND,
        flight=OnFlight.GIVE_UP,
        account=OnAccount.LIVE,
    ),
    (State.SENT, Event.CANCEL): _CANCEL,
}
"""What happens to a live call, by its state and the event."""


def step(state: State, event: Event) -> Step | None:
    """Return what `event` does to a live call in `state`; None where it does nothing."""
    return STEPS.get((state, event))

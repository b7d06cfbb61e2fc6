"""The live calls of one owner: they begin, wait, are sent and end.

`cassettes.live_call` has the table of their states, `effects` performs what it says.
"""

from __future__ import annotations

import time
from functools import partial
from itertools import count
from threading import Condition, Lock
from typing import TYPE_CHECKING

from onetake.cassettes.decisions import Decision, Record, Refuse, Replay, Shortage, Wait
from onetake.cassettes.gates import is_part
from onetake.cassettes.live_call import Event, State, step
from onetake.errors import GuardError
from onetake.messages import Ended, Interaction, Request
from onetake.recorder.effects import Effects
from onetake.recorder.ledger import Ledger
from onetake.recorder.live_call import Keeper, LiveCall
from onetake.recorder.traffic import is_unreal
from onetake.stores.port import Flight, Flights, Pause

if TYPE_CHECKING:
    from onetake.cassettes.decisions import Arriving, Slot
    from onetake.recorder.spending import Purse

_now = time.time  # bound early: fake clocks do not reach us

_LONGEST_WAIT_S = (
    10.0  # for a thread of this process: one of a parent never comes to its end in a fork
)
_UNPAID = ("credential-exchange", "telemetry")
"""Why calls are let through that nobody is billed for."""


class LiveCalls:
    """The live calls of one owner, with the lock of its account. Thread-safe."""

    def __init__(
        self,
        ledger: Ledger,
        keeper: Keeper,
        *,
        purse: Purse | None = None,
        flights: Flights | None = None,
    ) -> None:
        self.lock = Lock()
        self._redacting = 0  # answers, in other threads
        self._redacted = Condition(self.lock)
        self.ledger = ledger
        self._keeper = keeper
        self._purse = purse
        self._flights = flights
        self._effects = Effects(ledger, purse, flights)
        self._numbers = count(1)
        self._under_way: set[LiveCall] = set()
        self._answered: list[LiveCall] = []

    @property
    def answered(self) -> list[LiveCall]:
        """The calls whose answers the cassette gains, in the order of sending."""
        return sorted(self._answered, key=lambda call: call.number)

    def kept(self) -> list[LiveCall]:
        """The calls that this owner has made itself, of those."""
        return [call for call in self.answered if not call.is_borrowed]

    def make(
        self,
        request: Request,
        client: str,
        *,
        key: bytes = b"",
        slot: Slot | None = None,
        shortage: Shortage = Shortage(),  # noqa: B008  (it is frozen)
        why: str = "",
    ) -> LiveCall:
        """A new call of `request`, which is safe. It is kept in `slot`, or let through because of `why`."""
        call = LiveCall(
            mover=self,
            number=next(self._numbers),
            request=request,
            client=client,
            key=key,
            slot=slot,
            shortage=shortage,
            why=why,
            since=_now(),
        )
        if slot is not None and self._flights is not None:
            call.flight = Flight(slot, shortage.replaced)
        return call

    def go(
        self,
        request: Request,
        client: str,
        *,
        key: bytes = b"",
        slot: Slot | None = None,
        shortage: Shortage = Shortage(),  # noqa: B008  (it is frozen)
        why: str = "",
    ) -> Record | Refuse | Wait:
        """Make a new call, as `make` does, and decide on it. The caller holds the lock."""
        return self.start(
            self.make(request, client, key=key, slot=slot, shortage=shortage, why=why)
        )

    def start(self, call: LiveCall) -> Record | Refuse | Wait:
        """Decide on a new call. The caller holds the lock."""
        if call.flight is None:
            return self._sent(call)
        self._move(call, Event.AWAIT)
        return self._waiting(call)

    def pay(self, request: Request, why: str) -> GuardError | None:
        """Pay for a call of which nobody sees the end, or return why it may not be sent."""
        return None if self._purse is None or why in _UNPAID else self._purse.pay(request)

    def begin(self, call: LiveCall, arriving: Arriving) -> None:
        """The request of a call is being sent."""
        with self.lock:
            if call.state is State.SENT:
                call.arriving = arriving
                self._under_way.add(call)

    def end(self, call: LiveCall, interaction: Interaction) -> None:
        """A call is over, and came to `interaction`."""
        with self.lock:
            if call.state is not State.SENT:
                return
            self._redacting += 1
        found: Interaction | str | None = None
        try:
            found = self._keeper.safe(call, interaction)  # takes long: other calls go on meanwhile
        finally:
            with self.lock:
                self._redacting -= 1
                if call.state is State.SENT and found is not None:
                    self._ended(call, interaction, found)
                self._redacted.notify_all()

    def _ended(self, call: LiveCall, interaction: Interaction, found: Interaction | str) -> None:
        if isinstance(found, str):
            self._move(call, Event.LEAVE_OUT, interaction, reason=found)
        else:
            self._keeper.keep(call, found)
            self._move(call, Event.ANSWER, found)

    def let_go(self, call: LiveCall, reason: str) -> None:
        """A call is made, and nothing of it can be kept."""
        with self.lock:
            self._move(call, Event.LET_GO, reason=reason)

    def abandon(self) -> None:
        """Keep what has arrived of each call, as nobody reads on, and wait for what is redacted now."""
        with self.lock:
            under_way = [call.arriving for call in self._under_way]
        for arriving in under_way:
            if arriving is not None:
                arriving.abandon()
        with self.lock:
            self._redacted.wait_for(lambda: not self._redacting, _LONGEST_WAIT_S)

    def forget_parts(self) -> None:
        """Keep no answer that the program has left before its end. The caller holds the lock."""
        for call in self._answered:
            if call.answer is not None and is_part(call.answer):
                call.answer = None
                if call.entry is not None:
                    self.ledger.change(call.entry, "live", "its answer was not read to its end")
        self._answered = [call for call in self._answered if call.answer is not None]

    def mark_shared(self) -> None:
        """Find out which answers other openings know. May wait for the store."""
        known = self._flights.known_to_others() if self._flights is not None else ()
        for call in self._answered:
            call.is_shared = call.is_borrowed or (call.flight is not None and call.flight in known)

    def close(self, *, published: bool) -> None:
        """Tell the store that the answers are in the cassette now, or else set apart. May wait for it."""
        if self._flights is not None:
            self._flights.close(published=published)

    # Waiting for equal calls.

    def _waiting(self, call: LiveCall, pause_s: float = 0.0) -> Wait:
        return Wait(partial(self._ask, call), partial(self._cancel, call), pause_s)

    def _ask(self, call: LiveCall) -> Decision:
        """Ask the store for calls that are equal to a waiting one, and decide on it."""
        assert self._flights is not None
        assert call.flight is not None
        found = self._flights.ask(call.flight)
        if isinstance(found, Pause):
            return self._waiting(call, found.s)
        answer = found.answering(call.request) if found is not None else None
        if answer is not None and answer.response is not None and is_unreal(answer.response):
            answer = None  # a value that the program sends on has to be a real one: it goes live
        with self.lock:
            if call.state is not State.WAITING:  # the program has given it up meanwhile
                self._flights.give_up(call.flight)
                return Record(call)
            if answer is None:
                return self._sent(call)
            self._move(call, Event.FIND, answer)
            return Replay(answer)

    def _cancel(self, call: LiveCall) -> None:
        """The program gave a call up before it was sent: it is kept as one that was never answered."""
        ms = round((_now() - call.since) * 1000)
        cancelled = Interaction(
            request=call.request, ended=Ended.CANCELLED, at=int(call.since), ms=ms
        )
        found = self._keeper.safe(call, cancelled)
        with self.lock:
            if step(call.state, Event.CANCEL) is None:
                return
            if isinstance(found, str):
                self._move(call, Event.CANCEL, cancelled)
            else:
                self._keeper.keep(call, found)
                self._move(call, Event.CANCEL, found)

    def _sent(self, call: LiveCall) -> Record | Refuse:
        """Send a call that the run may pay for."""
        if self._purse is not None and call.why not in _UNPAID:
            held = self._purse.reserve(call.request)
            if isinstance(held, GuardError):
                self._move(call, Event.REFUSE)
                self._keeper.refused(call, held)
                return Refuse(held)
            call.reservation = held
        self._move(call, Event.SEND)
        return Record(call)

    def _move(
        self, call: LiveCall, event: Event, answer: Interaction | None = None, reason: str = ""
    ) -> None:
        """Perform the table."""
        taken = step(call.state, event)
        if taken is None:
            return
        call.state = taken.to
        if taken.to is not State.SENT:
            call.arriving = None
            self._under_way.discard(call)
        self._effects.perform(call, taken, answer, reason)
        if call.answer is not None:
            self._answered.append(call)

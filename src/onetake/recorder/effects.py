"""Effects of the steps that a live call takes: on its account, its money, its slot and its flight."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from msgspec import Struct

from onetake.cassettes.live_call import OnAccount, OnFlight, OnReservation, OnSlot, Step
from onetake.messages import Interaction
from onetake.recorder.ledger import Ledger
from onetake.recorder.live_call import LiveCall
from onetake.recorder.traffic import is_unreal

if TYPE_CHECKING:
    from onetake.recorder.spending import Purse, Reservation
    from onetake.stores.port import Flight, Flights


class Effects(Struct, frozen=True):
    """The places where calls are told, paid and shared. Not thread-safe: their owner holds a lock."""

    ledger: Ledger
    purse: Purse | None
    flights: Flights | None

    def perform(
        self, call: LiveCall, step: Step, answer: Interaction | None = None, reason: str = ""
    ) -> None:
        """Do what a step of the table says; what the call does not hold is passed over."""
        if step.account is not None:
            self._tell(call, step.account, answer, reason)
        if step.reservation is not None and call.reservation is not None:
            self._settle(call, call.reservation, step.reservation, answer)
        if step.slot in (OnSlot.FILL, OnSlot.BORROW) and call.slot is not None:
            call.answer, call.is_borrowed = answer, step.slot is OnSlot.BORROW
        if step.flight is not None and call.flight is not None:
            self._land(call, call.flight, step.flight)

    def _settle(
        self,
        call: LiveCall,
        held: Reservation,
        how: OnReservation,
        answer: Interaction | None,
    ) -> None:
        assert self.purse is not None
        call.reservation = None
        match how:
            case OnReservation.SETTLE:
                assert answer is not None
                self.purse.settle(held, call.request, answer)
            case OnReservation.SPEND:
                self.purse.spend(held)
            case OnReservation.GIVE_BACK:
                self.purse.give_back(held)
            case _:
                assert_never(how)

    def _land(self, call: LiveCall, flight: Flight, how: OnFlight) -> None:
        assert self.flights is not None
        answer = call.answer
        is_real = answer is not None and (answer.response is None or not is_unreal(answer.response))
        if how is OnFlight.LAND and answer is not None and is_real:
            self.flights.land(flight, answer)
        else:
            self.flights.give_up(flight)  # what is redacted is of use to this opening alone

    def _tell(
        self, call: LiveCall, how: OnAccount, answer: Interaction | None, reason: str
    ) -> None:
        ledger = self.ledger
        match how:
            case OnAccount.SENT:
                outcome = "recorded" if call.slot is not None else outcome_of(call.why)
                call.entry = ledger.add(
                    call.request, call.client, outcome, call.why, slot=call.slot
                )
            case OnAccount.REPLAYED:
                assert answer is not None
                ledger.add(call.request, call.client, "replayed", answer=answer)
            case OnAccount.READ:
                self._read(call, answer)
            case OnAccount.LIVE:
                self._read(call, answer)
                if call.slot is not None and call.entry is not None:
                    ledger.change(call.entry, "live", reason)
            case OnAccount.CANCELLED:
                if call.entry is not None:
                    ledger.change(call.entry, "local", "cancelled")  # nobody was asked
                    self._read(call, answer)
                else:
                    ledger.add(
                        call.request,
                        call.client,
                        "local",
                        "cancelled",
                        slot=call.slot,
                        answer=answer,
                    )
            case _:
                assert_never(how)

    def _read(self, call: LiveCall, answer: Interaction | None) -> None:
        if call.entry is not None and answer is not None:
            self.ledger.answered(call.entry, call.request, answer)


def outcome_of(why: str) -> str:
    """The outcome of a call that is let through because of `why`."""
    return "exchanged" if why == "credential-exchange" else "live"

"""Live calls: what each transition does to the slot, the reservation, the flight and the account."""

from __future__ import annotations

import pytest

from onetake.cassettes.decisions import Record, Refuse, Replay, Shortage, Slot, Wait
from onetake.cassettes.live_call import State
from onetake.errors import GuardError
from onetake.messages import Body, Ended, Interaction, Request, Response
from onetake.recorder.ledger import Ledger
from onetake.recorder.live_calls import LiveCalls
from onetake.recorder.quarantined import Apart
from onetake.stores.port import Pause

ASKED = Request(method="POST", url="https://api.example.com/v1", body=b"{}")
SLOT = Slot(b"k" * 16, 0)


def answered(status: int = 200) -> Interaction:
    response = Response(status=status, body=Body(data=b"{}"))
    return Interaction(request=ASKED, response=response, ms=7)


class Keeper:
    def __init__(self) -> None:
        self.kept: list[Interaction] = []
        self.errors: list[GuardError] = []
        self.why_not = ""
        self.meanwhile = lambda: None  # while an answer is made safe

    def refused(self, call, error) -> None:
        self.errors.append(error)

    def safe(self, call, interaction):
        self.meanwhile()
        return self.why_not if call.slot is None or self.why_not else interaction

    def keep(self, call, answer) -> None:
        self.kept.append(answer)


class Purse:
    def __init__(self, *, is_empty: bool = False) -> None:
        self.told: list[str] = []
        self._is_empty = is_empty

    def reserve(self, request):
        return (
            GuardError("no", remedy="", host="h", test="", reason="spend")
            if self._is_empty
            else "held"
        )

    def settle(self, held, request, answer) -> None:
        self.told.append("settled")

    def spend(self, held) -> None:
        self.told.append("spent")

    def give_back(self, held) -> None:
        self.told.append("given back")


class Flights:
    def __init__(self, *found) -> None:
        self.found = list(found)
        self.told: list[str] = []

    def ask(self, flight):
        return self.found.pop(0)

    def land(self, flight, interaction) -> None:
        self.told.append("landed")

    def give_up(self, flight) -> None:
        self.told.append("given up")


class Opened:
    def __init__(self, purse=None, flights=None) -> None:
        self.keeper, self.ledger = Keeper(), Ledger("test")
        self.calls = LiveCalls(self.ledger, self.keeper, purse=purse, flights=flights)

    def start(self, slot=SLOT, why=""):
        self.call = self.calls.make(ASKED, "httpx", slot=slot, why=why, shortage=Shortage())
        with self.calls.lock:
            return self.calls.start(self.call)

    @property
    def outcomes(self) -> list[str]:
        return [f"{call.outcome} {call.reason}".strip() for call in self.ledger.calls]


def test_a_call_is_sent_and_its_answer_kept_paid_and_told():
    opened = Opened(purse := Purse())

    decision = opened.start()
    assert decision == Record(opened.call)
    decision.call.keep(answered())
    decision.call.keep(answered())  # once is enough
    decision.call.let_go("nothing")

    assert opened.call.state is State.ANSWERED
    assert [call.answer for call in opened.calls.kept()] == opened.keeper.kept == [answered()]
    assert purse.told == ["settled"]
    assert opened.outcomes == ["recorded"]
    assert opened.ledger.calls[0].status == 200


def test_a_call_without_a_slot_is_read_and_nothing_of_it_is_kept():
    opened = Opened(purse := Purse())

    opened.start(slot=None, why="mode live")
    opened.call.keep(answered())

    assert opened.call.state is State.LET_GO
    assert opened.calls.answered == []
    assert purse.told == ["settled"]
    assert opened.outcomes == ["live mode live"]
    assert opened.ledger.calls[0].status == 200


def test_an_answer_that_is_not_worth_keeping_is_paid_and_let_go():
    opened = Opened(purse := Purse())
    opened.keeper.why_not = "status 500"

    opened.start()
    opened.call.keep(answered(500))

    assert opened.call.state is State.LET_GO
    assert purse.told == ["settled"]
    assert opened.outcomes == ["live status 500"]
    assert opened.ledger.counts == {"live": 1, "recorded": 0}


def test_a_call_of_which_nobody_sees_the_answer_has_cost_what_was_reserved():
    opened = Opened(purse := Purse())

    opened.start()
    opened.call.let_go("WebSocket")

    assert purse.told == ["spent"]
    assert opened.outcomes == ["live WebSocket"]


def test_a_call_that_may_not_be_paid_for_is_refused_and_its_flight_given_up():
    flights = Flights(None)
    opened = Opened(Purse(is_empty=True), flights)

    decision = opened.start().again()

    assert isinstance(decision, Refuse)
    assert opened.keeper.errors == [decision.error]
    assert flights.told == ["given up"]
    assert opened.outcomes == []


def test_a_call_waits_for_an_equal_one_and_borrows_its_answer():
    opened = Opened(Purse(), Flights(Pause(0.5), Apart(answered())))

    waiting = opened.start()
    waiting = waiting.again()
    assert isinstance(waiting, Wait)
    assert waiting.pause_s == 0.5
    decision = waiting.again()
    waiting.cancel()  # too late: it has its answer

    assert decision == Replay(answered())
    assert opened.outcomes == ["replayed"]
    assert opened.calls.kept() == []
    assert [call.is_borrowed for call in opened.calls.answered] == [True]


def test_a_call_that_has_the_flight_lands_its_answer():
    opened = Opened(None, flights := Flights(None))

    decision = opened.start().again()
    decision.call.keep(answered())

    assert flights.told == ["landed"]


@pytest.mark.parametrize("is_sent", [False, True])
def test_a_call_that_is_given_up_before_it_is_sent_has_cost_nothing_and_is_kept_without_an_answer(
    is_sent,
):
    purse, flights = Purse(), Flights(None)
    opened = Opened(purse, flights)

    waiting = opened.start()
    if is_sent:  # decided in a thread whose program has gone
        waiting.again()
    waiting.cancel()
    waiting.cancel()

    assert opened.call.state is State.CANCELLED
    [kept] = opened.keeper.kept
    assert kept.ended is Ended.CANCELLED
    assert purse.told == (["given back"] if is_sent else [])
    assert flights.told == ["given up"]
    assert opened.outcomes == ["local cancelled"]
    assert opened.ledger.calls[0].failed == "cancelled"


def test_who_asks_for_a_call_that_was_given_up_meanwhile_sends_nothing_of_it():
    opened = Opened(purse := Purse(), flights := Flights(None))

    waiting = opened.start()
    waiting.cancel()
    waiting.again()

    assert opened.call.state is State.CANCELLED
    assert purse.told == []
    assert set(flights.told) == {"given up"}
    assert opened.outcomes == ["local cancelled"]


def test_at_the_end_what_has_arrived_is_kept_of_the_calls_under_way():
    opened = Opened()

    class Arriving:
        def __init__(self, call) -> None:
            self._call = call

        def abandon(self) -> None:
            self._call.keep(answered())

    for _ in range(2):
        opened.start()
        opened.call.began(Arriving(opened.call))
    opened.call.keep(answered(201))  # the second has ended before
    opened.calls.abandon()

    assert [call.answer.response.status for call in opened.calls.kept()] == [200, 201]


def test_other_calls_go_on_while_an_answer_is_made_safe():
    opened = Opened()
    opened.start()
    first, begun = opened.call, []

    def meanwhile() -> None:
        opened.keeper.meanwhile = lambda: None
        begun.append(opened.start())

    opened.keeper.meanwhile = meanwhile
    first.keep(answered())

    assert begun == [Record(opened.call)]
    assert first.state is State.ANSWERED


def test_a_call_that_is_let_go_while_its_answer_is_made_safe_is_not_kept():
    opened = Opened()
    opened.start()
    opened.keeper.meanwhile = lambda: opened.call.let_go("the program gave it up")
    opened.call.keep(answered())

    assert opened.call.state is State.LET_GO
    assert opened.keeper.kept == []

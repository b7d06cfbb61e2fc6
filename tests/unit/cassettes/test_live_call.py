"""The table of a live call's life says what its drawing says, and lets nothing happen twice."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.cassettes import live_call
from onetake.cassettes.live_call import STEPS, Event, OnAccount, State, step

ENDS = (State.ANSWERED, State.LET_GO, State.CANCELLED, State.REFUSED)


def drawn() -> dict[tuple[State, Event], State]:
    """The drawing at the head of the module: a column an event, a row a state."""
    lines = [line for line in (live_call.__doc__ or "").splitlines() if line.startswith("    ")]
    columns = {found.start(): Event[found[0]] for found in re.finditer(r"\w+", lines[0])}
    return {
        (State[line.split()[0]], columns[found.start()]): State[found[0]]
        for line in lines[1:]
        for found in list(re.finditer(r"\w+", line))[1:]
    }


def test_the_drawing_is_the_table():
    assert drawn() == {pair: taken.to for pair, taken in STEPS.items()}


@pytest.mark.parametrize("state", ENDS)
@pytest.mark.parametrize("event", Event)
def test_nothing_happens_to_a_call_that_has_ended(state, event):
    assert step(state, event) is None


@pytest.mark.parametrize("state", [state for state in State if state not in ENDS])
def test_a_call_that_has_not_ended_can_be_given_up(state):
    assert step(state, Event.CANCEL) is not None


@given(st.lists(st.sampled_from(Event), max_size=12))
def test_in_any_order_of_events_a_call_has_one_entry_and_its_money_is_settled_once(events):
    state, entries, settled, filled, landed = State.ASKED, 0, 0, 0, 0
    was_sent = False
    for event in events:
        taken = step(state, event)
        if taken is None:
            continue
        was_sent = was_sent or taken.to is State.SENT
        new_entry = taken.account in (OnAccount.SENT, OnAccount.REPLAYED) or (
            taken.account is OnAccount.CANCELLED and state is not State.SENT
        )
        entries += new_entry
        settled += taken.reservation is not None
        filled += taken.slot is not None
        landed += taken.flight is not None
        state = taken.to
    is_over = state in ENDS
    assert entries <= 1
    assert filled == is_over
    assert landed <= 1
    assert settled <= 1
    if was_sent and is_over:  # only then was anything reserved
        assert settled == 1
        assert landed == 1

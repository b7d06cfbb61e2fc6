"""An opening decides: modes, cursors, slots."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.cassettes.ages import Age
from onetake.cassettes.decisions import Forward, Record, Refuse, Replay
from onetake.cassettes.fold import Take, merge
from onetake.cassettes.sequence import Replaced, Sequence, Shortage, Slot
from onetake.cassettes.verdicts import ORDER, verdict
from onetake.config import Mode
from onetake.errors import MissError
from onetake.messages import Interaction, Request


@dataclass
class Held:
    interaction: Interaction
    at: float = 0.0

    def answering(self, request: Request) -> Interaction:
        return self.interaction


ASKED = Request(method="GET", url="http://h/")


def held(n: int, at: float = 0.0) -> Held:
    return Held(Interaction(request=Request(method="GET", url=f"http://h/{n}")), at)


def miss(shortage: Shortage) -> MissError:
    if shortage.expired is not None:
        return MissError("none", reason="expired")
    return MissError("none", reason="exhausted" if shortage.spent else "no-recording")


A, B = b"a" * 16, b"b" * 16


def test_the_nth_equal_request_gets_the_nth_recording():
    first, second = held(1), held(2)
    sequence = Sequence(Mode.REPLAY, [(A, first), (A, second)])

    assert sequence.decide(A, ASKED, miss) == Replay(first.interaction, slot=Slot(A, 0))
    assert sequence.decide(A, ASKED, miss) == Replay(second.interaction, slot=Slot(A, 1))


def test_a_request_more_than_recorded_is_exhausted():
    sequence = Sequence(Mode.REPLAY, [(A, held(1))])
    sequence.decide(A, ASKED, miss)

    decision = sequence.decide(A, ASKED, miss)

    assert isinstance(decision, Refuse)
    assert isinstance(decision.error, MissError)
    assert decision.error.reason == "exhausted"


def test_the_last_answer_repeats_only_when_asked_to():
    only = held(1)
    sequence = Sequence(Mode.REPLAY, [(A, only)], repeat_last=True)

    again = Replay(only.interaction, slot=Slot(A, 0))
    assert [sequence.decide(A, ASKED, miss) for _ in range(3)] == [again] * 3


@pytest.mark.parametrize(
    ("mode", "published", "expected"),
    [
        (Mode.REPLAY, [], Refuse),
        (Mode.REPLAY, [(B, held(1))], Refuse),
        (Mode.ONCE, [], Record),
        (Mode.ONCE, [(B, held(1))], Refuse),
        (Mode.AUTO, [], Record),
        (Mode.AUTO, [(B, held(1))], Record),
        (Mode.RECORD, [(A, held(1))], Record),
        (Mode.LIVE, [(A, held(1))], Forward),
    ],
)
def test_each_mode_has_its_answer_to_what_is_not_recorded(mode, published, expected):
    assert isinstance(Sequence(mode, published).decide(A, ASKED, miss), expected)


def test_a_recording_is_not_served_to_the_opening_that_made_it():
    sequence = Sequence(Mode.AUTO, [])

    assert [sequence.decide(A, ASKED, miss) for _ in range(2)] == [Record(1), Record(2)]
    assert sequence.slots == {1: Slot(A, 0), 2: Slot(A, 1)}


def test_quarantine_comes_after_what_is_published_and_makes_no_cassette_exist():
    sequence = Sequence(Mode.ONCE, [], [(A, held(1))])

    assert isinstance(sequence.decide(A, ASKED, miss), Replay)
    assert isinstance(sequence.decide(B, ASKED, miss), Record)
    assert [slot for slot, *_ in sequence.taken_from_quarantine] == [Slot(A, 0)]


def test_a_closed_opening_still_answers_but_records_nothing():
    sequence = Sequence(Mode.AUTO, [(A, held(1))])
    sequence.closed = True

    assert isinstance(sequence.decide(A, ASKED, miss), Replay)
    assert sequence.decide(B, ASKED, miss) == Forward("its cassette is closed")


def age_of(recorded: Held) -> Age:
    """At the moment 100, with a soft age of 10 that is soft below 50."""
    if 100 - recorded.at <= 10:
        return Age.FRESH
    return Age.STALE if recorded.at > 50 else Age.EXPIRED


def test_what_has_expired_is_recorded_anew_in_its_own_place_where_the_mode_allows():
    published = [(A, held(1, at=40)), (A, held(2, at=95))]
    sequence = Sequence(Mode.AUTO, published)

    first, second, third = (sequence.decide(A, ASKED, miss, age_of=age_of) for _ in range(3))

    assert (first, third) == (Record(1), Record(2))
    assert second == Replay(published[1][1].interaction, slot=Slot(A, 1))
    assert sequence.slots == {1: Slot(A, 0), 2: Slot(A, 2)}
    assert sequence.replaced == {1: Replaced(Slot(A, 0), 40)}


@pytest.mark.parametrize("mode", [Mode.REPLAY, Mode.ONCE])
def test_what_has_expired_is_a_miss_that_says_so_where_nothing_is_recorded(mode):
    sequence = Sequence(mode, [(A, held(1, at=40))], repeat_last=True)

    decision = sequence.decide(A, ASKED, miss, age_of=age_of)

    assert isinstance(decision, Refuse)
    assert decision.error.reason == "expired"


def test_what_is_past_its_soft_age_is_given_and_told():
    stale = held(1, at=60)

    decision = Sequence(Mode.AUTO, [(A, stale)]).decide(A, ASKED, miss, age_of=age_of)

    assert decision == Replay(stale.interaction, is_stale=True, slot=Slot(A, 0))


def test_what_a_failed_run_recorded_anew_stands_for_what_has_expired():
    anew = held(3, at=99)
    published = [(A, held(1, at=40)), (A, held(2, at=95))]
    sequence = Sequence(Mode.AUTO, published, [(A, anew)])

    decisions = [sequence.decide(A, ASKED, miss, age_of=age_of) for _ in range(3)]

    assert decisions == [
        Replay(anew.interaction, slot=Slot(A, 0)),
        Replay(published[1][1].interaction, slot=Slot(A, 1)),
        Record(1),
    ]
    assert sequence.taken_from_quarantine == [(Slot(A, 0), anew, Replaced(Slot(A, 0), 40))]


def test_what_is_in_quarantine_expires_too():
    sequence = Sequence(Mode.AUTO, [], [(A, held(1, at=40)), (A, held(2, at=99))])

    assert isinstance(sequence.decide(A, ASKED, miss, age_of=age_of), Replay)
    assert [slot for slot, *_ in sequence.taken_from_quarantine] == [Slot(A, 0)]


def take(key: bytes, n: int, replaces: Replaced | None = None) -> Take:
    return Take(Slot(key, n), held(n).interaction, replaces)


def at(i: int) -> float:
    """Recordings are made one a second."""
    return float(i)


def test_an_expired_recording_gives_its_place_once_and_only_if_it_is_the_one_that_was_known():
    anew = take(A, 1, Replaced(Slot(A, 1), 2.0))
    late = take(A, 0, Replaced(Slot(A, 0), 99.0))

    merged = merge([A, B, A], [anew, anew, late], at)

    assert merged.added == ()
    assert merged.replacing == {2: anew}
    assert merged.paid_twice == 2


def test_a_slot_belongs_to_the_first_take_that_filled_it():
    merged = merge([A, A], [take(A, 1), take(A, 2), take(B, 0)], at)

    assert merged.added == (take(A, 2), take(B, 0))
    assert merged.paid_twice == 1


@given(
    st.lists(st.tuples(st.sampled_from([A, B]), st.integers(0, 5))),
    st.lists(st.sampled_from([A, B])),
)
def test_a_merge_adds_or_counts_every_take(slots, existing):
    takes = [take(key, n) for key, n in slots]

    merged = merge(existing, takes, at)

    assert len(merged.added) + merged.paid_twice == len(takes)


@pytest.mark.parametrize(
    ("counts", "persisted", "expected"),
    [
        ({}, True, "NO_TRAFFIC"),
        ({"replayed": 2}, True, "HIT"),
        ({"recorded": 1}, True, "RECORDED"),
        ({"recorded": 1, "replayed": 1}, True, "PARTIAL"),
        ({"recorded": 1, "replayed": 1}, False, "NOT_PERSISTED"),
        ({"live": 1, "replayed": 1}, True, "LIVE"),
        ({"missed": 1, "replayed": 9, "recorded": 1}, False, "MISS"),
    ],
)
def test_a_verdict_is_the_worst_that_happened(counts, persisted, expected):
    assert verdict(counts, persisted=persisted) == expected
    assert expected in ORDER


def test_what_was_made_instead_of_a_recording_that_is_gone_fills_its_slot():
    gone = take(A, 0, Replaced(Slot(A, 0), 5.0))

    assert merge([], [gone], at).added == (gone,)
    assert merge([A], [take(B, 0, Replaced(Slot(A, 3), 5.0))], at).paid_twice == 0


def test_a_number_that_is_left_out_is_recorded_and_those_behind_it_are_replayed():
    behind = held(2)
    sequence = Sequence(Mode.AUTO, [(A, behind)], numbers=[1])

    decisions = [sequence.decide(A, ASKED, miss) for _ in range(3)]

    assert decisions == [Record(1), Replay(behind.interaction, slot=Slot(A, 1)), Record(2)]
    assert sequence.slots == {1: Slot(A, 0), 2: Slot(A, 2)}

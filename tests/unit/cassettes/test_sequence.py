"""An opening decides: modes, cursors, slots."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from onetake.cassettes.ages import Lifetime
from onetake.cassettes.by_key import ByKey
from onetake.cassettes.decisions import (
    Forward,
    Found,
    Missing,
    Replaced,
    Replay,
    Shortage,
    Slot,
    Vacant,
)
from onetake.cassettes.fold import Take, merge
from onetake.cassettes.sequence import Asked, Sequence
from onetake.cassettes.verdicts import ORDER, verdict
from onetake.config import Mode
from onetake.messages import Ended, Interaction, Request, Response


@dataclass
class Held:
    interaction: Interaction
    at: float = 0.0

    def answering(self, request: Request) -> Interaction:
        return self.interaction


ASKED = Request(method="GET", url="http://h/")


def held(n: int, at: float = 0.0) -> Held:
    return Held(Interaction(request=Request(method="GET", url=f"http://h/{n}")), at)


class Opened:
    """A sequence of recordings, asked in one mode at the moment 100."""

    def __init__(
        self,
        mode: Mode,
        published=(),
        quarantined=(),
        *,
        numbers=(),
        lifetime: Lifetime | None = None,
        repeats_last=False,
    ) -> None:
        self.sequence = Sequence(ByKey(self, published, quarantined, numbers=numbers))
        self._mode, self._lifetime, self._repeats = mode, lifetime or Lifetime(), repeats_last

    def loose(self, request: Request, at: float) -> None:
        return None

    def ask(self, key: bytes) -> Found:
        return self.sequence.decide(
            Asked(
                key=key,
                request=ASKED,
                at=100.0,
                mode=self._mode,
                lifetime=self._lifetime,
                repeats_last=self._repeats,
            )
        )


A, B = b"a" * 16, b"b" * 16


def test_the_nth_equal_request_gets_the_nth_recording():
    first, second = held(1), held(2)
    opened = Opened(Mode.REPLAY, [(A, first), (A, second)])

    assert opened.ask(A) == Replay(first.interaction, first, Slot(A, 0))
    assert opened.ask(A) == Replay(second.interaction, second, Slot(A, 1))


def test_a_request_more_than_recorded_is_exhausted():
    opened = Opened(Mode.REPLAY, [(A, held(1))])
    opened.ask(A)

    decision = opened.ask(A)

    assert decision == Missing(Shortage(spent=1))


def test_the_last_answer_repeats_only_when_asked_to():
    only = held(1)
    opened = Opened(Mode.REPLAY, [(A, only)], repeats_last=True)

    first = Replay(only.interaction, only, Slot(A, 0))
    again = replace(first, is_again=True)
    assert [opened.ask(A) for _ in range(3)] == [first, again, again]


@pytest.mark.parametrize(
    ("mode", "published", "expected"),
    [
        (Mode.REPLAY, [], Missing),
        (Mode.REPLAY, [(B, held(1))], Missing),
        (Mode.ONCE, [], Vacant),
        (Mode.ONCE, [(B, held(1))], Missing),
        (Mode.AUTO, [], Vacant),
        (Mode.AUTO, [(B, held(1))], Vacant),
        (Mode.RECORD, [(A, held(1))], Vacant),
        (Mode.LIVE, [(A, held(1))], Forward),
    ],
)
def test_each_mode_has_its_answer_to_what_is_not_recorded(mode, published, expected):
    assert isinstance(Opened(mode, published).ask(A), expected)


def test_a_recording_is_not_served_to_the_opening_that_made_it():
    opened = Opened(Mode.AUTO, [])

    assert [opened.ask(A) for _ in range(2)] == [
        Vacant(Slot(A, 0)),
        Vacant(Slot(A, 1), Shortage(1)),
    ]


def test_quarantine_comes_after_what_is_published_and_makes_no_cassette_exist():
    opened = Opened(Mode.ONCE, [], [(A, held(1))])

    assert isinstance(opened.ask(A), Replay)
    assert isinstance(opened.ask(B), Vacant)
    assert [slot for slot, *_ in opened.sequence.taken_from_quarantine] == [Slot(A, 0)]


def test_a_closed_opening_still_answers_but_records_nothing():
    opened = Opened(Mode.AUTO, [(A, held(1))])
    opened.sequence.closed = True

    assert isinstance(opened.ask(A), Replay)
    assert opened.ask(B) == Forward("its cassette is closed")


SOFT = Lifetime(ttl_s=10, max_age_s=50, is_soft=True)


def test_what_has_expired_is_recorded_anew_in_its_own_place_where_the_mode_allows():
    published = [(A, held(1, at=40)), (A, held(2, at=95))]
    opened = Opened(Mode.AUTO, published, lifetime=SOFT)

    first, second, third = (opened.ask(A) for _ in range(3))

    replaced = Replaced(Slot(A, 0), 40)
    assert first == Vacant(Slot(A, 0), Shortage(0, published[0][1], replaced))
    assert third == Vacant(Slot(A, 2), Shortage(2))
    assert second == Replay(published[1][1].interaction, published[1][1], Slot(A, 1))


@pytest.mark.parametrize("mode", [Mode.REPLAY, Mode.ONCE])
def test_what_has_expired_is_a_miss_that_says_so_where_nothing_is_recorded(mode):
    opened = Opened(mode, [(A, held(1, at=40))], lifetime=SOFT, repeats_last=True)

    decision = opened.ask(A)

    assert isinstance(decision, Missing)
    assert decision.shortage.expired is not None


def test_what_is_past_its_soft_age_is_given_and_told():
    stale = held(1, at=60)

    decision = Opened(Mode.AUTO, [(A, stale)], lifetime=SOFT).ask(A)

    assert decision == Replay(stale.interaction, stale, Slot(A, 0), is_stale=True)


def test_what_a_failed_run_recorded_anew_stands_for_what_has_expired():
    anew = held(3, at=99)
    published = [(A, held(1, at=40)), (A, held(2, at=95))]
    opened = Opened(Mode.AUTO, published, [(A, anew)], lifetime=SOFT)

    decisions = [opened.ask(A) for _ in range(3)]

    assert decisions == [
        Replay(anew.interaction, anew, Slot(A, 0)),
        Replay(published[1][1].interaction, published[1][1], Slot(A, 1)),
        Vacant(Slot(A, 2), Shortage(2)),
    ]
    assert opened.sequence.taken_from_quarantine == [(Slot(A, 0), anew, Replaced(Slot(A, 0), 40))]


def test_what_is_in_quarantine_expires_too():
    opened = Opened(Mode.AUTO, [], [(A, held(1, at=40)), (A, held(2, at=99))], lifetime=SOFT)

    assert isinstance(opened.ask(A), Replay)
    assert [slot for slot, *_ in opened.sequence.taken_from_quarantine] == [Slot(A, 0)]


def take(key: bytes, n: int, replaces: Replaced | None = None) -> Take:
    return Take(Slot(key, n), held(n).interaction, replaces)


@dataclass(frozen=True)
class Existing:
    at: float
    is_part: bool = False


EXISTING = [Existing(float(second)) for second in range(20)]
"""Recordings that were made one a second."""


def answered(ended: Ended) -> Take:
    response = Response(status=200, reason="OK", http_version="HTTP/1.1")
    return Take(Slot(A, 0), Interaction(request=ASKED, response=response, ended=ended))


@pytest.mark.parametrize(
    ("was_part", "ended", "replaces"),
    [
        (True, Ended.COMPLETE, True),
        (True, Ended.CUT, True),
        (True, Ended.CLOSED, False),
        (False, Ended.COMPLETE, False),
        (False, Ended.CLOSED, False),
    ],
)
def test_an_answer_that_was_read_on_takes_the_place_of_one_that_was_left(was_part, ended, replaces):
    new = answered(ended)
    merged = merge([A], [new, new], [Existing(0.0, is_part=was_part)])
    assert merged.replacing == ({0: new} if replaces else {})
    assert merged.paid_twice == (1 if replaces else 2)


def test_an_expired_recording_gives_its_place_once_and_only_if_it_is_the_one_that_was_known():
    anew = take(A, 1, Replaced(Slot(A, 1), 2.0))
    late = take(A, 0, Replaced(Slot(A, 0), 99.0))

    merged = merge([A, B, A], [anew, anew, late], EXISTING)

    assert merged.added == ()
    assert merged.replacing == {2: anew}
    assert merged.paid_twice == 2


def test_a_slot_belongs_to_the_first_take_that_filled_it():
    merged = merge([A, A], [take(A, 1), take(A, 2), take(B, 0)], EXISTING)

    assert merged.added == (take(A, 2), take(B, 0))
    assert merged.paid_twice == 1


@given(
    st.lists(st.tuples(st.sampled_from([A, B]), st.integers(0, 5))),
    st.lists(st.sampled_from([A, B])),
)
def test_a_merge_adds_or_counts_every_take(slots, existing):
    takes = [take(key, n) for key, n in slots]

    merged = merge(existing, takes, EXISTING)

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

    assert merge([], [gone], EXISTING).added == (gone,)
    assert merge([A], [take(B, 0, Replaced(Slot(A, 3), 5.0))], EXISTING).paid_twice == 0


def test_a_number_that_is_left_out_is_recorded_and_those_behind_it_are_replayed():
    behind = held(2)
    opened = Opened(Mode.AUTO, [(A, behind)], numbers=[1])

    decisions = [opened.ask(A) for _ in range(3)]

    assert decisions == [
        Vacant(Slot(A, 0)),
        Replay(behind.interaction, behind, Slot(A, 1)),
        Vacant(Slot(A, 2), Shortage(2)),
    ]

"""Which recording answers a request that is equal to none but for its volatile values."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.cassettes.ages import Age, Lifetime
from onetake.cassettes.by_key import ByKey
from onetake.cassettes.decisions import Forward, Found, Missing, Replay, Shortage, Slot, Vacant
from onetake.cassettes.loose_queue import LooseQueue
from onetake.cassettes.sequence import Asked, Sequence
from onetake.config import Mode
from onetake.errors import CassetteError
from onetake.matching import Loose, Value
from onetake.messages import Interaction, Request

NOW = 100.0


@dataclass(eq=False)
class Held:
    """A recording whose exact key is `key`: a letter, its loose key, then its id, or `~` and its time."""

    key: str
    answer: str

    @property
    def at(self) -> float:
        return 1.0 if self.answer.startswith("old") else NOW - 1

    @property
    def request(self) -> Request:
        return Request(method="GET", url=f"http://h/{self.key}")

    @property
    def interaction(self) -> Interaction:
        return Interaction(request=self.request)

    def answering(self, request: Request) -> Interaction:
        return Interaction(request=Request(method="GET", url=f"http://h/{self.answer}"))


def ageless(_: Held) -> Age:
    return Age.FRESH


def loose(key: str) -> Loose | None:
    if key.isalpha():
        return None
    kind = "epoch" if key[1] == "~" else "uuid"
    return Loose(key[:1].encode(), (Value("body", kind, key[1:]),))


class Opened:
    """A sequence of recordings `"a1:first a1:second b1:third"`: exact key, then the answer."""

    def __init__(
        self, published: str, mode: Mode = Mode.REPLAY, quarantined: str = "", *, repeats=False
    ) -> None:
        self.looked_at: list[str] = []  # recordings whose loose keys were made
        self.asked_loosely: list[str] = []
        self.finder = ByKey(self, self._held(published), self._held(quarantined))
        self.sequence = Sequence(self.finder)
        self._mode, self._repeats = mode, repeats

    def _held(self, text: str) -> list[tuple[bytes, Held]]:
        pairs = [word.split(":") for word in text.split()]
        return [(key.encode(), Held(key, answer)) for key, answer in pairs]

    def loose(self, request: Request, at: float) -> Loose | None:
        key = request.url.rpartition("/")[2]
        (self.asked_loosely if at == NOW else self.looked_at).append(key)
        return None if request.method == "HEAD" else loose(key)

    def decide(self, key: str, *, is_loose: bool = True, **how) -> Found:
        method = "GET" if is_loose else "HEAD"
        request = Request(method=method, url=f"http://h/{key}")
        how = {"mode": self._mode, "repeats_last": self._repeats} | how
        return self.sequence.decide(Asked(key=key.encode(), request=request, at=NOW, **how))

    def ask(self, key: str, **how) -> str:
        """The answer; `~` before one that is only loosely equal, else what was decided."""
        decision = self.decide(key, **how)
        match decision:
            case Replay(interaction, sent=sent):
                return ("~" if sent else "") + interaction.request.url.rpartition("/")[2]
            case Missing(shortage):
                return "exhausted" if shortage.spent else "no-recording"
            case Vacant() | Forward():
                return type(decision).__name__
        raise AssertionError(decision)

    def ask_all(self, keys: str, **how) -> list[str]:
        return [self.ask(key, **how) for key in keys.split()]


def test_a_request_that_is_only_loosely_equal_is_answered_and_says_so():
    assert Opened("a1:first").ask("a2") == "~first"


def test_the_exact_recording_comes_first():
    assert Opened("a1:first a2:second").ask("a2") == "second"


def test_a_spent_exact_key_is_exhausted_and_never_loose():
    opened = Opened("a1:first a2:second")

    assert opened.ask_all("a1 a1") == ["first", "exhausted"]


def test_a_spent_exact_key_is_recorded_in_auto():
    opened = Opened("a1:first a2:second", Mode.AUTO)

    assert opened.ask_all("a1 a1") == ["first", "Vacant"]


def test_a_recording_whose_exact_key_was_asked_for_is_never_taken():
    opened = Opened("a1:first a2:second a2:third")

    assert opened.ask_all("a1 a9 a9") == ["first", "~second", "~third"]
    opened = Opened("a1:first a2:second a2:third")
    assert opened.ask_all("a2 a9 a8") == ["second", "~first", "exhausted"]


def test_what_was_taken_loosely_before_it_was_asked_for_exactly_is_given_again():
    # Which exact keys will come cannot be known, so the exact tier does not look at the loose one.
    opened = Opened("a1:first")

    assert opened.ask_all("a9 a1") == ["~first", "first"]


def test_loose_recordings_are_given_first_in_first_out():
    opened = Opened("a1:first b1:other a2:second a3:third")

    assert opened.ask_all("a7 a8 b9 a9") == ["~first", "~second", "~other", "~third"]


def test_more_requests_than_recordings_are_exhausted():
    opened = Opened("a1:first")

    assert opened.ask_all("a7 a8 c1") == ["~first", "exhausted", "no-recording"]


def test_more_requests_than_recordings_are_recorded_in_auto():
    opened = Opened("a1:first", Mode.AUTO)

    assert opened.ask("a7") == "~first"
    assert opened.decide("a8") == Vacant(Slot(b"a8", 0), Shortage(1))


def test_a_request_that_comes_again_goes_on_where_it_was():
    # Two jobs, each polled three times, in turns: the ids are new in this run.
    opened = Opened("a1:j1.1 a2:j2.1 a1:j1.2 a2:j2.2 a1:j1.3 a2:j2.3")

    assert opened.ask_all("a8 a9 a8 a9 a8 a9") == [
        "~j1.1",
        "~j2.1",
        "~j1.2",
        "~j2.2",
        "~j1.3",
        "~j2.3",
    ]


def test_requests_that_were_different_when_recorded_may_be_equal_now():
    # A time in seconds: a replay asks all three within one of them.
    opened = Opened("a~1:first a~2:second a~3:third")

    assert opened.ask_all("a~9 a~9 a~9 a~9") == ["~first", "~second", "~third", "exhausted"]


def test_requests_that_were_equal_when_recorded_may_be_different_now():
    opened = Opened("a~1:first a~1:second a~1:third")

    assert opened.ask_all("a~7 a~8 a~9 a~6") == ["~first", "~second", "~third", "exhausted"]


def test_what_is_asked_under_one_id_never_gets_the_answers_of_another():
    opened = Opened("a1:j1.1 a2:j2.1 a1:j1.2")

    assert opened.ask_all("a8 a8 a8 a9 a9") == ["~j1.1", "~j1.2", "exhausted", "~j2.1", "exhausted"]


def test_the_group_of_its_own_id_comes_first():
    # The id is the recorded one, and something else (a time) is not.
    queue = LooseQueue()
    first, second = Held("a1", "first"), Held("a2", "second")
    queue.add(("1",), b"a1", first)
    queue.add(("2",), b"a2", second)

    assert queue.take(("2",), (), ageless, repeats=False) == (b"a2", second)
    assert queue.take(("9",), (), ageless, repeats=False) == (b"a1", first)


def test_a_request_does_not_go_on_with_recordings_that_were_asked_for_since():
    opened = Opened("a1:first a1:second a2:third")

    assert opened.ask_all("a9 a1 a9 a8") == ["~first", "first", "exhausted", "~third"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("a8 a9 a9", ["~first", "~second", "~second"]),
        ("a9 a9 a9", ["~first", "~first", "~first"]),
        ("a9 a2 a9 a8", ["~first", "second", "~first", "exhausted"]),
        ("a8 a9 a1 a2 a7", ["~first", "~second", "first", "second", "exhausted"]),
    ],
)
def test_the_last_loose_answer_repeats_only_when_asked_to(asked, expected):
    assert Opened("a1:first a2:second", repeats=True).ask_all(asked) == expected
    assert Opened("a1:first a2:second").ask_all(asked, repeats_last=True) == expected


def test_a_rule_may_switch_repeats_off():
    opened = Opened("a1:first", repeats=True)

    assert opened.ask_all("a8 a9", repeats_last=False) == ["~first", "exhausted"]


def test_a_request_without_volatile_values_is_never_loose():
    assert Opened("a1:first").ask("a2", is_loose=False) == "no-recording"


def test_a_recording_without_volatile_values_is_never_taken():
    assert Opened("a:first").ask("a2") == "no-recording"


def test_loose_keys_of_recordings_are_made_once_and_only_when_needed():
    opened = Opened("a1:first a1:second b1:third")

    opened.ask_all("a1 b1")
    assert opened.looked_at == []
    opened.ask_all("a8 a9 b9")
    assert opened.looked_at == ["a1", "a1", "b1"]


def test_a_recording_that_cannot_be_read_is_left_out_of_the_loose_ones_and_told():
    class Torn(Held):
        @property
        def request(self) -> Request:
            raise CassetteError("torn")

    opened = Opened("")
    finder = ByKey(opened, [(b"a1", Torn("a1", "torn")), (b"a2", Held("a2", "second"))])
    opened.sequence = Sequence(finder)

    assert opened.ask("a9") == "~second"
    assert [error.message for error in finder.unreadable] == ["torn"]


def test_what_was_spent_is_told_for_the_id_that_asks():
    opened = Opened("a1:first a1:second a2:third", Mode.AUTO)

    found = [opened.decide(key) for key in ["a8", "a8", "a8", "a9", "a9", "a7"]]
    told = [one.shortage.spent if isinstance(one, Vacant) else "replayed" for one in found]
    assert told == ["replayed", "replayed", 2, "replayed", 1, 3]


def test_the_loose_key_of_a_request_is_made_only_when_needed():
    opened = Opened("a1:first")

    opened.ask("a1")
    assert opened.asked_loosely == []
    opened.ask("a2")
    assert opened.asked_loosely == ["a2"]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (Mode.REPLAY, "~first"),
        (Mode.ONCE, "~first"),
        (Mode.AUTO, "~first"),
        (Mode.RECORD, "Vacant"),
        (Mode.LIVE, "Forward"),
    ],
)
def test_each_mode_that_replays_replays_loosely(mode, expected):
    assert Opened("a1:first", mode).ask("a9") == expected
    assert Opened("a1:first").ask("a9", mode=mode) == expected


def test_what_is_used_of_the_quarantine_keeps_the_slot_it_was_recorded_in():
    opened = Opened("a1:first", Mode.AUTO, "a1:second a2:third")

    assert opened.ask_all("a7 a7 a8") == ["~first", "~second", "~third"]
    taken = [(slot, one.answer) for slot, one, _ in opened.sequence.taken_from_quarantine]
    assert taken == [(Slot(b"a1", 1), "second"), (Slot(b"a2", 0), "third")]


def test_a_recording_of_the_quarantine_is_promoted_once_however_often_it_is_given():
    opened = Opened("", Mode.AUTO, "a1:first", repeats=True)

    assert opened.ask_all("a8 a8 a1") == ["~first", "~first", "first"]
    assert [slot for slot, *_ in opened.sequence.taken_from_quarantine] == [Slot(b"a1", 0)]


keys = st.sampled_from(["a1", "a2", "a3", "b1", "b2"])


@given(
    st.lists(keys, max_size=10), st.lists(keys | st.sampled_from(["a8", "a9", "b9"]), max_size=15)
)
def test_no_answer_is_given_twice_loosely_and_none_after_it_was_asked_for(recorded, asked):
    opened = Opened(" ".join(f"{key}:{key}.{n}" for n, key in enumerate(recorded)))
    given: list[str] = []
    exactly: set[str] = set()

    for key in asked:
        exactly.add(key)
        answer = opened.ask(key)
        if answer.startswith("~"):
            assert key not in recorded
            assert answer[1:3] not in exactly
            assert answer[1] == key[0]
            given.append(answer)
    assert len(given) == len(set(given))


@given(st.lists(st.sampled_from(["a1", "a2", "b1", "c1", "c2"]), max_size=20))
def test_a_program_that_does_the_same_again_gets_the_same_answers(recorded):
    opened = Opened(" ".join(f"{key}:{n}" for n, key in enumerate(recorded)))

    answers = opened.ask_all(" ".join(f"{key}-now" for key in recorded))

    assert answers == [f"~{n}" for n in range(len(recorded))]


def test_what_has_expired_is_passed_over_and_replaced_by_what_is_recorded_for_it():
    opened = Opened("a1:old-1 a2:fresh a3:old-3", Mode.AUTO)
    lifetime = Lifetime(max_age_s=50)

    answers = [opened.decide(key, lifetime=lifetime) for key in ("a7", "a8", "a9", "a6")]

    assert isinstance(answers[0], Replay)
    replaced = [one.shortage.replaced for one in answers[1:]]
    assert [one and one.slot.key for one in replaced] == [b"a1", b"a3", None]

"""Near-equal recordings are found, what varies is named, and the proposed rules make one of them."""

from __future__ import annotations

import itertools
import json
import random
import uuid
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from onetake.diagnosis import examine
from onetake.diagnosis.clusters import near_key
from onetake.errors import CassetteError
from onetake.matching import Matcher
from onetake.messages import Headers, Request
from tests.unit.diagnosis.requests import Held, chat, post, upload

START = datetime(2026, 11, 25, 3, 24, 22, tzinfo=UTC)
DRAW = random.Random(1)


def a_uuid() -> str:
    return str(uuid.UUID(int=DRAW.getrandbits(128), version=4))


def moments(count: int) -> list[datetime]:
    return [START + timedelta(hours=n) for n in range(count)]


def grown_upload(count: int) -> list[Held]:
    """An upload as each of `count` runs sends it."""
    return [
        Held(
            upload(
                b"\x89PNG one",
                boundary=f"{DRAW.getrandbits(128):032x}",
                fields=(
                    ("prompt", f"Edit {a_uuid()} please"),
                    ("metadata", json.dumps({"team": "a", "sent_at": at.isoformat()})),
                    ("run", str(100 + n)),
                ),
            ),
            at.timestamp(),
        )
        for n, at in enumerate(moments(count))
    ]


def kinds(report) -> dict[str, str]:
    every = itertools.chain.from_iterable(one.clusters for one in report.proposals)
    return {one.path: one.kind for cluster in every for one in cluster.varying}


def test_an_upload_grown_by_51_runs_is_one_call():
    held = grown_upload(51)

    report = examine([("a.json", held)], Matcher())

    assert kinds(report) == {
        "part.prompt.content": "uuid",
        "part.metadata.content.sent_at": "iso-time",
        "part.run.content": "counter",
        "header.content-type": "boundary",
    }
    (proposal,) = report.proposals
    assert (proposal.merged, report.interactions, report.unsolved) == (50, 51, ())
    assert proposal.is_sure
    tried = Matcher(rules=[proposal.rule])
    assert len({tried.key(one.request) for one in held}) == 1


def test_calls_that_mean_different_things_stay_apart():
    prompts = ("the capital of France", "the capital of Italy", "a haiku")
    held = [
        Held(chat(f"{prompt} ({a_uuid()})"), at.timestamp())
        for at in moments(4)
        for prompt in prompts
    ]

    report = examine([("a.json", held)], Matcher())

    (proposal,) = report.proposals  # one rule serves all three
    assert (proposal.merged, len(proposal.clusters)) == (9, 3)
    tried = Matcher(rules=[proposal.rule])
    assert len({tried.key(one.request) for one in held}) == 3


def test_a_number_that_may_mean_something_is_to_be_looked_at_first():
    # A loop over questions, beside a count of runs.
    held = [
        Held(post({"question_no": n, "run": run}), START.timestamp())
        for run in range(3)
        for n in range(4)
    ]
    held += [Held(chat(f"What is {n} squared?"), START.timestamp()) for n in range(4)]

    report = examine([("a.json", held)], Matcher())

    assert [one.is_sure for one in report.proposals] == [False, False]
    assert "body.question_no counts up" in " ".join(one.note for one in report.proposals)


def test_random_tokens_are_named_and_to_be_looked_at_first():
    tokens = ("01J9ZC5M3K8Q7W", "01JA0D6N4L9R8X", "01JB1E7P5M0S9Y", "01JC2F8Q6N1T0Z")
    held = [Held(chat(f"Summarise job {token} now"), START.timestamp()) for token in tokens]

    (proposal,) = examine([("a.json", held)], Matcher()).proposals

    assert [(one.path, one.kind) for one in proposal.clusters[0].varying] == [
        ("body.messages[1].content", "random")
    ]
    assert (proposal.is_sure, proposal.merged) == (False, 3)


def test_models_and_paths_are_never_proposed():
    held = [Held(post({"model": f"gpt-{n}", "input": "x"})) for n in range(5)]
    held += [Held(post({"input": "x"}, url=f"https://h/models/gemini-{n}")) for n in range(5)]

    report = examine([("a.json", held)], Matcher())

    assert report.proposals == ()
    assert len(report.unsolved) == 2


def test_each_cassette_is_examined_by_itself():
    held = [Held(chat(f"Hello {a_uuid()}"), START.timestamp()) for _ in range(3)]

    report = examine([(f"{n}.json", [one]) for n, one in enumerate(held)], Matcher())

    assert report.proposals == report.unsolved == ()
    assert report.interactions == 3


def test_what_may_mean_something_is_named_without_a_rule():
    held = [Held(chat("Hello", max_tokens=limit)) for limit in (100, 200)]

    report = examine([("a.json", held)], Matcher())

    assert report.proposals == ()
    assert [one.path for one in report.unsolved[0].varying] == ["body.max_tokens"]


def test_a_rule_that_would_also_merge_other_calls_is_not_proposed():
    # `item` counts runs in one call, and says something in another one of the same place.
    held = [Held(chat("a", item=f"x-{a_uuid()}"), START.timestamp()) for _ in range(3)]
    held += [Held(chat("a", item=item), START.timestamp()) for item in ("left", "right")]

    report = examine([("a.json", held)], Matcher())

    for proposal in report.proposals:
        tried = Matcher(rules=[proposal.rule])
        assert tried.key(held[3].request) != tried.key(held[4].request)


def test_what_cannot_be_read_is_counted_and_passed_over():
    class Broken:
        at = 0.0

        @property
        def request(self) -> Request:
            raise CassetteError("torn")

    held = [Broken(), *grown_upload(3)]

    report = examine([("a.json", held)], Matcher())

    assert (report.interactions, report.unreadable, report.proposals[0].merged) == (4, 1, 2)


def test_equal_recordings_are_no_growth():
    held = [Held(chat("poll"))] * 5

    assert examine([("a.json", held)], Matcher()).proposals == ()


def test_rules_in_force_leave_nothing_to_propose():
    held = grown_upload(5)
    rule = examine([("a.json", held)], Matcher()).proposals[0].rule

    assert examine([("a.json", held)], Matcher(rules=[rule])).proposals == ()


@given(st.binary(max_size=60), st.text(max_size=30), st.text(max_size=30))
def test_every_request_has_a_near_key(body, url, content_type):
    sent = Request(
        method="POST", url=url, headers=Headers((("content-type", content_type),)), body=body
    )

    assert near_key(sent) == near_key(sent)


def test_a_changed_word_is_not_near():
    assert near_key(chat("a 1")) == near_key(chat("a 22"))
    assert near_key(chat("a 1")) != near_key(chat("b 1"))
    assert near_key(post({"a": 1})) != near_key(post({"b": 1}))

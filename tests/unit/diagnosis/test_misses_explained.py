"""A miss names the nearest recording, what differs, and what to do."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.config.rules import parse_rules
from onetake.diagnosis import (
    Difference,
    changes,
    empty_uploads,
    explain_miss,
    render,
    to_difference,
)
from onetake.matching import Matcher
from onetake.messages import Request
from tests.unit.diagnosis.requests import FORM, URL, Held, post, upload

MATCHER = Matcher()


def explain(sent: Request, *recorded: Request, **more):
    return explain_miss(sent, [Held(one) for one in recorded], MATCHER, **more)


def differences(one: Request, other: Request) -> tuple[Difference, ...]:
    return tuple(map(to_difference, changes(one, other)))


def paths(one: Request, other: Request) -> list[str]:
    return [difference.path for difference in differences(one, other)]


def test_a_changed_prompt_is_shown_around_its_first_difference():
    one, other = ({"messages": [{"content": "word " * 50 + end + " tail" * 50}]} for end in "AB")
    (difference,) = differences(post(one), post(other))
    assert difference.path == "body.messages[0].content"
    assert "word A tail" in difference.recorded
    assert "word B tail" in difference.sent
    assert len(difference.recorded) <= 60


def test_lists_are_aligned():
    messages = [{"role": "user", "content": str(i)} for i in range(5)]
    new = {"role": "system", "content": "new"}
    found = differences(post({"messages": messages}), post({"messages": [new, *messages]}))
    assert [one.path for one in found] == ["body.messages[0]"]
    assert found[0].recorded == "(absent)"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (post({}), post({}, method="PUT"), ["method"]),
        (post({}), post({}, url=URL + "/x"), ["url.path"]),
        (post({}, url=URL + "?sig=1&a=2"), post({}, url=URL + "?sig=2&a=2"), ["query.sig"]),
        (post(b"a=1&b=2", content_type=FORM), post(b"a=1&b=3", content_type=FORM), ["form.b"]),
        (post({"a b": {"c": 1}}), post({"a b": {"c": 2}}), ['body["a b"].c']),
        (post({"n": 1}), post(b'{"n": 1.0}'), ["body.n"]),
        (upload(b"x"), upload(b"x", "b.png"), ["part.image.filename"]),
        (upload(b"x"), upload(b"y"), ["part.image.content"]),
        (upload(b"x"), upload(b"x", boundary="other"), []),
    ],
)
def test_differences_are_named_by_path(one, other, expected):
    assert paths(one, other) == expected


def test_bytes_name_the_first_differing_offset():
    one, other = (post(data, content_type="image/png") for data in (b"abcdef", b"abcxef!"))
    (difference,) = differences(one, other)
    assert (difference.recorded, difference.sent) == (
        "6 bytes, at 3: b'def'",
        "7 bytes, at 3: b'xef!'",
    )
    assert (difference.offset, difference.sent_window) == (3, "abcxef!")


def test_an_empty_upload_is_named():
    assert empty_uploads(upload(b"")) == ["image"]
    assert empty_uploads(upload(b"x")) == []
    miss = explain(upload(b""), upload(b"x"))
    assert miss.differences[0].sent == "an empty upload"
    assert "'image' is empty" in miss.advice


def test_the_nearest_of_the_same_path_is_chosen():
    sent = post({"q": "what is the capital of France?"})
    miss = explain(
        sent,
        post({"q": "what is the capital of France?"}, url=URL + "/other"),
        post({"q": "something else"}),
        post({"q": "what is the capital of Italy?"}),
    )
    assert miss.reason == "changed"
    assert "no. 3 of 3 (unused)" in miss.nearest_line
    assert [one.path for one in miss.differences] == ["body.q"]


def test_an_empty_cassette_says_record_first():
    miss = explain(post({}))
    assert miss.reason == "no-recording"
    text = render(miss, "cassettes/a.json", "replay (CI)")
    for piece in (
        "cassettes/a.json",
        "replay (CI)",
        f"POST {URL}",
        "--onetake-mode=auto",
        "ONETAKE_MODE=",
    ):
        assert piece in text


def test_spent_recordings_are_exhausted():
    miss = explain(post({}), post({}), post({}), spent=2, used={0, 1})
    assert miss.reason == "exhausted"
    assert "2 equal recordings" in miss.nearest_line
    assert "repeats" in miss.advice


def test_another_host_is_no_recording():
    miss = explain(post({}, url="https://other/x"), post({}))
    assert (miss.reason, miss.nearest_line) == ("no-recording", "")
    assert "api.example.com" in miss.advice


def test_what_match_on_names_besides_is_said_by_name():
    def language(request: Request) -> str:
        return request.headers.get("x-language")

    matcher = Matcher(
        ["method", "url", "body", "language", "headers"], functions={"language": language}
    )
    one, other = (post({}, headers=(("x-language", text),)) for text in ("de", "fr"))

    miss = explain_miss(other, [Held(one)], matcher)

    assert miss.cause == '"language" of match_on differs'
    assert 'what differs is "language"' in miss.advice


def test_a_header_that_is_compared_is_shown_and_another_is_not():
    one, other = (post({}, headers=(("anthropic-beta", text),)) for text in ("tools", "files"))

    compared = explain_miss(other, [Held(one)], Matcher(["url", "headers"]))
    ignored = explain_miss(other, [Held(one)], Matcher())

    assert [found.path for found in compared.differences] == ["header.anthropic-beta"]
    assert ignored.differences == ()


def test_a_credential_is_no_cause_where_it_is_not_compared():
    one = post({"a": 1})

    miss = explain_miss(
        post({"a": 2}, principal=1), [Held(one)], Matcher(["method", "url", "body"])
    )

    assert (miss.reason, miss.cause) == ("changed", "`body.a` changed")


def test_what_a_rule_ignores_is_not_shown():
    rules = parse_rules([{"ignore": ["body.meta"]}], "here")
    one, other = post({"meta": {"id": 1}, "q": "one"}), post({"meta": {"id": 2}, "q": "two"})

    miss = explain_miss(other, [Held(one)], Matcher(rules=rules))

    assert [found.path for found in miss.differences] == ["body.q"]


def test_what_is_forgiven_anyway_comes_last_and_is_no_cause():
    ids = ("0b6c4f4e-6b9b-4a3e-9b1c-7a4d2f3e5c6d", "9f8e7d6c-5b4a-4392-8170-6f5e4d3c2b1a")
    one, other = (post({"id": ids[n], "q": "ab"[n]}) for n in range(2))

    miss = explain_miss(other, [Held(one)], MATCHER)

    assert [found.path for found in miss.differences] == ["body.q", "body.id"]
    assert miss.cause.startswith("`body.q` changed")


def test_lines_fit_a_terminal():
    miss = explain(post({"a": "x" * 500}), post({"a": "y" * 500}))
    assert max(map(len, render(miss, "c.json", "replay").splitlines())) <= 80


values = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(values, values)
def test_json_differs_in_a_path_exactly_when_it_differs(one, other):
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (differences(post(one), post(other)) == ()) is same


@given(
    st.binary(max_size=40),
    st.binary(max_size=40),
    st.text(max_size=20),
    st.sampled_from(["", "application/json", FORM, "multipart/form-data; boundary=x"]),
)
def test_every_miss_can_be_explained(one, other, url, content_type):
    recorded = post(one, url=url, content_type=content_type)
    sent = post(other, url=URL, content_type=content_type)
    for candidate in recorded, recorded.replace(url=URL):
        assert render(explain(sent, candidate), "c", "replay", verbose=True)

"""The rule that a miss proposes makes the two requests equal, and is proposed only where it is right."""

from __future__ import annotations

import re
import tomllib

import pytest

from onetake.config.rules import parse_rules
from onetake.diagnosis import Miss, explain_miss, render
from onetake.matching import Matcher
from onetake.messages import Request
from tests.unit.diagnosis.requests import FORM, URL, Held, chat, post, upload

THEN, NOW = 1_795_577_062.0, 1_795_663_463.0
ONE, OTHER = "0b6c4f4e-6b9b-4a3e-9b1c-7a4d2f3e5c6d", "9f8e7d6c-5b4a-4392-8170-6f5e4d3c2b1a"

THIRD, FOURTH = ONE.replace("6", "5"), OTHER.replace("8", "7")


def explain(recorded: Request, sent: Request, matcher: Matcher | None = None) -> Miss:
    held = [Held(recorded, THEN)]
    return explain_miss(sent, held, matcher or Matcher(volatile=()), at=NOW)


def with_rule(miss: Miss) -> Matcher:
    return Matcher(rules=parse_rules(tomllib.loads(miss.rule)["tool"]["onetake"]["rules"], "here"))


@pytest.mark.parametrize(
    ("recorded", "sent", "part"),
    [
        (
            chat(f"Summarise {ONE}"),
            chat(f"Summarise {OTHER}"),
            'replace = { "body.messages[1].content"',
        ),
        (
            chat("x", metadata={"trace": ONE}),
            chat("x", metadata={"trace": OTHER}),
            'ignore = ["body.metadata.trace"]',
        ),
        (
            chat("x", metadata={"at": THEN}),
            chat("x", metadata={"at": NOW}),
            'ignore = ["body.metadata.at"]',
        ),
        (chat("x", run=41), chat("x", run=42), 'ignore = ["body.run"]'),
        (chat("x", run="run-41"), chat("x", run="run-42"), '"body.run"'),
        (
            chat("x", items=[{"id": ONE}, {"id": OTHER}]),
            chat("x", items=[{"id": THIRD}, {"id": FOURTH}]),
            'ignore = ["body.items[*].id"]',
        ),
        (
            post({}, url=f"{URL}?request={ONE}"),
            post({}, url=f"{URL}?request={OTHER}"),
            'ignore = ["query.request"]',
        ),
        (
            post({}, url=f"{URL}/files/{ONE}.jsonl"),
            post({}, url=f"{URL}/files/{OTHER}.jsonl"),
            'path = "/v1/chat/files/*"',
        ),
        (
            post(f"a=1&id={ONE}".encode(), content_type=FORM),
            post(f"a=1&id={OTHER}".encode(), content_type=FORM),
            'ignore = ["form.id"]',
        ),
        (
            upload(b"x", f"{ONE}.png"),
            upload(b"x", f"{OTHER}.png"),
            'ignore = ["part.image.filename"]',
        ),
        (
            upload(b"x", fields=(("page[size]", ONE),)),
            upload(b"x", fields=(("page[size]", OTHER),)),
            'part[\\"page[size]\\"].content',
        ),
        (
            upload(b"x", fields=(("meta", f'{{"id": "{ONE}"}}'),)),
            upload(b"x", fields=(("meta", f'{{"id": "{OTHER}"}}'),)),
            'ignore = ["part.meta.content.id"]',
        ),
    ],
)
def test_the_rule_pasted_into_the_file_makes_them_equal(recorded, sent, part):
    miss = explain(recorded, sent)

    assert part in miss.rule
    matcher = with_rule(miss)
    assert matcher.key(recorded) == matcher.key(sent)
    assert Matcher().key(recorded) != Matcher().key(sent)


@pytest.mark.parametrize(
    ("recorded", "sent"),
    [
        (chat("the capital of France"), chat("the capital of Italy")),
        (chat("x", max_tokens=100), chat("x", max_tokens=200)),
        (chat("x", temperature=0.1), chat("x", temperature=0.7)),
        (chat("x", seed=1), chat("x", seed=2)),
        (chat("Give me 3 names"), chat("Give me 4 names")),
        (post({"model": "gpt-4", "input": "x"}), post({"model": "gpt-5", "input": "x"})),
        (post({"input": [1, 2]}), post({"input": [1, 3]})),
        (chat("x", customer_id=41), chat("x", customer_id=42)),
        (chat("1+2="), chat("2+2=")),
        (chat("job 01J9ZC5M3K8Q7W"), chat("job 01JA0D6N4L9R8X")),
        (post({}, url=f"{URL}?sku=41"), post({}, url=f"{URL}?sku=42")),
        (post({}, url=f"{URL}/deployments/gpt-4/x"), post({}, url=f"{URL}/deployments/gpt-5/x")),
        (chat("order 1234567890"), chat("order 1987654321")),
        (chat("born 1984-03-01T10:00:00Z"), chat("born 1990-07-02T10:00:00Z")),
        (chat("x"), chat("x", tools=[])),
        (upload(b"one"), upload(b"two")),
        (chat("x"), chat("x", metadata={"id": ONE})),
        (chat(f"{ONE} in Paris"), chat(f"{OTHER} in Rome")),
    ],
)
def test_what_means_something_gets_no_rule(recorded, sent):
    miss = explain(recorded, sent)

    assert miss.rule == ""
    assert miss.advice


def test_a_rule_does_not_make_other_requests_equal():
    recorded, sent = chat(f"Summarise {ONE}"), chat(f"Summarise {OTHER}")
    matcher = with_rule(explain(recorded, sent))

    assert matcher.key(chat(f"Translate {ONE}")) != matcher.key(recorded)
    assert matcher.key(chat("Summarise it")) != matcher.key(recorded)


def test_a_rule_for_a_time_in_a_prompt_leaves_order_numbers_alone():
    recorded, sent = (chat(f"Order 1234567890 at {int(at)} please") for at in (THEN, NOW))
    matcher = with_rule(explain(recorded, sent))

    assert matcher.key(recorded) == matcher.key(sent)
    other = chat(f"Order 1987654321 at {int(NOW)} please")
    assert matcher.key(other) != matcher.key(sent)


def test_a_rule_reads_back_whatever_the_names():
    for name in ('a"b', "a'b", "a\nb", "\x7f", "a.b", "\u2028", "[*]", ""):
        recorded, sent = post({name: ONE}), post({name: OTHER})
        matcher = with_rule(explain(recorded, sent))
        assert matcher.key(recorded) == matcher.key(sent), name


def test_a_fraction_in_a_list_and_deep_nesting_are_explained():
    miss = explain(post({"m": [{"w": 0.5}]}), post({"m": [{"w": 0.75}]}))
    assert [one.path for one in miss.differences] == ["body.m[0].w"]

    deep = [b"[" * 900 + text + b"]" * 900 for text in (b"1", b"2")]
    assert explain(post(deep[0]), post(deep[1])).advice


def test_an_emptied_upload_is_advised_about_and_gets_no_rule():
    miss = explain(upload(b"the picture"), upload(b""))

    assert (miss.reason, miss.rule, miss.cause) == ("upload", "", "multipart part `image` empty")
    assert "seek(0)" in miss.advice


def test_another_credential_is_named_as_the_cause():
    miss = explain(chat("x"), chat("x").replace(principal=1))

    assert (miss.reason, miss.cause) == ("credential", "recorded under another credential")
    assert miss.rule == ""


def test_rules_in_force_are_taken_into_account():
    recorded, sent = (chat("x", run=n, metadata={"trace": t}) for n, t in ((1, ONE), (2, OTHER)))
    rules = parse_rules([{"ignore": ["body.metadata.trace"]}], "here")

    miss = explain(recorded, sent, Matcher(rules=rules, volatile=()))

    assert "body.run" in miss.rule


def test_a_report_is_redacted_and_short():
    key = "sk-proj-" + "a1B2" * 10
    recorded = chat("x" * 5000 + "A" + "y" * 5000)
    sent = chat("x" * 5000 + "B" + "y" * 5000)
    from onetake.redaction import Redactor

    lines = (("Authorization", f"Bearer {key}"), ("Content-Type", "application/json"))
    url = f"{URL}?api_key={key}"
    safe = Redactor().request(sent.replace(headers=type(sent.headers)(lines), url=url))

    text = render(explain(recorded.replace(url=safe.url), safe), "c.json", "replay", verbose=True)

    assert key not in text
    assert re.search("…x{14,16}Ay+…", text)
    assert "from character 5000 on" in text
    assert len(text) < 1500


def test_binary_parts_show_a_window_around_the_first_differing_byte():
    one, other = b"\x89PNG" + b"a" * 300, b"\x89PNG" + b"a" * 250 + b"B" + b"a" * 49
    (found,) = explain(upload(one), upload(other)).differences

    assert (found.path, found.kind, found.offset) == ("part.image.content", "bytes", 254)
    assert len(found.sent_window) == 150
    assert found.sent_window[100] == "B"
    assert "304 bytes, sha256" in found.sent

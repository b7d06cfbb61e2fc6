"""What an opening does with telemetry, exchanges, and credentials that open nothing."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from onetake.cassettes.decisions import Decision, Forward, Local
from onetake.config import Mode, Settings
from onetake.config.rules import Rule, parse_rules
from onetake.matching import Matcher
from onetake.messages import Headers, Request
from onetake.recorder.traffic import Traffic

SPANS = Request(
    method="POST",
    url="http://localhost:4318/v1/traces",
    headers=Headers((("content-type", "application/x-protobuf"),)),
    body=b"\n\x00",
)
TOKEN = Request(
    method="POST",
    url="https://oauth2.googleapis.com/token",
    headers=Headers((("content-type", "application/x-www-form-urlencoded"),)),
    body=b"grant_type=refresh_token&refresh_token=r",
)
CHAT = Request(method="POST", url="https://api.openai.com/v1/responses", body=b"{}")


def decide(
    request: Request,
    mode: Mode = Mode.AUTO,
    *rules: dict[str, Any],
    in_test: bool = True,
    exists: bool = True,
    **settings: Any,
) -> Decision | None:
    chosen: tuple[Rule, ...] = parse_rules(rules, "a test")
    traffic = Traffic(Settings(mode=mode, rules=chosen, **settings), in_test, exists)
    active = Matcher(rules=chosen).active(request)
    return traffic.decide(request, active, traffic.mode_for(active, "h"), 1_767_225_600.0)


def outcome(decision: Decision | None) -> str:
    match decision:
        case None:
            return "ordinary"
        case Local(interaction, reason):
            assert interaction.response is not None
            return f"local {reason} {interaction.response.status}"
        case Forward(reason):
            return f"live {reason}"
    return type(decision).__name__


@pytest.mark.parametrize("mode", Mode)
def test_an_ordinary_call_is_left_to_the_cassette(mode):
    assert decide(CHAT, mode) is None


@pytest.mark.parametrize("mode", Mode)
def test_telemetry_is_answered_in_tests_in_every_mode_but_live(mode):
    expected = "live telemetry" if mode is Mode.LIVE else "local telemetry 200"

    assert outcome(decide(SPANS, mode)) == expected


@pytest.mark.parametrize("mode", Mode)
def test_telemetry_passes_outside_tests_but_never_in_replay(mode):
    expected = "local telemetry 200" if mode is Mode.REPLAY else "live telemetry"

    assert outcome(decide(SPANS, mode, in_test=False)) == expected


def test_what_happens_with_telemetry_can_be_set():
    assert outcome(decide(SPANS, telemetry="live")) == "live telemetry"
    assert outcome(decide(SPANS, telemetry="record")) == "ordinary"
    assert outcome(decide(SPANS, in_test=False, telemetry="local")) == "local telemetry 200"
    record = {"host": "localhost", "telemetry": "record"}
    assert outcome(decide(SPANS, Mode.AUTO, record)) == "ordinary"
    assert outcome(decide(SPANS, Mode.AUTO, {**record, "host": "other"})) == "local telemetry 200"


def test_a_rule_makes_a_call_telemetry():
    rule = {"host": "api.openai.com", "path": "/v1/responses", "class": "telemetry"}

    assert outcome(decide(CHAT, Mode.AUTO, rule)) == "local telemetry 200"
    assert outcome(decide(CHAT, Mode.AUTO, rule, in_test=False)) == "live telemetry"


def test_a_rules_telemetry_is_answered_as_its_product_answers_if_it_is_known():
    batch = Request(
        method="POST",
        url="https://cloud.langfuse.com/api/public/ingestion",
        body=b'{"batch": [{"id": "e1"}]}',
    )

    found = decide(batch, Mode.AUTO, {"host": "cloud.langfuse.com", "class": "telemetry"})

    assert isinstance(found, Local)
    assert found.interaction.response is not None
    assert json.loads(found.interaction.response.body.data)["successes"] == [
        {"id": "e1", "status": 201}
    ]


def test_a_rule_makes_telemetry_and_exchanges_ordinary():
    assert decide(SPANS, Mode.AUTO, {"host": "localhost", "class": "ordinary"}) is None
    assert decide(TOKEN, Mode.AUTO, {"host": "*.googleapis.com", "class": "ordinary"}) is None


@pytest.mark.parametrize(
    ("mode", "exists", "expected"),
    [
        (Mode.REPLAY, True, "local"),
        (Mode.REPLAY, False, "local"),
        (Mode.AUTO, True, "local"),
        (Mode.AUTO, False, "live"),
        (Mode.ONCE, True, "local"),
        (Mode.ONCE, False, "live"),
        (Mode.RECORD, True, "live"),
        (Mode.LIVE, True, "live"),
    ],
)
def test_an_exchange_goes_live_only_where_live_calls_follow(mode, exists, expected):
    found = outcome(decide(TOKEN, mode, exists=exists))

    assert found.split()[:2] == [expected, "credential-exchange"]


def test_an_exchange_can_be_asked_to_go_live_but_never_in_replay():
    live = {"credential_exchange": "live"}

    assert outcome(decide(TOKEN, Mode.AUTO, **live)) == "live credential-exchange"
    assert outcome(decide(TOKEN, Mode.REPLAY, **live)) == "local credential-exchange 200"


def test_a_rule_makes_a_call_an_exchange_in_its_known_form_if_it_has_one():
    login = Request(method="POST", url="https://api.example.com/login", body=b'{"user": "u"}')
    rule = {"host": "*", "class": "credential-exchange"}

    found = decide(login, Mode.REPLAY, rule)
    assert isinstance(found, Local)
    assert found.interaction.response is not None
    answer = json.loads(found.interaction.response.body.data)
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)

    role = Request(
        method="GET", url="http://169.254.169.254/latest/meta-data/iam/security-credentials/r"
    )
    found = decide(role, Mode.REPLAY, rule)
    assert isinstance(found, Local)
    assert found.interaction.response is not None
    assert json.loads(found.interaction.response.body.data)["Code"] == "Success"


def test_a_rule_blocks_telemetry_too():
    assert isinstance(found := decide(SPANS, Mode.AUTO, {"host": "*", "mode": "block"}), Local)
    assert found.reason == "blocked"
    assert found.interaction.failure is not None


def _with(name: str, value: str, url: str = CHAT.url) -> Request:
    return CHAT.replace(url=url, headers=Headers(((name, value),)))


def _basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


SYNTHETIC = {
    "bearer": _with("authorization", "Bearer onetake-synthetic-token"),
    "jwt": _with("authorization", "Bearer eyJhbGciOiJub25lIn0.e30.onetake-synthetic-token-"),
    "sigv4": _with(
        "authorization", "AWS4-HMAC-SHA256 Credential=ASIAONETAKESYNTHETIC/2026/x, Signature=a"
    ),
    "session token": _with("x-amz-security-token", "onetake-synthetic-token"),
    "query": _with("accept", "*/*", "https://h/?access_token=onetake-synthetic-token"),
    "presigned": _with("accept", "*/*", "https://h/?X-Amz-Credential=ASIAONETAKESYNTHETIC%2F2026"),
    "basic": _with("authorization", _basic("oauth2accesstoken:onetake-synthetic-token")),
}
RECORDED = {
    "bearer": _with("authorization", "Bearer REDACTED-access_token"),
    "query": _with("accept", "*/*", "https://h/?key=REDACTED-api_key&x=1"),
    "basic": _with("authorization", _basic("user:REDACTED-password")),
}


def refusal(request: Request, **settings: Any):
    return Traffic(Settings(**settings), in_test=True, exists=True).refusal(request, CHAT)


@pytest.mark.parametrize("request_", SYNTHETIC.values(), ids=list(SYNTHETIC))
def test_a_synthetic_credential_never_goes_out_whichever_opening_gave_it(request_):
    found = refusal(request_)

    assert found is not None
    assert found.reason == "credential"
    assert "ONETAKE_CREDENTIAL_EXCHANGE=live" in str(found)


@pytest.mark.parametrize("request_", RECORDED.values(), ids=list(RECORDED))
def test_a_recorded_credential_never_goes_out(request_):
    found = refusal(request_)

    assert found is not None
    assert "--onetake-mode=record" in str(found)


@pytest.mark.parametrize(
    "request_",
    [
        CHAT,
        _with("authorization", "Bearer sk-real-1234567890"),
        _with("authorization", _basic("user:password")),
        _with("authorization", "Basic %%% no base64 %%%"),
        _with("x-note", "REDACTED-by-us and REDACTED-nothing"),
        CHAT.replace(body=b'{"input": "explain REDACTED-access_token"}'),
    ],
)
def test_a_real_credential_goes_out(request_):
    assert refusal(request_) is None


@pytest.mark.parametrize("request_", [*SYNTHETIC.values(), *RECORDED.values()])
def test_telemetry_with_a_credential_that_is_none_stays_here(request_):
    spans = SPANS.replace(headers=Headers((*SPANS.headers.items, *request_.headers.items)))
    spans = spans.replace(url=SPANS.url + "?" + request_.url.partition("?")[2])

    assert outcome(decide(spans, in_test=False)) == "local telemetry 200"

"""What is held before a live call, and what it has cost after it."""

from __future__ import annotations

import json

import pytest

from onetake.config import Settings
from onetake.config.prices import Price
from onetake.errors import GuardError
from onetake.messages import Body, Ended, Failure, Headers, Interaction, Request, Response
from onetake.recorder.spending import Purse, Reservation, purse_of
from onetake.stores.budget import Budget

CHAT = "https://api.openai.com/v1/chat/completions"
SETTINGS = Settings(
    max_spend=1.0, prices={"m": Price(input=0.0, output=10_000.0)}
)  # a cent a token


@pytest.fixture
def budget(tmp_path):
    return Budget(tmp_path, "run")


@pytest.fixture
def spending(budget):
    return Purse(SETTINGS, 1.0, budget, "test_a.py::test_b")


def asked(url=CHAT, *, method="POST", model="m", **fields):
    return Request(method=method, url=url, body=json.dumps({"model": model, **fields}).encode())


def answered(request, tokens=None, *, status=200, **more):
    usage = {"usage": {"prompt_tokens": 1, "completion_tokens": tokens}} if tokens else {}
    data = json.dumps({"model": "m", **usage}).encode()
    response = Response(
        status=status,
        headers=Headers((("content-type", "application/json"),)),
        body=Body(data=data),
    )
    return Interaction(request=request, response=response, at=0, ms=1, **more)


def test_what_the_answer_says_is_what_it_cost(spending, budget):
    request = asked(max_tokens=50)
    held = spending.reserve(request)
    assert isinstance(held, Reservation)
    assert budget.balance().usd == pytest.approx(0.5)
    spending.settle(held, request, answered(request, 7))
    assert budget.balance().settled == pytest.approx(0.07)


@pytest.mark.parametrize(
    ("answer", "usd"),
    [
        (lambda request: answered(request), 0.5),  # says nothing of its usage
        (lambda request: answered(request, status=429), 0),
        (
            lambda request: Interaction(
                request=request, failure=Failure(kind="refused", type="x"), at=0, ms=1
            ),
            0,
        ),
        (
            lambda request: Interaction(
                request=request, failure=Failure(kind="read-timeout", type="x"), at=0, ms=1
            ),
            0.5,
        ),
        (lambda request: Interaction(request=request, ended=Ended.CANCELLED, at=0, ms=1), 0.5),
    ],
)
def test_what_nobody_knows_has_cost_what_was_held(spending, budget, answer, usd):
    request = asked(max_tokens=50)
    spending.settle(spending.reserve(request), request, answer(request))
    assert budget.balance().settled == pytest.approx(usd)
    assert budget.balance().reserved == 0


def test_a_call_that_was_not_sent_costs_nothing(spending, budget):
    spending.give_back(spending.reserve(asked(max_tokens=50)))
    assert budget.balance().usd == 0


def test_without_a_limit_of_its_own_a_call_is_taken_for_the_largest_answer(spending, budget):
    assert spending.reserve(asked()).usd == 0.05
    replayed = asked()
    spending.saw((replayed, answered(replayed, tokens)) for tokens in (30, 20))
    assert spending.reserve(asked()).usd == pytest.approx(0.3)
    assert budget.balance().unpriced == {"openai/m": 1}


def test_images_and_sound_are_taken_for_the_dearest_that_is_known(spending, budget):
    request = asked("https://api.openai.com/v1/images/generations", model="dall-e-9")
    assert spending.reserve(request).unpriced == "openai/dall-e-9"
    budget.saw("openai/dall-e-9", 0, 0.4)
    assert spending.reserve(request).usd == 0.4


@pytest.mark.parametrize(
    "request_",
    [
        asked("https://api.openai.com/v1/models", method="GET"),
        asked("http://127.0.0.1:8000/echo"),
        asked("http://localhost/echo"),
    ],
)
def test_what_nobody_is_billed_for_is_not_held(spending, budget, request_):
    assert spending.reserve(request_) is None
    assert budget.balance().usd == 0


def test_an_unknown_api_is_named_by_its_host(spending, budget):
    spending.reserve(asked("https://api.example.com/echo"))
    assert budget.balance().unpriced == {"api.example.com": 1}


def test_a_refusal_names_test_host_and_remedy(spending):
    error = spending.reserve(asked(max_tokens=101))
    assert isinstance(error, GuardError)
    assert (error.reason, error.host, error.test) == (
        "spend",
        "api.openai.com",
        "test_a.py::test_b",
    )
    assert str(error) == (
        "test_a.py::test_b: a live call to api.openai.com was not sent: $0.00 of $1.00 is spent or "
        "reserved, and it may cost $1.01.\n"
        "Allow more with --onetake-max-spend (max_spend), or record less in one run."
    )


def test_without_a_limit_there_is_nothing_to_ask(tmp_path):
    assert purse_of(Settings(), tmp_path, "run", "test") is None

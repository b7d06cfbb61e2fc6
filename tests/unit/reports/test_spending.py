"""From accounts to dollars: what is known is summed, what is not is named."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from onetake.config import Settings
from onetake.reports.accounts import Account
from onetake.reports.dollars import Spending
from onetake.reports.leaks import is_leak, new_cassettes
from onetake.reports.spending import spending_of
from onetake.spend import Spent, Usage, in_dollars

SETTINGS = Settings(allow_hosts=("free.example",))


def spent(outcome: str, tokens: int | None, host: str = "api.example") -> dict[str, Any]:
    usage = None if tokens is None else Usage(provider="", model="big", input_tokens=tokens)
    data: dict[str, Any] = msgspec.to_builtins(Spent(outcome=outcome, host=host, usage=usage))
    return data


def account(test: str, *calls: dict[str, Any], verdict: str = "RECORDED", held: int = 0) -> Account:
    place = "" if verdict.startswith("UNMARKED") else f"cassettes/{test}.json"
    return Account(test=test, verdict=verdict, place=place, held=held, spent=calls)


def spending(*accounts: Account) -> Spending:
    new = new_cassettes(accounts)

    def leaks(one: Account, outcome: str, host: str) -> bool:
        return is_leak(one, outcome, host, new, SETTINGS)

    # A dollar a token, and no price for an odd number of tokens.
    return spending_of(
        accounts, leaks, lambda used: None if (used.input_tokens or 0) % 2 else used.input_tokens
    )


def test_what_fills_a_new_cassette_is_paid_and_no_leak():
    found = spending(account("a", spent("recorded", 2), spent("recorded", 4)))
    assert (found.total.recorded, found.total.leaked, found.total.saved) == (6, 0, 0)


def test_what_is_added_to_an_old_cassette_and_what_is_let_through_is_a_leak():
    found = spending(
        account("a", spent("recorded", 2), spent("replayed", 10), held=1),
        account("b", spent("live", 4), verdict="LIVE"),
        account("c", spent("live", 8), verdict="UNMARKED:LIVE"),
    )
    assert (found.total.recorded, found.total.live, found.total.leaked) == (2, 12, 14)
    assert found.total.saved == 10
    assert {test: one.leaked for test, one in found.tests.items()} == {"a": 2, "b": 4, "c": 8}


def test_a_call_without_a_cassette_to_an_allowed_host_is_paid_and_no_leak():
    found = spending(account("a", spent("live", 4, "free.example:8080"), verdict="UNMARKED:LIVE"))
    assert (found.total.paid, found.total.leaked) == (4, 0)


def test_an_unknown_price_is_counted_by_model_else_by_host_and_is_no_zero():
    found = spending(
        account("a", spent("recorded", 3), spent("recorded", 2), spent("live", None)),
        account("b", spent("replayed", 5), spent("replayed", None), verdict="HIT"),
    )
    assert found.total.recorded == 2
    assert found.total.unpriced == {"big": 1, "api.example": 1}
    assert found.total.unpriced_saved == {"big": 1, "api.example": 1}
    assert found.tests["b"].saved == 0
    assert not found.tests["b"].is_empty


def test_equal_calls_that_are_told_as_one_cost_what_they_cost_one_by_one():
    one_by_one = spending(*(account("a", spent(*of)) for of in [("live", 4), ("replayed", 3)] * 3))

    as_one = [spent("live", 4) | {"calls": 3}, spent("replayed", 3) | {"calls": 3}]
    assert spending(account("a", *as_one)) == one_by_one
    assert one_by_one.total.live == one_by_one.total.leaked == 12
    assert one_by_one.total.unpriced_saved == {"big": 3}


def test_attempts_of_one_test_add_up():
    found = spending(account("a", spent("recorded", 2)), account("a", spent("recorded", 4)))
    assert found.tests["a"].recorded == 6
    assert found.tokens["input_tokens"] == 6


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0.0, "$0.00"),
        (12345.678, "$12,345.68"),
        (0.5, "$0.50"),
        (0.0999999, "$0.10"),
        (0.000183, "$0.000183"),
        (0.00000735, "$0.00000735"),
    ],
)
def test_small_amounts_keep_their_digits(amount: float, text: str):
    assert in_dollars(amount) == text

"""For what a run fails at its end."""

from __future__ import annotations

import pytest

from onetake.config import Settings, Source, resolve
from onetake.errors import UsageError
from onetake.reports.accounts import Account, Summary
from onetake.reports.gates import judge


def account(test: str, verdict: str = "RECORDED", *, held: int = 0, **counts: int) -> Account:
    place = "" if verdict.startswith("UNMARKED") else f"cassettes/{test}.json"
    return Account(
        test=test, verdict=verdict, counts=counts, place=place, held=held, hosts={"api.test": 1}
    )


def reasons(*accounts: Account, ci: bool = False, **settings: object) -> list[tuple[str, ...]]:
    summary = Summary()
    for one in accounts:
        summary.add(one)
    found = judge(summary, resolve([Source("test", settings)], ci=False), ci=ci)
    return [(one.gate, one.text, *one.shown) for one in found]


def test_more_live_calls_than_allowed_are_counted_over_all_kinds():
    accounts = [
        account("a", recorded=2),
        account("b", "LIVE", live=1),
        account("c", "UNMARKED:LIVE", live=1),
        account("d", "HIT", replayed=9),
    ]

    assert reasons(*accounts, max_live=4) == []
    assert reasons(*accounts, max_live=3) == [
        (
            "max-live",
            "4 calls went live, and max_live is 3",
            "a: 2 to api.test",
            "b: 1 to api.test",
            "c: 1 to api.test",
        )
    ]


def test_ten_tests_are_named():
    found = reasons(*(account(f"t{n:02}", recorded=1) for n in range(12)), max_live=0)

    assert len(found[0]) == 2 + 10 + 1
    assert found[0][-1] == "and 2 more"


@pytest.mark.parametrize(
    ("accounts", "leaked"),
    [
        ([account("a", recorded=1)], []),
        ([account("a", "HIT", held=1, replayed=1)], []),
        ([account("a", "PARTIAL", held=1, replayed=1, recorded=1)], ["a: 1 to api.test"]),
        ([account("a", held=1, recorded=1)], ["a: 1 to api.test"]),
        ([account("a", "LIVE", live=2)], ["a: 2 to api.test"]),
        ([account("a", "UNMARKED:LIVE", live=2)], ["a: 2 to api.test"]),
        # The second test to use a cassette that is new finds recordings of the first.
        ([account("a", recorded=1), account("a", held=1, recorded=1)], []),
    ],
)
def test_a_leak_is_a_live_call_that_fills_no_new_cassette(accounts, leaked):
    found = reasons(*accounts, fail_on=["leak"])

    assert [where for reason in found for where in reason[2:]] == leaked


def test_what_fail_on_does_not_name_fails_nothing():
    stale = account("a", "STALE", held=1, stale=1, replayed=1, paid_twice=1)

    assert reasons(stale, fail_on=["leak", "overflow", "unused", "degraded"]) == []
    assert reasons(stale, fail_on="stale,paid-twice") == [
        ("stale", "1 answer replayed past the ttl", "a: 1"),
        ("paid-twice", "1 call paid twice", "a: 1"),
    ]


def test_where_ci_is_set_tests_without_a_cassette_may_not_go_live():
    accounts = [account("a", recorded=1), account("b", "UNMARKED:LIVE", live=1)]

    assert reasons(*accounts) == []
    [(gate, text, where)] = reasons(*accounts, ci=True)
    assert (gate, where) == ("leak", "b: 1 to api.test")
    assert 'fail_on = "none" allows it' in text
    assert reasons(*accounts, ci=True, fail_on="none") == []
    assert reasons(*accounts, ci=True, allow_hosts=["*.test"]) == []


def test_where_ci_is_set_cassettes_may_not_grow():
    grown = Account(test="a", verdict="OVERFLOW", growth={"runs": 3})

    [(gate, text, where)] = reasons(grown, ci=True)
    assert (gate, where) == ("overflow", "a: on 3 runs running")
    assert "allows it" in text


def test_a_run_without_a_cassette_does_not_use_onetake():
    assert reasons(account("b", "UNMARKED:LIVE", live=1), ci=True) == []


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({"fail_on": "leek"}, ["'leek'", "Did you mean 'leak'?"]),
        ({"fail_on": ["drift"]}, ["verify"]),
        ({"fail_on": "none,leak"}, ["beside others"]),
        ({"fail_on": 3}, ["no list"]),
        ({"max_live": -1}, ["'max_live'", "no number"]),
        ({"max_live": "few"}, ["'few'"]),
        ({"max_spend": "-1"}, ["'max_spend'", "no amount of dollars"]),
        ({"max_spend": "inf"}, ["'inf'"]),
        ({"max_spend": True}, ["True"]),
        ({"unknown_price_usd": "much"}, ["'unknown_price_usd'", "'much'"]),
    ],
)
def test_a_wrong_gate_is_one_error_that_names_it(values, parts):
    with pytest.raises(UsageError) as caught:
        resolve([Source("here.toml", values)], ci=False)

    assert all(part in str(caught.value) for part in ["here.toml", *parts])


def test_gates_as_texts():
    said = {"fail_on": "leak, stale", "max_live": "7", "max_spend": "2.50"}
    settings = resolve([Source("env", said)], ci=False)

    assert (settings.fail_on, settings.max_live, settings.max_spend) == (("leak", "stale"), 7, 2.5)
    assert Settings().fail_on is None

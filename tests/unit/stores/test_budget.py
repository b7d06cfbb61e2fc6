"""The budget of a run: one account that many processes share, and that outlives each of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.errors import StoreError
from onetake.stores.budget import Budget, Largest, Refusal


@pytest.fixture
def budget(tmp_path: Path) -> Budget:
    return Budget(tmp_path / ".onetake", "run")


def again(budget: Budget) -> Budget:
    """As another process sees it."""
    return Budget(budget._cache, "run")


def test_a_call_is_reserved_and_settled_by_what_it_cost(budget):
    token = budget.reserve(0.5, 1.0)
    assert isinstance(token, str)
    assert (budget.balance().settled, budget.balance().reserved) == (0, 0.5)
    budget.settle(token, 0.2)
    assert budget.balance() == again(budget).balance()
    assert (budget.balance().settled, budget.balance().reserved) == (0.2, 0)


def test_no_call_is_reserved_that_would_pass_the_limit(budget):
    first = budget.reserve(0.5, 1.0)
    assert again(budget).reserve(0.6, 1.0) == Refusal(0.5)
    budget.settle(first, 0.1)
    assert isinstance(again(budget).reserve(0.6, 1.0), str)
    assert budget.balance().refused == 1


def test_once_the_limit_is_reached_not_even_what_costs_nothing_goes(budget):
    assert isinstance(budget.reserve(1.0, 1.0), str)
    assert budget.reserve(0.0, 1.0) == Refusal(1.0)
    assert isinstance(Budget(budget._cache, "none").reserve(0.0, 0.0), Refusal)


def test_sums_of_floats_are_no_reason(budget):
    assert all(isinstance(budget.reserve(0.1, 1.0), str) for _ in range(10))
    assert isinstance(budget.reserve(0.1, 1.0), Refusal)


def test_calls_of_no_known_price_are_named(budget):
    token = budget.reserve(0.05, 1.0, unpriced="acme/thing")
    budget.settle(token, 0.05, unpriced="acme/thing")
    budget.reserve(0.05, 1.0, unpriced="api.example.com")
    known = budget.reserve(0.05, 1.0, unpriced="openrouter/new")
    budget.settle(known, 0.01)  # the answer stated its charge
    assert again(budget).balance().unpriced == {"acme/thing": 1, "api.example.com": 1}


def test_a_call_is_settled_once(budget):
    token = budget.reserve(0.5, 1.0)
    budget.settle(token, 0.2)
    again(budget).settle(token, 0.3)
    assert budget.balance().usd == pytest.approx(0.2)


def test_without_a_call_no_file_is_made(budget, tmp_path):
    assert budget.balance().usd == 0
    assert budget.largest("openai/gpt-4o") == Largest()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cut", [2, 5, 20])
def test_a_torn_last_line_spoils_neither_what_was_before_nor_what_comes(budget, cut):
    first = budget.reserve(0.5, 9.0)
    budget.settle(first, 0.2)
    second = budget.reserve(0.7, 9.0)
    budget.settle(second, 0.3)
    os.truncate(budget._path, budget._path.stat().st_size - cut)
    other = again(budget)
    assert (other.balance().settled, other.balance().reserved) == (0.2, 0.7)
    assert isinstance(other.reserve(0.1, 9.0), str)
    assert again(budget).balance().reserved == pytest.approx(0.8)


KILLED = """
import os, signal, sys
from pathlib import Path
from onetake.stores.budget import Budget

budget = Budget(Path(sys.argv[1]), "run")
budget.settle(budget.reserve(0.25, 9.0), 0.125)
budget.reserve(0.5, 9.0)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_had_reserved_counts_as_spent(budget):
    done = subprocess.run([sys.executable, "-c", KILLED, budget._cache], check=False)
    assert done.returncode == -signal.SIGKILL
    assert budget.balance().usd == pytest.approx(0.625)
    assert budget.reserve(0.5, 1.0) == Refusal(0.625)


def test_nothing_is_spent_where_no_account_can_be_kept(tmp_path):
    (tmp_path / "spend").write_text("a file where the folder should be")
    budget = Budget(tmp_path, "run")
    with pytest.raises(StoreError, match="max_spend"):
        budget.reserve(0.1, 1.0)
    budget.settle("token", 0.1)
    budget.saw("openai/gpt-4o", 5, 0.1)


def test_the_accounts_of_the_last_runs_are_kept(tmp_path):
    for number in range(9):
        Budget(tmp_path, f"run{number}").reserve(0.1, 1.0)
    assert len(list((tmp_path / "spend").glob("*.jsonl"))) <= 6


def test_the_largest_answer_of_a_model_is_remembered_over_runs(budget):
    budget.saw("openai/gpt-4o", 100, 0.01)
    budget.saw("openai/gpt-4o", 50, 0.02)
    budget.saw("openai/gpt-5", 7, 0.5)
    later = Budget(budget._cache, "another run")
    assert later.largest("openai/gpt-4o") == Largest(100, 0.02)
    assert later.largest("openai/gpt-5") == Largest(7, 0.5)


@given(
    st.floats(0, 3),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.booleans()), max_size=20),
)
def test_reservations_never_pass_the_limit(tmp_path_factory, limit, calls):
    """However calls overlap: what is settled at no more than was reserved stays within the limit."""
    budgets = [Budget(tmp_path_factory.mktemp("b"), "run")] * 2
    budgets[1] = again(budgets[0])
    waiting = []
    for number, (reserved, part, settles) in enumerate(calls):
        one = budgets[number % 2]
        token = one.reserve(reserved, limit)
        if isinstance(token, str):
            waiting.append((token, reserved * part))
        assert one.balance().usd <= limit + 1e-6
        if settles and waiting:
            one.settle(*waiting.pop(0))
    assert budgets[0].balance().usd == pytest.approx(budgets[1].balance().usd)


def test_threads_share_one_account(budget):
    got = []

    def spend():
        for _ in range(20):
            token = budget.reserve(0.1, 3.0)
            if isinstance(token, str):
                budget.settle(token, 0.1)
                got.append(token)

    threads = [threading.Thread(target=spend) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(got) == 30
    assert again(budget).balance().settled == pytest.approx(3.0)

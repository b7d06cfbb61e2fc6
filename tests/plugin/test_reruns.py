"""Tests that are run again: the last verdict counts, calls add up, and nothing is paid twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

import fakeprovider
from tests.plugin.suite import Run, Suite

# Three tests fail once, after they have recorded, and again in each run until `once-*` are there.
_FLAKY = """
    from pathlib import Path

    import pytest
    from calls import ask

    pytestmark = pytest.mark.onetake

    def is_first(name):
        path = Path(name)
        found = not path.exists()
        path.touch()
        return found

    @pytest.fixture(scope="module")
    def wide():
        ask("wide")

    {mark}
    @pytest.mark.parametrize("n", range(3))
    def test_flaky(n, wide):
        ask(f"first {{n}}")
        ask(f"second {{n}}")
        assert not is_first(f"once-{{n}}")

    def test_plain():
        ask("plain")
"""

_PLUGINS = {
    "rerunfailures": ("pytest_rerunfailures", "", ("--reruns=2",)),
    "rerunfailures-mark": ("pytest_rerunfailures", "@pytest.mark.flaky(reruns=2)", ()),
    "flaky": ("flaky.flaky_pytest_plugin", "@pytest.mark.flaky(max_runs=3)", ()),
    "retry": ("pytest_retry.retry_plugin", "@pytest.mark.flaky(retries=2)", ()),
}


def totals(suite: Suite) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((suite.root / "report.json").read_text())
    return data["totals"]


def run(suite: Suite, plugin: str, *parallel: str) -> Run:
    name, _, arguments = _PLUGINS[plugin]
    plugins = ("xdist", name) if parallel else (name,)
    return suite.run("-v", "--onetake-report=report.json", *arguments, *parallel, plugins=plugins)


@pytest.mark.parametrize("plugin", _PLUGINS)
@pytest.mark.parametrize("parallel", [(), ("-n2", "--dist=loadscope")], ids=["alone", "workers"])
def test_what_a_failed_attempt_has_paid_for_answers_the_next(
    suite: Suite, provider: fakeprovider.Provider, plugin: str, parallel: tuple[str, ...]
) -> None:
    suite.write("test_a.py", _FLAKY.format(mark=_PLUGINS[plugin][1]))

    first = run(suite, plugin, *parallel)
    assert first.code == 0, first.output
    found = totals(suite)
    assert provider.billed() == found["paid"] == 3 * 2 + 2
    assert found["tests"] == 5  # and of these one is the fixture
    assert found["verdicts"].get("HIT", 0) >= 3
    assert "MISS" not in found["verdicts"]
    assert "NOT_PERSISTED" not in found["verdicts"]
    assert found["calls"]["quarantined"] == 6
    assert "paid_twice" not in found["calls"]

    assert run(suite, plugin, *parallel).code == 0
    assert totals(suite)["calls"] == {"replayed": 8}
    assert totals(suite)["verdicts"] == {"HIT": 5}
    assert provider.billed() == 8


def test_any_worker_may_run_a_test_again(suite: Suite, provider: fakeprovider.Provider) -> None:
    source = _FLAKY.format(mark="").replace("(n, wide)", "(n)")
    suite.write("test_a.py", source)

    assert run(suite, "rerunfailures", "-n2").code == 0
    assert provider.billed() == totals(suite)["paid"] == 7
    assert totals(suite)["verdicts"] == {"RECORDED": 1, "HIT": 3}


@pytest.mark.parametrize("plugin", _PLUGINS)
def test_a_test_that_fails_each_time_publishes_nothing(
    suite: Suite, provider: fakeprovider.Provider, plugin: str
) -> None:
    source = _FLAKY.format(mark=_PLUGINS[plugin][1])
    suite.write("test_a.py", source.replace("not is_first", "0 * is_first"))

    done = run(suite, plugin)
    assert done.code == 1
    assert suite.cassettes() == [
        "cassettes/test_a/@wide.json",
        "cassettes/test_a/test_plain.json",
    ]
    assert provider.billed() == totals(suite)["paid"] == 8
    run(suite, plugin)
    assert provider.billed() == 8

"""A run fails for what was paid or left, although its tests passed."""

from __future__ import annotations

import pytest

from tests.plugin.suite import Suite

_TESTS = """
    import os

    import pytest
    from calls import ask, chat

    @pytest.mark.onetake
    @pytest.mark.parametrize("n", range(4))
    def test_marked(n):
        ask(f"{n} {os.environ.get('WORDS')}")

    def test_unmarked():
        chat("unmarked")
"""


@pytest.mark.parametrize("parallel", [(), ("-n", "2")], ids=["alone", "workers"])
def test_live_calls_are_counted_over_all_workers(suite: Suite, parallel: tuple[str, ...]) -> None:
    suite.write("test_a.py", _TESTS)
    plugins = ("xdist",) if parallel else ()

    run = suite.run("--onetake-max-live=4", *parallel, plugins=plugins)

    assert run.code == 1
    assert run.outcomes == {"passed": 5}
    assert run.line("FAILED:") == "FAILED: 5 calls went live, and max_live is 4"
    host = suite.url.partition("//")[2]
    assert run.line("  test_a.py::test_unmarked:") == f"  test_a.py::test_unmarked: 1 to {host}"
    assert suite.run("--onetake-max-live=1", *parallel, plugins=plugins).code == 0


def test_a_call_paid_again_is_a_leak_and_a_new_cassette_is_none(suite: Suite) -> None:
    suite.write("test_a.py", _TESTS.partition("    def test_unmarked")[0])

    assert suite.run("--onetake-fail-on=leak", WORDS="one").code == 0
    assert suite.run("--onetake-fail-on=leak", WORDS="one").code == 0
    run = suite.run("-q", WORDS="two", ONETAKE_FAIL_ON="leak")

    assert run.code == 1
    assert "FAILED: 4 live calls outside of new cassettes" in run.line("onetake:")


def test_in_ci_tests_without_a_cassette_may_not_go_live(suite: Suite) -> None:
    suite.write("test_a.py", _TESTS)

    run = suite.run("--onetake-mode=auto", CI="1")

    assert run.code == 1
    assert run.line("FAILED:").startswith("FAILED: 1 live call of tests without a cassette (CI is")
    assert suite.run("--onetake-mode=auto", "--onetake-fail-on=none", CI="1").code == 0
    assert suite.run("--onetake-mode=auto", CI="1", ONETAKE_ALLOW_HOSTS="127.0.0.1").code == 0


def test_a_wrong_gate_ends_the_run_in_one_line(suite: Suite) -> None:
    run = suite.run("--onetake-fail-on=leek")

    assert run.code == 4
    assert "Did you mean 'leak'?" in run.line("ERROR: onetake:")

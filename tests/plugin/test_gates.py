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
    gate = run.output.partition("FAILED:")[2].splitlines()
    assert f"  test_a.py::test_unmarked: 1 to {host}" in gate
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


_SILENT = """
    import pytest
    from calls import ask

    @pytest.fixture(scope="module")
    def wide():
        ask("wide")

    @pytest.mark.onetake
    def test_records():
        ask("one")

    @pytest.mark.onetake
    def test_is_silent(): ...

    @pytest.mark.parametrize("n", [1, pytest.param(2, marks=pytest.mark.onetake)])
    def test_a_parameter_is_silent(n): ...

    @pytest.mark.onetake
    def test_asks_by_its_fixture(wide): ...

    @pytest.mark.onetake
    def test_asks_by_its_fixture_too(wide): ...

    @pytest.mark.onetake
    def test_is_skipped():
        pytest.skip()

    @pytest.mark.onetake
    class TestWidely:
        def test_is_silent(self): ...
"""


@pytest.mark.parametrize("parallel", [(), ("-n2", "--dist=loadscope")], ids=["alone", "workers"])
def test_record_mode_that_records_nothing_fails_by_name(
    suite: Suite, parallel: tuple[str, ...]
) -> None:
    suite.write("test_a.py", _SILENT)
    plugins = ("xdist",) if parallel else ()
    run = suite.run("--onetake-mode=record", *parallel, plugins=plugins)

    assert run.code == 1
    assert run.output.split("FAILED: ")[1].splitlines()[:4] == [
        '2 tests recorded nothing in mode record (fail_on = "none" allows it)',
        "  test_a.py::test_a_parameter_is_silent[2]",
        "  test_a.py::test_is_silent",
        run.output.splitlines()[-1],
    ]
    assert suite.run(*parallel, plugins=plugins).code == 0
    for allowed in ("none", "leak"):
        words = ("--onetake-mode=record", f"--onetake-fail-on={allowed}")
        assert suite.run(*words, *parallel, plugins=plugins).code == 0
    assert suite.run("--onetake-mode=record", "--onetake-fail-on=empty").code == 1


def test_tests_with_a_wider_mark_fail_only_where_none_records(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import os

        from calls import ask

        def test_may_ask():
            if os.environ.get("ASKS"):
                ask("one")

        def test_is_silent(): ...
        """,
    )
    words = ("--onetake-mode=record",)
    run = suite.run(*words, ONETAKE_AUTO_MARK="true")
    assert run.code == 1
    assert "FAILED: 2 tests recorded nothing in mode record" in run.output
    assert suite.run(*words, ONETAKE_AUTO_MARK="true", ASKS="1").code == 0


def test_an_entry_that_no_replay_uses_fails_by_name_where_it_is_asked_for(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import os

        import pytest
        from calls import ask

        @pytest.mark.onetake
        def test_asks():
            ask("one")
            if os.environ.get("TWICE"):
                ask("two")
        """,
    )
    suite.run(TWICE="1")
    assert suite.run("--onetake-mode=replay").code == 0
    run = suite.run("--onetake-mode=replay", "--onetake-fail-on=unused")

    assert run.code == 1
    assert run.line("FAILED:").startswith("FAILED: no test used 1 recording")
    assert run.line("  cassettes/test_a/test_asks.json: 1 of 2")


def test_in_ci_a_run_of_unmarked_tests_fails_too_where_the_project_uses_onetake(
    suite: Suite,
) -> None:
    suite.write("test_a.py", "from calls import chat\n\ndef test_one():\n    chat('one')\n")
    assert suite.run(CI="true").code == 0

    suite.write("onetake.toml", "max_interactions = 60\n")
    run = suite.run("-q", CI="true")
    assert run.code == 1
    assert "test_a.py::test_one: 1 to 127.0.0.1" in run.line("onetake:")

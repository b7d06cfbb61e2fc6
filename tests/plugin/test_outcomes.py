"""What a test's outcome does to its recordings, and misses to the test."""

from __future__ import annotations

import fakeprovider
from tests.plugin.suite import Suite


def test_a_swallowed_miss_fails_the_test_once_per_distinct_miss(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest
        from calls import ask, ask_quietly

        pytestmark = pytest.mark.onetake(mode="replay")

        def test_swallowed():
            ask_quietly("one")
            ask_quietly("one")
            ask_quietly("two")

        def test_own_failure_first():
            ask_quietly("three")
            assert 1 == 2

        def test_propagated():
            ask("four")

        @pytest.fixture
        def late():
            yield
            ask_quietly("five")

        def test_teardown(late): ...

        def test_expected(cassette):
            with cassette.expect_miss():
                ask_quietly("six")
        """,
    )
    run = suite.run("-v")
    assert run.outcomes == {"failed": 3, "passed": 2, "error": 1}
    swallowed, own, propagated = (
        run.output.split(f" {name} _")[1].split("\n____")[0]
        for name in ("test_swallowed", "test_own_failure_first", "test_propagated")
    )
    assert swallowed.count("/echo") == 2
    assert "Traceback" not in swallowed
    assert own.index("assert 1 == 2") < own.index("onetake: misses") < own.index("/echo")
    assert "onetake: misses" not in propagated
    assert "MissError" in propagated
    assert "src/onetake" not in run.output
    assert [verdict.split()[0] for verdict in run.verdicts] == ["[MISS]"] * 4 + ["[NO_TRAFFIC]"]


def test_only_what_passed_is_published(suite: Suite, provider: fakeprovider.Provider) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest
        from calls import ask

        pytestmark = pytest.mark.onetake

        def test_fails():
            ask("fails")
            assert False

        def test_skips():
            ask("skips")
            pytest.skip()

        @pytest.mark.xfail(strict=True)
        def test_xfails():
            ask("xfails")
            assert False

        @pytest.mark.xfail(strict=True)
        def test_xpasses():
            ask("xpasses")

        @pytest.fixture
        def broken():
            yield
            assert False

        def test_teardown(broken):
            ask("teardown")

        @pytest.fixture
        def refuses():
            ask("refuses")
            assert False

        def test_setup(refuses): ...

        @pytest.mark.skip
        def test_never_ran(): ...
        """,
    )
    first = suite.run("-v")
    assert suite.cassettes() == [
        "cassettes/test_a/test_skips.json",
        "cassettes/test_a/test_xfails.json",
    ]
    assert provider.billed() == 6
    assert first.line("quarantined: 4 answers")
    assert "recorded=1 quarantined=1" in first.verdicts[0]
    second = suite.run("-v")
    assert provider.billed() == 6, second.output
    assert second.line("paid calls") == "paid calls: 0; replayed: 6"


def test_a_rerun_is_an_opening_of_its_own(suite: Suite, provider: fakeprovider.Provider) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest
        from calls import ask

        attempts = []

        @pytest.mark.onetake
        def test_flaky(cassette):
            attempts.append(cassette)
            ask("flaky")
            assert len(cassette.calls) == 1
            assert len(attempts) == 2
            assert attempts[0] is not attempts[1]
        """,
    )
    run = suite.run("-v", "--reruns=1", plugins=("pytest_rerunfailures",))
    assert run.outcomes == {"passed": 1, "rerun": 1}
    assert run.verdicts == ["[NOT_PERSISTED] recorded=1 quarantined=1", "[HIT] replayed=1"]
    assert run.line("HIT") == "HIT 1"
    assert run.line("paid calls") == "paid calls: 1 (recorded 1); replayed: 1"
    assert provider.billed() == 1
    assert suite.cassettes() == ["cassettes/test_a/test_flaky.json"]


def test_recordings_that_cannot_be_kept_end_the_run_with_an_error(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest
        from calls import ask

        @pytest.mark.onetake
        def test_a():
            ask("a")
        """,
    )
    suite.write("cassettes", "a file where the folder should be")
    run = suite.run()
    assert run.outcomes == {"passed": 1}
    assert run.code == 1
    assert run.line("NOT_PERSISTED: test_a.py::test_a: ")


def test_a_fixture_that_swallows_a_miss_fails(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest
        from calls import ask_quietly

        pytestmark = pytest.mark.onetake(mode="replay")

        @pytest.fixture(scope="module")
        def wide():
            ask_quietly("wide")

        def test_a(wide): ...
        """,
    )
    run = suite.run("-v")
    assert run.outcomes == {"error": 1}
    assert "[MISS] missed=1 test_a/@wide" in run.verdicts

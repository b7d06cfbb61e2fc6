"""However a run or a test ends, each call is counted, and only what passed is published."""

from __future__ import annotations

import json

import pytest

import fakeprovider
from tests.plugin.suite import Suite

_TESTS = """
    import os

    import pytest
    from calls import ask

    pytestmark = pytest.mark.onetake

    @pytest.fixture(scope="module")
    def wide():
        ask("wide")

    def test_a(wide):
        ask("a")

    def test_ends():
        ask("ends")
        {end}

    def test_z():
        ask("z")
"""


@pytest.mark.parametrize(
    ("end", "arguments", "code"),
    [
        ("assert False", ("-x",), 1),
        ("assert False", ("--maxfail=1",), 1),
        ("raise KeyboardInterrupt", (), 2),
        ("pytest.exit('enough', returncode=3)", (), 3),
        ("os.environ.update(X='1'); pytest.exit('enough')", ("-q",), 2),
    ],
    ids=["x", "maxfail", "interrupt", "exit", "exit-quietly"],
)
def test_a_run_that_ends_early_counts_what_was_paid(
    suite: Suite,
    provider: fakeprovider.Provider,
    end: str,
    arguments: tuple[str, ...],
    code: int,
) -> None:
    suite.write("test_a.py", _TESTS.format(end=end))
    run = suite.run("-v", "--onetake-report=report.json", *arguments)

    assert run.code == code, run.output
    totals = json.loads((suite.root / "report.json").read_text())["totals"]
    assert provider.billed() == totals["paid"] == 3
    assert totals["calls"] == {"quarantined": 1, "recorded": 3}
    assert "cassettes/test_a/test_a.json" in suite.cassettes()
    assert "cassettes/test_a/test_ends.json" not in suite.cassettes()
    suite.run(*arguments)
    assert provider.billed() == 3


def test_a_worker_that_stops_at_a_failure_tells_what_it_has_paid(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write("test_a.py", _TESTS.format(end="assert False"))
    words = ("-x", "-n2", "--dist=loadscope", "--onetake-report=report.json")
    run = suite.run(*words, plugins=("xdist",))

    assert run.code in (1, 2), run.output
    totals = json.loads((suite.root / "report.json").read_text())["totals"]
    assert provider.billed() == totals["paid"]
    assert totals["calls"]["quarantined"] == 1


def test_the_verdict_of_a_test_that_is_skipped_in_the_middle_is_of_its_calls(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write("test_a.py", _TESTS.format(end="pytest.skip('not today')"))
    first, second = suite.run("-v"), suite.run("-v")

    assert first.verdicts[1].startswith("[RECORDED] recorded=1")
    assert second.verdicts[1].startswith("[HIT] replayed=1")
    assert provider.billed() == 4

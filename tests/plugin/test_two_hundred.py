"""200 tests that come to every verdict: what is told is what the provider has counted, however they are run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import fakeprovider
from tests.plugin.suite import Run, Suite, new_suite

_WAYS = {"one process": ("-n0",), "four": ("-n4",), "by scope": ("-n4", "--dist=loadscope")}
_RERUNS = "pytest_rerunfailures"

# SEED is 1 and 2 in the two runs before, which are of "seeded" tests only.
_TESTS = """
    import atexit
    import os
    import pathlib

    import httpx
    import pytest

    URL = os.environ["PROVIDER_URL"] + "/v1/chat/completions"
    SEED = os.environ.get("SEED", "")
    EACH = pytest.mark.parametrize("n", range(18))
    seeded = pytest.mark.seeded
    onetake = pytest.mark.onetake
    client = httpx.Client()
    atexit.register(client.close)

    def chat(*words):
        text = " ".join(map(str, words))
        body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]}
        return client.post(URL, json=body).json()

    @EACH
    @seeded
    @onetake
    def test_hit(n):
        chat("hit", n)

    @EACH
    @seeded
    @onetake
    def test_partial(n):
        chat("first", n)
        if not SEED:
            chat("second", n)

    @EACH
    @onetake
    def test_recorded(n):
        chat("recorded", n)
        chat("recorded", n)

    @EACH
    @onetake(mode="replay")
    def test_miss(n):
        try:
            chat("missing", n)
        except Exception:
            pass

    @EACH
    @onetake
    def test_not_persisted(n):
        chat("lost", n)
        assert n < 0

    @EACH
    @onetake(mode="live")
    def test_live(n):
        chat("live", n)

    @EACH
    @seeded
    @onetake
    def test_overflow(n):
        chat("report number", n, "of run", "abc"[int(SEED or 0)])

    @EACH
    @seeded
    @onetake(ttl="1ms", refresh="soft")
    def test_stale(n):
        chat("stale", n)

    @EACH
    @onetake
    def test_no_traffic(n): ...

    @EACH
    def test_unmarked_live(n):
        chat("unmarked", n)

    @pytest.mark.parametrize("n", range(4))
    def test_unmarked_silent(n): ...

    @pytest.mark.parametrize("n", range(4))
    @seeded
    @onetake("shared")
    def test_shares(n):
        chat("shared")

    @pytest.mark.parametrize("n", range(4))
    @onetake
    def test_skipped_midway(n):
        chat("before", n)
        pytest.skip("later")

    @pytest.mark.parametrize("n", range(4))
    @pytest.mark.flaky(reruns=1)
    @onetake
    def test_passes_at_the_second_try(n, tmp_path_factory):
        chat("again", n)
        mark = pathlib.Path(f"tried-{n}-{SEED}")
        if not mark.exists():
            mark.touch()
            raise AssertionError("first")

    @pytest.mark.parametrize("n", range(4))
    @onetake
    def test_setup_fails(n, broken): ...

    @pytest.fixture
    def broken():
        chat("in setup")
        raise RuntimeError("broken")
"""


@pytest.fixture(scope="module")
def seeded(
    tmp_path_factory: pytest.TempPathFactory, shared_provider: fakeprovider.Provider
) -> tuple[Suite, Path]:
    """The project, and what it was after two runs, which have recorded what some of its tests ask."""
    suite = new_suite(tmp_path_factory.mktemp("seeded"), shared_provider.url)
    suite.write(
        "pytest.ini",
        "[pytest]\naddopts = --strict-markers\nmarkers =\n    seeded: has recordings\n",
    )
    suite.write("test_all.py", _TESTS)
    for seed in "12":
        # Only what is the same on each run: that of other tests would count as unused.
        assert suite.run("-m", "seeded", plugins=(_RERUNS,), SEED=seed).code == 0
    return suite, shutil.copytree(suite.root, tmp_path_factory.mktemp("kept") / "project")


def run(
    suite: Suite, kept: Path, provider: fakeprovider.Provider, mode: str, way: str
) -> tuple[Run, dict[str, Any], int]:
    """One run over the project as it was `kept`: its output, report, and the calls of the provider."""
    shutil.rmtree(suite.root)
    shutil.copytree(kept, suite.root)
    before = provider.billed()
    ran = suite.run(
        *([] if mode == "as marked" else [f"--onetake-mode={mode}"]),
        "--onetake-report=report.json",
        *_WAYS[way],
        plugins=("xdist", _RERUNS),
    )
    report: dict[str, Any] = json.loads((suite.root / "report.json").read_text("utf-8"))
    return ran, report, provider.billed() - before


def told(report: dict[str, Any]) -> dict[str, Any]:
    """What must not hang on how the tests were spread."""
    by_test = {
        one["test"]: (one["verdict"], without_races(one["counts"])) for one in report["tests"]
    }
    names = ("verdicts", "paid", "unmarked", "tokens", "saved_tokens")
    calls = without_races(report["totals"]["calls"])
    return {"tests": by_test, "calls": calls, **{name: report["totals"][name] for name in names}}


def without_races(counts: dict[str, int]) -> dict[str, int]:
    """Which of those that share a cassette records it first is nobody's choice."""
    return {name: count for name, count in counts.items() if name != "paid_twice"}


@pytest.mark.parametrize("mode", ["as marked", "auto", "replay", "once", "record", "live"])
def test_what_is_told_is_what_the_provider_counts(
    seeded: tuple[Suite, Path], shared_provider: fakeprovider.Provider, mode: str
) -> None:
    found = {}
    for way in _WAYS:
        ran, report, billed = run(*seeded, shared_provider, mode, way)
        assert report["totals"]["paid"] == billed, ran.output
        assert len(report["tests"]) == 200
        assert ran.output.count("----- onetake -----") == 1
        assert ran.output.rstrip().rpartition("\n")[2].startswith("=====")  # pytest's own last line
        lines = ran.output.partition("----- onetake -----")[2].splitlines()
        assert [one for one in lines if len(one) > 100 and "report in" not in one] == []
        assert len(lines) < 100
        found[way] = told(report)

    assert found["four"] == found["by scope"] == found["one process"]
    if mode == "as marked":
        verdicts = found["one process"]["verdicts"]
        assert verdicts == {
            "MISS": 18,
            "NOT_PERSISTED": 18 + 4,
            "LIVE": 18,
            "OVERFLOW": 18,
            "STALE": 18,
            "PARTIAL": 18,
            "RECORDED": 18 + 4,
            "HIT": 18 + 4 + 4,
            "NO_TRAFFIC": 18,
            "UNMARKED:LIVE": 18,
            "UNMARKED:NO_TRAFFIC": 4,
        }
    if mode == "replay":
        assert found["one process"]["verdicts"]["UNMARKED:LIVE"] == 18
        assert found["one process"]["paid"] == 18

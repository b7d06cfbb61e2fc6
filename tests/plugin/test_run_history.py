"""`onetake stats --runs`: what the last runs came to, by run and by test, in dollars where they are known."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest

from onetake.stores import history
from onetake.stores.rows.redis_ import RedisStore
from tests.plugin.suite import Run, Suite
from tests.support.runs import run_python

_TESTS = """
    import os

    import httpx
    import pytest
    from calls import URL, ask, ask_quietly

    def chat(text, model="gpt-4o-mini"):
        message = {"role": "user", "content": text}
        url = os.environ["PROVIDER_URL"] + "/v1/chat/completions"
        answer = httpx.post(url, json={"model": model, "messages": [message]})
        answer.raise_for_status()

    @pytest.mark.onetake
    def test_priced():
        chat("what is known")
        chat("and what more")

    @pytest.mark.onetake
    def test_unpriced():
        chat("of a price that nobody knows", "unheard-of")

    @pytest.mark.onetake(mode="live")
    def test_live():
        chat("never recorded")

    def test_unmarked():
        chat("without a cassette")

    @pytest.mark.onetake
    def test_quiet(): ...
"""


@pytest.fixture(params=["files", "sqlite", "redis", "objects"])
def store(request: pytest.FixtureRequest) -> str:
    if request.param == "redis":
        return f"{request.getfixturevalue('redis_url')}?namespace={secrets.token_hex(4)}"
    if request.param == "objects":
        return f"file://{request.getfixturevalue('tmp_path')}/objects"
    return {"files": "", "sqlite": "sqlite:store.sqlite"}[request.param]


def stats(suite: Suite, store: str, *words: str) -> Run:
    done = run_python(suite.root, "-m", "onetake", "stats", *words, ONETAKE_STORE=store)
    return Run(done.returncode, done.stdout + done.stderr)


def told(suite: Suite, store: str, *words: str) -> Any:
    done = stats(suite, store, *words, "--json")
    assert done.code == 0, done.output
    return json.loads(done.output)


@pytest.mark.parametrize("parallel", [(), ("-n", "2")], ids=["alone", "workers"])
def test_each_run_is_told_with_its_calls_and_dollars(suite, store, parallel):
    suite.write("test_a.py", _TESTS)
    for _ in range(2):
        suite.run(*parallel, plugins=("xdist",) if parallel else (), ONETAKE_STORE=store)

    found = told(suite, store, "--runs")

    second, first = found["runs"]
    counted = ("calls", "replayed", "recorded", "live", "missed")
    assert [first[name] for name in counted] == [5, 0, 3, 2, 0]
    assert [second[name] for name in counted] == [5, 3, 0, 2, 0]
    assert (first["hit_rate"], second["hit_rate"]) == (0.0, 0.6)
    assert first["paid_dollars"] > second["paid_dollars"] > 0 == first["saved_dollars"]
    assert second["saved_dollars"] == pytest.approx(first["paid_dollars"] - second["paid_dollars"])
    unknown = ("paid_calls_of_unknown_price", "saved_calls_of_unknown_price")
    assert [[run[name] for name in unknown] for run in (first, second)] == [[1, 0], [0, 1]]
    tests = {one["test"]: one["calls"] for one in found["tests"]}
    assert tests == {
        "test_a.py::test_priced": 4,
        "test_a.py::test_unpriced": 2,
        "test_a.py::test_live": 2,
        "test_a.py::test_unmarked": 2,
    }


def test_no_cassette_comes_into_being_by_it(suite, store):
    suite.write("test_a.py", _TESTS)
    suite.run(ONETAKE_STORE=store)

    done = run_python(suite.root, "-m", "onetake", "ls", "--json", ONETAKE_STORE=store)

    names = [one["name"] for one in json.loads(done.stdout)["cassettes"]]
    assert names == ["test_a/test_priced", "test_a/test_unpriced"]


def test_people_see_a_table_of_80_columns(suite):
    suite.write("test_a.py", _TESTS)
    suite.write("tests_of_a_long_name/test_b.py", "def test_nothing(): ...\n")
    for _ in range(3):
        suite.run()

    shown = stats(suite, "", "--runs", "2").output
    lines = shown.splitlines()

    assert all(len(line) <= 80 for line in lines)
    assert lines[1].split() == ["run", "calls", "replayed", "paid", "saved", "grew"]
    assert [line.split()[2:6] for line in lines[2:4]] == [["5", "######....", "60", "%"]] * 2
    assert "in all: 10 calls, 60 % replayed, paid $0.0000" in shown
    assert "What cost most, over the last 2 runs:" in shown
    assert "  test_a.py::test_unmarked  (no cassette)" in lines
    assert "test_priced" not in shown
    assert "test_a.py::test_priced" in stats(suite, "", "--by", "test").output


def test_a_pattern_chooses_tests_and_runs(suite, store):
    suite.write("test_a.py", _TESTS)
    suite.write("test_b.py", _TESTS)
    suite.run("test_a.py", ONETAKE_STORE=store)
    suite.run("test_b.py", ONETAKE_STORE=store)

    by_file = told(suite, store, "test_a.py", "--runs")
    by_test = told(suite, store, "--test", "test_b.py::test_priced", "--runs")
    by_host = told(suite, store, "--host", "127.0.0.1", "--runs")
    by_age = told(suite, store, "--older-than", "1d", "--runs")

    assert [run["calls"] for run in by_file["runs"]] == [5]
    assert [(run["calls"], run["recorded"]) for run in by_test["runs"]] == [(2, 2)]
    assert [run["calls"] for run in by_host["runs"]] == [3, 3]  # those with recordings
    assert by_age == {"runs": [], "tests": [], "unreadable": []}


def test_misses_and_growth_are_told(suite):
    suite.write(
        "test_a.py",
        """
        import os

        import pytest
        from calls import ask, ask_quietly

        @pytest.mark.onetake
        def test_growing():
            ask("run " + os.environ["STAGE"])

        @pytest.mark.onetake(mode="replay")
        def test_missing():
            ask_quietly("not recorded")
        """,
    )
    for stage in "123":
        suite.run(STAGE=stage)

    runs = told(suite, "", "--runs")["runs"]

    assert [(run["recorded"], run["missed"]) for run in runs] == [(1, 1)] * 3
    assert [run["grew"] for run in runs] == [["test_a.py::test_growing"], [], []]


def test_a_run_that_does_not_use_onetake_leaves_nothing(suite):
    suite.write("test_a.py", "from calls import ask\ndef test_it(): ask('as ever')\n")

    suite.run()

    assert not (suite.root / ".onetake").exists()
    assert stats(suite, "", "--runs").output.endswith(
        "No run is remembered yet: each run of tests adds one.\n"
    )


def test_a_program_is_remembered_by_its_cassettes(suite, store):
    (suite.root / "onetake.toml").write_text("")
    program = """if True:
        import os
        import onetake
        from calls import chat
        for _ in range(2):
            with onetake.use_cassette("answers"):
                chat("of a program")
    """
    done = run_python(suite.root, "-c", program, PROVIDER_URL=suite.url, ONETAKE_STORE=store)
    assert done.returncode == 0, done.stderr

    found = told(suite, store, "--runs")

    (run,) = found["runs"]
    assert (run["recorded"], run["replayed"], run["paid_calls_of_unknown_price"]) == (1, 1, 0)
    assert [one["test"] for one in found["tests"]] == ["answers"]


def test_a_shared_store_that_is_away_is_no_trouble_of_the_run(suite):
    suite.write("test_a.py", _TESTS)
    away = "redis://127.0.0.1:1/0"

    run = suite.run(ONETAKE_STORE=away)

    assert run.outcomes == {"passed": 5}
    assert stats(suite, away, "--runs").code == 2


def test_a_shared_store_remembers_in_one_line_a_run(suite, redis_url):
    url = f"{redis_url}?namespace={secrets.token_hex(4)}"
    suite.write("test_a.py", _TESTS)
    for _ in range(2):
        suite.run("-n", "2", plugins=("xdist",), ONETAKE_STORE=url)

    store = RedisStore(url)
    lines = history.read(store, history.RUNS)
    store.close()

    assert len(lines) == 2

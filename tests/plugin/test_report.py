"""What `--onetake-report` writes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.plugin.suite import Suite

_TESTS = """
    import os

    import httpx
    import pytest
    from calls import URL, ask

    @pytest.mark.onetake
    @pytest.mark.parametrize("n", range(4))
    def test_marked(n):
        ask(f"{n}")
        headers = {"authorization": "Bearer sk-verysecret123"}
        json = {"prompt": os.environ.get("WORDS", "one") + str(n)}
        httpx.post(URL + "?api_key=verysecret123", headers=headers, json=json)

    def test_unmarked():
        httpx.post(URL.replace("://", "://user:verysecret123@"))
"""


def report(suite: Suite, name: str = "report.json") -> dict[str, Any]:
    text = (suite.root / name).read_text("utf-8")
    assert "verysecret123" not in text
    data: dict[str, Any] = json.loads(text)
    assert data["onetake_report"] == 1
    return data


def test_workers_and_one_process_count_the_same(suite: Suite) -> None:
    suite.write("test_a.py", _TESTS)
    suite.run("test_a.py")
    one = suite.run("--onetake-report=a.json", "--onetake-max-live=0", "-n0", plugins=("xdist",))
    two = suite.run("--onetake-report=b.json", "--onetake-max-live=0", "-n2", plugins=("xdist",))

    assert (one.code, two.code) == (1, 1)
    alone, workers = report(suite, "a.json"), report(suite, "b.json")
    for key in set(alone) - {"runs"}:
        assert alone[key] == workers[key], key
    assert alone["totals"]["verdicts"] == {"HIT": 4, "UNMARKED:LIVE": 1}
    assert alone["totals"]["calls"] == {"replayed": 8}
    assert (alone["totals"]["paid"], alone["totals"]["unmarked"]) == (1, 1)
    assert [gate["gate"] for gate in alone["gates"]] == ["max-live"]
    assert alone["tests"][-1]["hosts"] == {suite.url.partition("//")[2]: 1}
    assert alone["tests"][0]["cassette"] == "cassettes/test_a/test_marked[0].json"
    assert alone["runs"][0]["mode"] == "auto"
    assert alone["runs"][0]["exit_code"] == 1


def test_a_miss_is_told_with_its_cause_when_tests_failed(suite: Suite) -> None:
    suite.write("test_a.py", _TESTS)
    suite.run()
    run = suite.run("--onetake-mode=replay", "--onetake-report=deep/report.json", WORDS="other")

    assert run.code == 1
    data = report(suite, "deep/report.json")
    [event] = data["tests"][0]["events"]
    assert event["outcome"] == "missed"
    assert event["miss"]["cause"].startswith("`body.prompt`") or "body.prompt" in str(event)
    assert data["gates"] == []


def test_a_run_that_was_interrupted_has_a_report(suite: Suite) -> None:
    suite.write("test_a.py", _TESTS + "\n    def test_stop():\n        raise KeyboardInterrupt\n")

    assert suite.run("--onetake-report=report.json").code == 2
    data = report(suite)
    assert data["runs"][0]["exit_code"] == 2
    assert data["totals"]["calls"] == {"recorded": 8}


@pytest.mark.parametrize(
    ("name", "said"), [("a.html", "in a later version"), ("a.xml", "only .json")]
)
def test_another_kind_of_file_is_a_usage_error(suite: Suite, name: str, said: str) -> None:
    run = suite.run(f"--onetake-report={name}")

    assert run.code == 4
    assert said in run.line("ERROR: onetake:")


def test_a_report_that_cannot_be_written_fails_the_run(suite: Suite) -> None:
    suite.write("test_a.py", "def test_it(): ...\n")
    (suite.root / "folder.json").mkdir()

    run = suite.run("--onetake-report=folder.json")

    assert run.code == 1
    assert "Cannot write the report" in run.line("onetake: Cannot")


def test_the_reports_of_the_last_ten_runs_are_kept(suite: Suite) -> None:
    suite.write("test_a.py", _TESTS)
    suite.run("--onetake-report=report.json")
    kept = suite.root / ".onetake/reports"
    [path] = kept.iterdir()
    assert path.read_bytes() == (suite.root / "report.json").read_bytes()

    for number in range(10):
        (kept / f"older-{number}.json").write_text("{}")
    suite.run("-n2", plugins=("xdist",))
    assert len(list(kept.iterdir())) == 10


def test_a_run_without_a_cassette_keeps_nothing(suite: Suite) -> None:
    suite.write("test_a.py", "from calls import ask\n\ndef test_it():\n    ask('x')\n")
    suite.run()
    assert not (suite.root / ".onetake/reports").exists()


def test_a_report_that_cannot_be_kept_is_nobodys_trouble(suite: Suite) -> None:
    suite.write("test_a.py", _TESTS)
    suite.write(".onetake/reports", "a file where the folder should be")
    assert suite.run().code == 0

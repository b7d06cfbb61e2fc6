"""Reports of shards as one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from onetake.cli import main
from onetake.errors import UsageError
from onetake.reports.accounts import Account, Summary
from onetake.reports.json_report import Report, Run, report_of, write_report
from onetake.reports.merging import merge, read_report


def shard(seconds: float, *accounts: Account) -> Report:
    summary = Summary()
    for one in accounts:
        summary.add(one)
    run = Run(
        id="r",
        onetake="0",
        mode="auto",
        mode_reason="default",
        store="",
        started="2026-01-01T00:00:00Z",
        seconds=seconds,
        exit_code=0,
    )
    return report_of(summary, run, Path.cwd())


A = Account(test="a", verdict="HIT", counts={"replayed": 2})
WIDE = Account(test="t/@wide", verdict="HIT", counts={"replayed": 1}, is_fixture=True)
WIDE_ANEW = Account(test="t/@wide", verdict="RECORDED", counts={"recorded": 1}, is_fixture=True)
B = Account(test="b", verdict="UNMARKED:LIVE", counts={"live": 1}, hosts={"api.test": 1})


def test_shards_are_what_one_run_would_be():
    joined = merge([shard(1, A, WIDE), shard(2, B, WIDE_ANEW)])

    assert [run.seconds for run in joined.runs] == [1, 2]
    assert [(one.test, one.verdict) for one in joined.tests] == [
        ("a", "HIT"),
        ("b", "UNMARKED:LIVE"),
        ("t/@wide", "RECORDED"),
    ]
    assert joined.tests[2].counts == {"recorded": 1, "replayed": 1}
    assert joined.totals.calls == {"recorded": 1, "replayed": 3}
    assert (joined.totals.paid, joined.totals.unmarked) == (2, 1)
    assert joined.totals.verdicts == {"RECORDED": 1, "HIT": 1, "UNMARKED:LIVE": 1}


def test_a_report_counts_once():
    with pytest.raises(UsageError, match="twice"):
        merge([shard(1, A), shard(1, A)])


def test_the_command_writes_what_it_can_read_again(tmp_path):
    for number, account in enumerate((A, B)):
        write_report(shard(number, account), tmp_path / f"{number}.json")
    names = [str(tmp_path / name) for name in ("0.json", "1.json")]

    printed = CliRunner().invoke(main, ["report", "merge", *names])
    written = CliRunner().invoke(main, ["report", "merge", *names, "-o", str(tmp_path / "o.json")])

    assert (printed.exit_code, written.exit_code) == (0, 0)
    assert json.loads(printed.output) == json.loads((tmp_path / "o.json").read_bytes())
    assert read_report(tmp_path / "o.json").totals.tests == 2


def test_what_is_no_report_is_an_error(tmp_path):
    (tmp_path / "a.json").write_text('{"onetake_report": "x"}')

    done = CliRunner().invoke(main, ["report", "merge", str(tmp_path / "a.json")])

    assert done.exit_code == 2
    assert "is no report" in done.output

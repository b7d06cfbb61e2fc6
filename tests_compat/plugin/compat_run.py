"""Loaded into pytest beside a peer's suite: `import vcr` gives onetake's, and each outcome is noted.

A line for each phase that says something: the outcome and the test's id; a module that cannot be collected
is a test of the module's id.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from onetake.compat import alias

alias.install()

_OUTCOMES = Path(os.environ["COMPAT_OUTCOMES"])


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or not report.passed:
        _note(report.outcome, report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if not report.passed:
        _note(report.outcome, report.nodeid)


def _note(outcome: str, test: str) -> None:
    with _OUTCOMES.open("a", encoding="utf-8") as file:
        file.write(f"{outcome} {test!r}\n")

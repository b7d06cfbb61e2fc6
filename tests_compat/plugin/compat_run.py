"""Loaded into pytest beside a peer's suite: insides that it imports are put in place, each outcome is noted.

A line for each phase that says something: the outcome and the test's id; a module that cannot be collected
is a test of the module's id.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from vcr import filters

_PRIVATE = (
    *("vcr.patch", "vcr.stubs", "vcr.stubs.aiohttp_stubs", "vcr.stubs.httpx_stubs"),
    "vcr.stubs.urllib3_stubs",
    *("pytest_recording", "pytest_recording._vcr", "pytest_recording.network"),
    *("pytest_recording.plugin", "pytest_recording.utils"),
)
_OUTCOMES = Path(os.environ["COMPAT_OUTCOMES"])


class _Private:
    """A name of a peer's insides, which modules of its suite import beside public ones: a test that uses it
    fails, since it can be neither called nor asked what is an instance of it."""

    def __init__(self, name: str) -> None:
        self.__name__ = name


class _PrivateModule(ModuleType):
    __path__: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> _Private:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Private(name)


def _install() -> None:
    filters.brotli = _Private("brotli")  # type: ignore[attr-defined]
    for name in _PRIVATE:
        try:
            import_module(name)
        except ModuleNotFoundError:
            sys.modules[name] = _PrivateModule(name)


_install()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or not report.passed:
        _note(report.outcome, report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if not report.passed:
        _note(report.outcome, report.nodeid)


def _note(outcome: str, test: str) -> None:
    with _OUTCOMES.open("a", encoding="utf-8") as file:
        file.write(f"{outcome} {test!r}\n")

"""Where settings come from in a test run, and in which order."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

import pytest

from onetake import project
from onetake.config import Settings, Source, resolve
from onetake.errors import UsageError


def add(parser: pytest.Parser) -> None:
    group = parser.getgroup("onetake", "record and replay paid API calls")
    group.addoption(
        "--onetake-mode",
        metavar="MODE",
        help="replay, once, auto, record or live; stronger than every other setting",
    )
    group.addoption(
        "--onetake-store",
        metavar="URL",
        help="where recordings are kept: files:PATH, sqlite:PATH, redis://HOST, s3://BUCKET/PREFIX ...",
    )
    group.addoption(
        "--onetake-max-live",
        metavar="N",
        help="fail the run if more than N calls go live, over all workers",
    )
    group.addoption(
        "--onetake-max-spend",
        metavar="USD",
        help="let no live call start that would bring the run above USD dollars, over all workers",
    )
    group.addoption(
        "--onetake-fail-on",
        metavar="LIST",
        help="fail the run on any of leak, overflow, unused, stale, degraded, paid-twice, empty, egress; "
        "or none",
    )
    group.addoption(
        "--onetake-report",
        metavar="FILE.json",
        action="append",
        default=[],
        help="write what the run came to, for programs; may be given again",
    )
    group.addoption(
        "--onetake-plan",
        action="store_true",
        help="run no test: say what a run would record, and its estimated price",
    )
    group.addoption("--onetake-plan-to", metavar="FILE", help=argparse.SUPPRESS)
    group.addoption(
        "--no-onetake", action="store_true", help="switch onetake off: calls go to the network"
    )


def usage_error(error: UsageError) -> pytest.UsageError:
    """What stops a run at its start."""
    return pytest.UsageError(f"onetake: {' '.join(str(error).split())}")


def check_key(settings: Settings) -> None:
    """Whether the key of an encrypted store is there: one error of the run, not one of each test.

    Raises `pytest.UsageError`.
    """
    if settings.encrypt:
        from onetake.stores.rows.keyring import keyring_of

        try:
            keyring_of(settings.encrypt)
        except UsageError as error:
            raise usage_error(error) from None


class Sources:
    """The settings of the file, the environment and the command line, read once."""

    def __init__(self, config: pytest.Config) -> None:
        """Raises `UsageError`."""
        self._file = project.file_source(config.rootpath)
        self._strong = [project.environment_source(os.environ)]
        self.options: list[Source] = []
        for setting in ("mode", "store", "max_live", "max_spend", "fail_on"):
            value = config.getoption(f"onetake_{setting}")
            if value is not None:
                option = f"--onetake-{setting.replace('_', '-')}"
                self.options.append(Source(option, {setting: value}, lifts_ceiling=True))
        self._strong += self.options
        # Whether the project or its user says anything of onetake.
        self.is_given = any(one.values for one in (self._file, *self._strong))
        self._ci = project.is_ci(os.environ)
        self.session = self._resolved(())

    def resolve(self, between: Sequence[Source]) -> Settings:
        """Settings with those of fixture and markers (`between`, weakest first) in their place.

        Raises `UsageError`.
        """
        return self._resolved(between) if between else self.session

    def _resolved(self, between: Sequence[Source]) -> Settings:
        return resolve([self._file, *between, *self._strong], ci=self._ci)

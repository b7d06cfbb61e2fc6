"""The run as a document, written by the process that prints its end.

It goes to each FILE of `--onetake-report`; the last runs' are kept in `.onetake/reports/` besides, for
the commands that tell of runs.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from onetake.config import Settings, without_secrets
from onetake.errors import StoreError, UsageError
from onetake.pytest_plugin.summary import SummaryPlugin
from onetake.pytest_plugin.telling import tell
from onetake.pytest_plugin.whole import is_whole

if TYPE_CHECKING:
    from onetake.config.prices import Price
    from onetake.spend import Usage


def check_names(names: Sequence[str]) -> None:
    """Raises `UsageError` for a kind of file that is not written."""
    for name in names:
        if name.lower().endswith((".html", ".htm")):
            raise UsageError(
                f"--onetake-report {name}: reports in HTML come in a later version of onetake.",
                remedy="Name a file that ends in .json.",
            )
        if not name.lower().endswith(".json"):
            raise UsageError(
                f"--onetake-report {name}: only .json is known.",
                remedy="Name a file that ends in .json.",
            )


class ReportPlugin:
    """Registered after the summary, so that its session ends later."""

    def __init__(
        self,
        config: pytest.Config,
        settings: Settings,
        summary: SummaryPlugin,
        names: Sequence[str],
    ) -> None:
        self._settings = settings
        self._summary = summary
        self._paths = [config.invocation_params.dir / Path(name) for name in names]
        self._root = config.rootpath
        self._told: list[str] = []
        self._started_s = time.time()
        self._from_s = time.monotonic()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        summary, settings = self._summary.summary, self._settings
        uses_onetake = any(account.is_marked for account in summary.accounts)
        if not self._paths and not uses_onetake:
            return  # before anything is loaded for it
        from datetime import UTC, datetime

        from onetake import __version__, project
        from onetake.reports.json_report import Run, limit_of, report_of, to_json, write_report
        from onetake.stores.reports import keep_report

        started = datetime.fromtimestamp(self._started_s, UTC)
        run = Run(
            id=project.run_id(),
            onetake=__version__,
            mode=settings.mode.value,
            mode_reason=settings.mode_reason,
            store=without_secrets(settings.store),
            started=started.isoformat(timespec="seconds").replace("+00:00", "Z"),
            seconds=round(time.monotonic() - self._from_s, 3),
            exit_code=int(session.exitstatus),
            is_whole=is_whole(session) and not summary.is_partial,
            spend=limit_of(summary),
        )
        report = report_of(summary, run, self._root, partial(_price_of, settings.prices))
        for path in self._paths:
            try:
                write_report(report, path)
            except StoreError as error:
                self._told.append(f"onetake: {' '.join(str(error).split())}")
                if session.exitstatus == pytest.ExitCode.OK:
                    session.exitstatus = pytest.ExitCode.TESTS_FAILED
            else:
                self._told.append(f"onetake: report in {path}")
        if uses_onetake:
            with suppress(UnicodeEncodeError):  # a test's name that JSON cannot tell
                keep_report(self._root / ".onetake", run.id, to_json(report))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> Generator[None, None, None]:
        yield
        for line in self._told:
            tell(terminalreporter, line)


def _price_of(prices: Mapping[str, Price], usage: Usage) -> float | None:
    from onetake.spend import price_of  # late: it is asked for the calls of a report

    return price_of(usage, table=prices)

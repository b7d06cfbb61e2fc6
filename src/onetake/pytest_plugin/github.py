"""What GitHub is told at the end of a run on its runner: annotations, and the summary of the job."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from onetake.pytest_plugin.summary import SummaryPlugin
from onetake.pytest_plugin.telling import tell
from onetake.runtime.secrets import safe_text


class GithubPlugin:
    """Registered before the summary, so that this stays the last thing printed."""

    def __init__(self, config: pytest.Config, summary: SummaryPlugin) -> None:
        self._root = config.rootpath
        self._summary = summary
        workspace = os.environ.get("GITHUB_WORKSPACE")
        self._workspace = Path(workspace) if workspace else None
        self._job_summary = os.environ.get("GITHUB_STEP_SUMMARY")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> Generator[None, None, None]:
        yield
        summary = self._summary.summary
        if summary.is_empty:
            return
        from onetake.reports.github import annotations_of, to_markdown

        commands = [one.command for one in annotations_of(summary, self._root, self._workspace)]
        if commands:
            terminalreporter.ensure_newline()
        for command in commands:
            tell(terminalreporter, command)
        if self._job_summary:
            try:
                with open(self._job_summary, "a", encoding="utf-8", errors="replace") as file:
                    file.write(safe_text(to_markdown(summary)))
            except OSError as error:
                reason = error.strerror or error
                tell(terminalreporter, f"onetake: no job summary was written: {reason}")

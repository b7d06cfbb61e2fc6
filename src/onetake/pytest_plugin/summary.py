"""Accounts on their way to the terminal: out of worker processes, into one summary."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Generator, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from onetake.config import Settings, named_store, without_secrets
from onetake.errors import printable
from onetake.pytest_plugin.accounting import of_diary, of_partial
from onetake.pytest_plugin.telling import tell
from onetake.pytest_plugin.whole import is_whole
from onetake.reports.accounts import Account, Summary, from_data, to_data
from onetake.runtime.secrets import safe_id

if TYPE_CHECKING:
    from onetake.reports.terminal import Line

_now = time.time  # bound early: fake clocks do not reach us
_NAME = "onetake"  # of the attribute of reports, and of the worker's output


class SummaryPlugin:
    """In a worker of pytest-xdist accounts travel with the next report, else with its last word."""

    def __init__(
        self, config: pytest.Config, settings: Settings, *, is_in_use: bool = False
    ) -> None:
        """`is_in_use` says that the project has settings of onetake, also where no test has a cassette."""
        self._config = config
        self._is_in_use = is_in_use
        self._settings = settings
        self._worker_output: dict[str, Any] | None = getattr(config, "workeroutput", None)
        self._is_verbose = config.getoption("verbose", 0) > 0
        self._waiting: deque[Account] = deque()  # other threads may add
        self._unprinted: list[Account] = []
        self._all_passed = True
        self._told: dict[str, set[int]] = {}  # numbers of accounts, by worker
        self._verdicts: dict[str, str] = {}  # of tests whose report is being told
        self._with_inner: set[str] = set()  # tests with cassettes that they have opened themselves
        self.summary = Summary()

    def add(self, account: Account) -> None:
        self._waiting.append(account)

    def pytest_report_header(self) -> str:
        settings = self._settings
        store = named_store(settings.store)
        return printable(f"onetake: mode {settings.mode} ({settings.mode_reason}), store {store}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._worker_output is not None:
            setattr(report, _NAME, [to_data(account) for account in self._drained()])
            return
        self._all_passed = self._all_passed and report.passed
        node = getattr(report, "node", None)
        for data in getattr(report, _NAME, ()):
            self._take_from(node, data)
        self._take_waiting()

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(
        self, report: pytest.TestReport | pytest.CollectReport, config: pytest.Config
    ) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
        """A letter beside the dot, where a test has no line of its own; after all of the test."""
        if report.when != "teardown":
            return None
        verdict = self._verdicts.pop(safe_id(report.nodeid), "") if report.passed else ""
        if not verdict or config.getoption("verbose", 0) != 0:
            return None
        from onetake.reports.terminal import LETTERS, colour_of

        if verdict not in LETTERS:
            return None
        self.summary.lettered.add(verdict)
        return "", LETTERS[verdict], ("", _markup(colour_of(verdict)) or {"cyan": True})

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """One line per test, after its result."""
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None:
            return
        if self._unprinted:
            from onetake.reports.terminal import colour_of
        for account in self._unprinted:
            where = (
                ""
                if account.test == safe_id(nodeid) and not self._is_parallel
                else f" {account.test}"
            )
            reporter.ensure_newline()
            tell(reporter, f"  {account.line}{where}", **_markup(colour_of(account.verdict)))
        self._unprinted.clear()

    @property
    def _is_parallel(self) -> bool:
        return self._config.pluginmanager.hasplugin("dsession")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        for data in getattr(node, "workeroutput", {}).get(_NAME, ()):
            self._take_from(node, data)
        if error:
            self._take(of_partial())
            self._read_diary(node.workerinput["testrunuid"], _worker(node))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._worker_output is not None:
            self._worker_output[_NAME] = [to_data(account) for account in self._drained()]
            return
        self._take_waiting()
        if self.summary.usages:
            self._tell_usage(session)
        self._read_diaries()
        self._price()
        self._remember()
        self._balance()
        # No test can fail for a miss of the session's own cassette: the run does.
        has_failed = (
            bool(self.summary.errors)
            or (self.summary.ownerless["missed"] + self.summary.ownerless["refused"]) > 0
        )
        has_failed = has_failed or self.summary.has_missed_late
        has_failed = has_failed or (self._settings.strict and bool(self.summary.degraded))
        has_failed = self._judge() or has_failed
        if has_failed and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _price(self) -> None:
        """Only now: the price table brings modules with it that no test has asked for."""
        if not any(account.spent for account in self.summary.accounts):
            return
        from onetake.reports.leaks import is_leak, new_cassettes
        from onetake.reports.spending import spending_of
        from onetake.spend import price_of
        from onetake.stores.prices import remembered

        accounts, settings = self.summary.accounts, self._settings
        leaks = partial(is_leak, new=new_cassettes(accounts), settings=settings)
        price = partial(price_of, table=settings.prices)
        with remembered(self._config.rootpath / ".onetake"):
            self.summary.spending = spending_of(accounts, leaks, price)

    def _balance(self) -> None:
        """Of the run's limit, where it has one."""
        if self._settings.max_spend is None:
            return
        from onetake import project
        from onetake.stores.budget import Budget

        budget = Budget(self._config.rootpath / ".onetake", project.run_id())
        self.summary.balance = budget.balance()
        self.summary.max_spend = self._settings.max_spend

    def _remember(self) -> None:
        """Keep what the run came to, test by test, so that runs can be compared."""
        is_ours = any(account.is_marked for account in self.summary.accounts)
        if not is_ours and not self.summary.unmarked:
            return  # before anything is loaded for it
        from onetake import project
        from onetake.reports.run_history import tally_of_run
        from onetake.stores import tallies

        url, root = self._settings.store, self._config.rootpath
        if is_ours or tallies.is_in_use(url, root):
            line = tally_of_run(self.summary, project.run_id(), round(_now(), 3), root)
            tallies.remember(line, url, root, self._settings.encrypt)

    def _judge(self) -> bool:
        """Whether the run fails for what was paid or left."""
        from onetake.project import is_ci
        from onetake.reports.gates import judge
        from onetake.reports.leaks import leaks

        self.summary.leaks = leaks(self.summary.accounts, self._settings)
        self.summary.failed = judge(
            self.summary, self._settings, ci=is_ci(os.environ), is_in_use=self._is_in_use
        )
        return bool(self.summary.failed)

    def _tell_usage(self, session: pytest.Session) -> None:
        """Keep what the run used, and find what of the recordings in files no test needs."""
        from onetake import project
        from onetake.stores import usage

        root = self._config.rootpath
        told = msgspec.convert(self.summary.usages, list[usage.Usage])
        usages = usage.by_cassette(usage.relative_to(one, root) for one in told)
        self.summary.recordings = [
            {
                "place": one.place,
                "cassette": one.cassette,
                "store": without_secrets(one.store),
                "held": one.held,
                "unused": list(one.unused),
                "digest": one.digest,
            }
            for one in usages
            if one.held
        ]
        whole = is_whole(session) and not self.summary.is_partial
        passed, lying = self._all_passed, usage.neighbours(usages, root)
        usage.write_usage(
            root / ".onetake",
            project.run_id(),
            usages,
            is_whole=whole,
            all_passed=passed,
            lying=lying,
        )
        found = usage.united(usages, is_whole=whole, all_passed=passed, lying=lying)
        self.summary.unused = {
            one.place: (len(one.unused), one.held)
            for one in found.cassettes
            if one.unused and usage.is_near(one.store)
        }
        self.summary.orphans = usage.orphans(found)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> Generator[None, None, None]:
        """After everybody else's."""
        yield
        if self.summary.is_empty:
            return
        from onetake.reports.terminal import in_full, in_one_line

        if self._config.getoption("verbose", 0) < 0:
            _write(terminalreporter, in_one_line(self.summary))
            return
        terminalreporter.ensure_newline()  # ends the line of dots, so that none is empty below
        terminalreporter.section("onetake", sep="-")
        for line in in_full(self.summary, is_verbose=self._is_verbose):
            _write(terminalreporter, line)

    def _read_diaries(self) -> None:
        """What nobody has told: forked processes, and workers that were interrupted."""
        from onetake import project
        from onetake.stores import diary

        dsession = self._config.pluginmanager.get_plugin("dsession")
        manager = getattr(dsession, "nodemanager", None)
        run = project.run_id() if manager is None else manager.testrunuid
        cache = self._config.rootpath / ".onetake"
        for name in diary.names(cache, run):
            self._read_diary(run, name)
        diary.drop(cache, run)

    def _read_diary(self, run: str, name: str) -> None:
        from onetake.stores import diary

        told = self._told.setdefault(name, set())
        lines = diary.read(self._config.rootpath / ".onetake", run, name)
        for account in of_diary(lines, told, is_child=diary.is_of_child(name)):
            told.add(account.number)
            self._take(account)

    def _take_from(self, node: Any, data: dict[str, Any]) -> None:
        account = from_data(data)
        if account.number:
            self._told.setdefault(_worker(node), set()).add(account.number)
        self._take(account)

    def _take_waiting(self) -> None:
        for account in self._drained():
            self._take(account)

    def _drained(self) -> Iterator[Account]:
        while self._waiting:
            yield self._waiting.popleft()

    def _take(self, account: Account) -> None:
        self.summary.add(account)
        if not (account.is_fixture or account.is_part):
            self._verdicts[account.test] = account.verdict
        # A test that has calls in cassettes of its own only is told by these.
        has_told = account.test in self._with_inner
        if account.is_inner:
            self._with_inner.add(account.test)
        is_idle = account.verdict == "NO_TRAFFIC" and not has_told
        is_told = account.is_inner or account.counts or account.place or is_idle
        if self._is_verbose and not account.is_late and is_told:
            self._unprinted.append(account)


def _worker(node: Any) -> str:
    """`gw0`; "" where tests run in this process."""
    return node.gateway.id if node is not None else ""


def _write(reporter: pytest.TerminalReporter, line: Line) -> None:
    text, colour = line
    tell(reporter, text, **_markup(colour))


def _markup(colour: str) -> dict[str, bool]:
    return {colour: True} if colour else {}

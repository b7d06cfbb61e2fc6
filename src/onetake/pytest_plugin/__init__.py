"""The pytest plugin: marks, settings, owners, and the account at the end.

Little is imported before the first cassette opens; interceptors stand from `pytest_configure` on.
(PYTEST_DONT_REWRITE: there is no assert here for pytest to rewrite.)
"""

from __future__ import annotations

import os
from collections.abc import Generator
from functools import partial
from typing import TYPE_CHECKING

import pytest

from onetake.pytest_plugin import markers, options
from onetake.pytest_plugin.fixtures import PLUGIN, _opening, cassette, onetake_config
from onetake.pytest_plugin.unrewritten import load_past_pytest

if TYPE_CHECKING:
    from onetake.runtime.context import Owner
    from onetake.runtime.host import Host

__all__ = [
    "_opening",
    "cassette",
    "onetake_config",
    "pytest_addoption",
    "pytest_cmdline_main",
    "pytest_configure",
    "pytest_load_initial_conftests",
]

_RUN_ID = "ONETAKE_RUN_ID"


def pytest_addoption(parser: pytest.Parser) -> None:
    load_past_pytest()
    options.add(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    if early_config.known_args_namespace.onetake_plan:
        early_config.known_args_namespace.no_cov = True  # it starts before anything is configured


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    if config.getoption("onetake_plan"):
        from onetake.pytest_plugin.plan import run_alone

        run_alone(config)
    return (yield)


def _forget_run_id() -> None:
    os.environ.pop(_RUN_ID, None)


def _give_back(owner: Owner | None) -> None:
    from onetake.runtime.context import adopt_ownerless

    adopt_ownerless(owner)


def _end_hosting(before: Host | None) -> None:
    from onetake.runtime import host

    host.begin(before)


def _is_controller(config: pytest.Config) -> bool:
    """Whether pytest-xdist runs the tests elsewhere."""
    return config.getoption("dist", "no") != "no" and not hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", markers.HELP)
    if config.getoption("no_onetake"):
        if config.getoption("onetake_plan"):  # else the tests would be run, and paid for
            raise pytest.UsageError("onetake: there is no --onetake-plan with --no-onetake")
        return
    from onetake import interceptors, project
    from onetake.errors import UsageError
    from onetake.pytest_plugin.report import ReportPlugin, check_names
    from onetake.pytest_plugin.session import SessionPlugin
    from onetake.pytest_plugin.summary import SummaryPlugin
    from onetake.runtime import host
    from onetake.runtime.context import adopt_ownerless
    from onetake.stores import diary

    try:
        sources = options.Sources(config)
        check_names(config.getoption("onetake_report"))
        if sources.session.credential == "digest":
            project.digest_key(os.environ)
    except UsageError as error:
        raise options.usage_error(error) from None
    if _is_controller(config):  # what its workers collect it does not know
        options.check_key(sources.session)
    if _RUN_ID not in os.environ:
        # Workers inherit it; a later run in the same process is another run.
        project.run_id()
        config.add_cleanup(_forget_run_id)
    interceptors.install()
    if config.getoption("onetake_plan"):
        _plan(config, sources)
        return
    cache = config.rootpath / ".onetake"
    if hasattr(config, "workerinput"):
        worker = config.workerinput
        diary.begin(cache, worker["testrunuid"], worker["workerid"], is_kept=True)
    elif not _is_controller(config):
        diary.begin(cache, project.run_id(), "main", is_kept=False)
    summary = SummaryPlugin(config, sources.session, is_in_use=sources.is_given)
    session = SessionPlugin(config, sources, summary.add)
    config.stash[PLUGIN] = session
    config.add_cleanup(partial(_end_hosting, host.begin(session)))
    if not _is_controller(config):
        config.add_cleanup(partial(_give_back, adopt_ownerless(session.session_owner)))
    # Of two `trylast` hooks the later one runs later: the session ends before its summary.
    config.pluginmanager.register(session, "onetake-session")
    if os.environ.get("GITHUB_ACTIONS") == "true" and not hasattr(config, "workerinput"):
        from onetake.pytest_plugin.github import GithubPlugin

        config.pluginmanager.register(GithubPlugin(config, summary), "onetake-github")
    config.pluginmanager.register(summary, "onetake-summary")
    if not hasattr(config, "workerinput"):
        names = config.getoption("onetake_report")
        report = ReportPlugin(config, sources.session, summary, names)
        config.pluginmanager.register(report, "onetake-report")


def _plan(config: pytest.Config, sources: options.Sources) -> None:
    from onetake.pytest_plugin.plan import PlanPlugin
    from onetake.pytest_plugin.session import SessionPlugin
    from onetake.runtime.context import adopt_ownerless

    session = SessionPlugin(
        config, sources, lambda _: None
    )  # asked about tests, and not registered
    plan = PlanPlugin(config, sources.session, session)
    config.add_cleanup(partial(_give_back, adopt_ownerless(plan.owner)))
    config.pluginmanager.register(plan, "onetake-plan")

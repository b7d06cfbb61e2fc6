"""`--onetake-plan`: pytest collects, and then says what a run would record instead of running.

Tests have their marks, settings and cassettes as in a run; no test, no fixture and no call is made. A
module that makes calls while it is imported gets its recordings, or an error.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import msgspec
import pytest

from onetake.care.plan import Miss, Plan, in_lines
from onetake.care.planning import Planning, Wanted, together
from onetake.config import Mode, Settings
from onetake.errors import OnetakeError
from onetake.pytest_plugin import markers, names
from onetake.pytest_plugin.fixture_names import OURS
from onetake.pytest_plugin.lazy import LazyOwner
from onetake.pytest_plugin.overrides import own_fixture
from onetake.pytest_plugin.telling import tell
from onetake.reports.accounts import SESSION
from onetake.runtime.connections import of_cassette
from onetake.runtime.secrets import safe_bytes, safe_id

if TYPE_CHECKING:
    from onetake.pytest_plugin.session import SessionPlugin
    from onetake.recorder import Cassette

AskForCassette = Callable[[pytest.Item], "tuple[Path, Settings] | None"]
"""What a plugin for cassettes of vcrpy's kind has as `onetake_cassette_of`.

It gives the file of a test's cassette, and the settings under which it is opened; None where only a run
can tell."""

_now = time.time  # bound early: fake clocks do not reach us


def run_alone(config: pytest.Config) -> None:
    """Before plugins are configured: no workers, no coverage, no report of tests that are not run."""
    option = config.option
    for name, value in (
        ("numprocesses", None),
        ("dist", "no"),
        ("distload", False),
        ("tx", []),
        ("no_cov", True),
        ("xmlpath", None),
        ("onetake_report", []),
    ):
        if hasattr(option, name):
            setattr(option, name, value)


class PlanPlugin:
    """Ends the session after its collection."""

    def __init__(self, config: pytest.Config, settings: Settings, session: SessionPlugin) -> None:
        self._config = config
        self._settings = settings
        self._session = session
        replaying = msgspec.structs.replace(settings, mode=Mode.REPLAY, is_ceiling=True)

        def open_session() -> Cassette:
            return session.recorder.open(SESSION, test_id=SESSION, settings=replaying)

        self.owner = LazyOwner(
            replaying, open_session, lambda: None, of_cassette(replaying, SESSION)
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            count = session.testsfailed
            raise session.Interrupted(f"{count} error{'s' if count > 1 else ''} during collection")
        planning = Planning(self._session.recorder, _now())
        plan = _Collected(self._session, planning).plan(session.items)
        path = self._config.getoption("onetake_plan_to")
        if path:
            Path(path).write_bytes(safe_bytes(msgspec.json.encode(plan)))
            return True
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.section("onetake plan", sep="-")
            for line in in_lines(plan):
                tell(reporter, line)
        return True


class _Collected:
    """What the collected tests would open, as far as that is known before they run."""

    def __init__(self, session: SessionPlugin, planning: Planning) -> None:
        self._session = session
        self._planning = planning
        self._unknown = 0  # tests with cassettes of vcrpy's kind that are not looked at

    def plan(self, items: Sequence[pytest.Item]) -> Plan:
        marked, wanted = 0, list[Wanted]()
        for item in items:
            if _is_skipped(item):
                continue
            if self._session._is_marked(item):
                opened = [*self._opened_by(item)]
            elif not (opened := self._opened_by_vcr(item)):
                self._planning.add_unmarked(safe_id(item.nodeid))
                continue
            marked += 1
            wanted += opened
        wanted = together(wanted)
        if marked:
            recorder = self._session.recorder
            name, root, settings = SESSION, recorder.root, recorder.settings
            of_session = Wanted(
                name=name, directory=root, settings=settings, tests=[name], is_fixture=True
            )
            wanted.append(of_session)
        self._planning.notes += self._notes(items)
        return self._planning.plan(wanted, tests=len(items), marked=marked)

    def _notes(self, items: Sequence[pytest.Item]) -> Iterator[str]:
        if count := sum(own_fixture(item, "onetake_config") is not None for item in items):
            yield (
                f"{count} of the tests have a fixture onetake_config, whose settings are not known "
                "before it runs."
            )
        if self._unknown:
            yield (
                f"{self._unknown} of the tests are marked vcr, and which cassettes they read is only known "
                "when they run."
            )

    def _opened_by(self, item: pytest.Item) -> Iterator[Wanted]:
        """The test's own cassette, and those of its wider fixtures."""
        test = safe_id(item.nodeid)
        module = test.partition("::")[0]
        try:
            named, settings = self._session._cassette_of(item)
        except OnetakeError as error:
            self._planning.misses.append(Miss(test=test, why=error.message))
            return
        yield _wanted(named, settings, test, module)
        for fixture, request in _wider_fixtures(item):
            with suppress(OnetakeError):
                marks = list(request.node.iter_markers("onetake"))
                wider = self._session._sources.resolve(
                    markers.sources_in(marks, request.node.nodeid)
                )
                of_fixture = names.of_fixture(fixture, request, wider)
                yield _wanted(of_fixture, wider, of_fixture.name, module, is_fixture=True)

    def _opened_by_vcr(self, item: pytest.Item) -> list[Wanted]:
        """The cassette of vcrpy's kind that a test opens, as the plugin for these says, if it knows."""
        plugin = self._session._vcr_plugin(item)
        if plugin is None:
            return []
        ask: AskForCassette | None = getattr(plugin, "onetake_cassette_of", None)
        found = None if ask is None else ask(item)
        if found is None:
            self._unknown += 1
            return []
        path, settings = found
        test = safe_id(item.nodeid)
        named = names.CassetteName(name=path.name, directory=path.parent, is_given=True)
        return [_wanted(named, settings, test, test.partition("::")[0])]


def _wanted(
    named: names.CassetteName,
    settings: Settings,
    test: str,
    module: str,
    *,
    is_fixture: bool = False,
) -> Wanted:
    return Wanted(
        name=named.name,
        directory=named.directory,
        settings=settings,
        tests=[test],
        stored_name=named.stored_name,
        module=module,
        is_fixture=is_fixture,
    )


def _is_skipped(item: pytest.Item) -> bool:
    """Whether a mark skips it; conditions that are text are only known in a run."""
    if item.get_closest_marker("skip") is not None:
        return True
    conditions = [one for mark in item.iter_markers("skipif") for one in mark.args]
    return any(one and not isinstance(one, str) for one in conditions)


def _wider_fixtures(
    item: pytest.Item,
) -> Iterator[tuple[pytest.FixtureDef[object], pytest.FixtureRequest]]:
    """Those that the test asks for, each with what of its request says how its cassette is called."""
    info = getattr(item, "_fixtureinfo", None)
    call = getattr(item, "callspec", None)
    for name, definitions in getattr(info, "name2fixturedefs", {}).items():
        fixture = definitions[-1]
        if fixture.scope == "function" or name in OURS:
            continue
        module = item.getparent(pytest.Module)
        node: pytest.Item | pytest.Collector = module or item
        if fixture.scope in ("session", "class"):
            owner = item.getparent(pytest.Class) if fixture.scope == "class" else item.session
            node = owner or node
        request = SimpleNamespace(path=node.path, config=item.config, node=node)
        if fixture.scope in ("class", "module") and module is not None:
            request.path = module.path
        if call is not None and name in call.params:
            request.param = call.params[name]
            request.param_index = call.indices.get(name, 0)
        yield fixture, cast("pytest.FixtureRequest", request)

"""`--onetake-plan`: pytest collects, and then says what a run would record instead of running.

Tests have their marks, settings and cassettes as in a run; no test, no fixture and no call is made. A
module that makes calls while it is imported gets its recordings, or an error.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from onetake.cassettes.tallies import RunTally, Tally
from onetake.config import Mode, Settings, named_store
from onetake.errors import OnetakeError
from onetake.pytest_plugin import markers, names
from onetake.pytest_plugin.fixture_names import OURS
from onetake.pytest_plugin.lazy import LazyOwner
from onetake.pytest_plugin.overrides import own_fixture
from onetake.pytest_plugin.telling import tell
from onetake.reports.accounts import SESSION
from onetake.reports.plan import Expected, Miss, Plan, Sample, estimate, in_lines
from onetake.runtime.connections import of_cassette
from onetake.runtime.secrets import safe_bytes, safe_id

if TYPE_CHECKING:
    from onetake.pytest_plugin.session import SessionPlugin
    from onetake.recorder import Cassette
    from onetake.recorder.forecast import Forecast

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
        plan = _Planning(self._config, self._settings, self._session).of(session)
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


class _Opened(msgspec.Struct):
    """A cassette of the run: who opens it, and how."""

    named: names.CassetteName
    settings: Settings
    tests: list[str]
    module: str
    is_fixture: bool = False


class _Planning:
    """Makes one plan."""

    def __init__(self, config: pytest.Config, settings: Settings, session: SessionPlugin) -> None:
        self._config = config
        self._settings = settings
        self._session = session
        self._prices: Mapping[str, Any] = settings.prices
        self._expected: list[Expected] = []
        self._misses: list[Miss] = []
        self._notes: list[str] = []
        self._replayed = 0
        self._from_quarantine = 0
        self._now_s = _now()
        self._unrecorded: list[_Opened] = []
        self._held: list[tuple[str, Forecast]] = []
        self._unknown = 0  # tests with cassettes of vcrpy's kind that are not looked at
        self._last = _last_tallies(self._recalled())

    def _recalled(self) -> list[RunTally]:
        from onetake.stores.tallies import recall

        try:
            return recall(self._settings, self._config.rootpath)
        except OnetakeError as error:
            self._notes.append(f"the last runs cannot be looked at: {error.message}")
            return []

    def of(self, session: pytest.Session) -> Plan:
        marked = 0
        cassettes: dict[tuple[Path, str, str], _Opened] = {}
        for item in session.items:
            if _is_skipped(item):
                continue
            if not self._session._is_marked(item):
                opened_by = self._opened_by_vcr(item)
                if not opened_by:
                    self._add_unmarked(item)
                    continue
            else:
                opened_by = [*self._opened_by(item)]
            marked += 1
            for opened in opened_by:
                named, settings = opened.named, opened.settings
                key = (named.directory, named.name, f"{settings.store} {settings.mode}")
                if key in cassettes:
                    tests = cassettes[key].tests
                    tests += [one for one in opened.tests if one not in tests]
                else:
                    cassettes[key] = opened
        if marked:
            cassettes[Path(), SESSION, ""] = self._opened_by_session()
        for opened in cassettes.values():
            self._add(opened)
        self._add_new()
        if count := sum(own_fixture(item, "onetake_config") is not None for item in session.items):
            self._notes.append(
                f"{count} of the tests have a fixture onetake_config, whose settings are not known "
                "before it runs."
            )
        if self._unknown:
            self._notes.append(
                f"{self._unknown} of the tests are marked vcr, and which cassettes they read is only known "
                "when they run."
            )
        settings = self._settings
        return Plan(
            mode=settings.mode.value,
            mode_reason=settings.mode_reason,
            store=named_store(settings.store),
            tests=len(session.items),
            marked=marked,
            expected=tuple(self._expected),
            misses=tuple(self._misses),
            replayed=self._replayed,
            from_quarantine=self._from_quarantine,
            notes=tuple(self._notes),
            max_spend=settings.max_spend,
        )

    def _opened_by(self, item: pytest.Item) -> Iterator[_Opened]:
        """The test's own cassette, and those of its wider fixtures."""
        test = safe_id(item.nodeid)
        module = test.partition("::")[0]
        try:
            named, settings = self._session._cassette_of(item)
        except OnetakeError as error:
            self._misses.append(Miss(test=test, why=error.message))
            return
        yield _Opened(named, settings, [test], module)
        for fixture, request in _wider_fixtures(item):
            with suppress(OnetakeError):
                marks = list(request.node.iter_markers("onetake"))
                wider = self._session._sources.resolve(
                    markers.sources_in(marks, request.node.nodeid)
                )
                of_fixture = names.of_fixture(fixture, request, wider)
                yield _Opened(of_fixture, wider, [of_fixture.name], module, True)

    def _opened_by_vcr(self, item: pytest.Item) -> list[_Opened]:
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
        return [_Opened(named, settings, [test], test.partition("::")[0])]

    def _opened_by_session(self) -> _Opened:
        root = self._session.recorder.root
        named = names.CassetteName(name=SESSION, directory=root)
        return _Opened(named, self._settings, [SESSION], "", True)

    def _add_unmarked(self, item: pytest.Item) -> None:
        test = safe_id(item.nodeid)
        last = self._last.get(test)
        if last is not None and last.is_unmarked and last.live:
            self._expected.append(_again(test, "unmarked", last.live, last))

    def _add(self, opened: _Opened) -> None:
        from onetake.recorder.forecast import cost_of

        test, *others = opened.tests
        try:
            found = self._session.recorder.forecast(
                opened.named.name,
                opened.tests,
                directory=opened.named.directory,
                settings=opened.settings,
                stored_name=opened.named.stored_name,
                now_s=self._now_s,
            )
        except OnetakeError as error:
            self._misses.append(Miss(test=test, why=error.message))
            return
        self._replayed += found.replayed
        self._from_quarantine += found.from_quarantine
        if found.held and not opened.is_fixture:
            self._held.append((opened.module, found))
        place = self._shown(found.place)
        if found.missing:
            if not opened.is_fixture:
                self._add_missing(opened, place)
            return
        if found.misses:
            count = f"{found.misses} recording{'s' if found.misses > 1 else ''}"
            why = (
                f"{count} of {place} are past their age"
                if found.misses > 1
                else (f"{count} of {place} is past its age")
            )
            self._misses.append(Miss(test=test, why=why, cassette=place))
        paid = dict(found.recorded)
        if found.live:
            paid["live" if opened.settings.mode is Mode.LIVE else "let-through"] = found.live
        for reason, answers in paid.items():
            costs = [cost_of(one, self._prices) for one in answers]
            self._expected.append(
                Expected(
                    test=test,
                    reason=reason,
                    calls=len(costs),
                    dollars=sum(cost for cost in costs if cost is not None),
                    unpriced=costs.count(None),
                    others=tuple(others),
                    cassette=place,
                )
            )
        if not found.held and not paid and not opened.is_fixture:
            self._unrecorded.append(opened)
        elif "let-through" not in paid and _lets_through(opened.settings):
            self._add_let_through(opened, place)

    def _add_missing(self, opened: _Opened, place: str) -> None:
        for test in opened.tests:
            last = self._last.get(test)
            if last is None or last.calls:  # else it makes no calls
                self._misses.append(Miss(test=test, why=f"there is no {place}", cassette=place))

    def _add_let_through(self, opened: _Opened, place: str) -> None:
        for test in opened.tests:
            last = self._last.get(test)
            if last is not None and last.live and not last.is_unmarked:
                one = _again(test, "let-through", last.live, last)
                self._expected.append(msgspec.structs.replace(one, cassette=place))

    def _add_new(self) -> None:
        """Tests without a recording: as in their last run, else as tests like them."""
        samples: list[Sample] | None = None
        for opened in self._unrecorded:
            reason = "live" if opened.settings.mode is Mode.LIVE else "new"
            for test in opened.tests:
                last = self._last.get(test)
                if last is not None and not last.is_unmarked:
                    if last.calls:
                        self._expected.append(_again(test, reason, last.calls, last))
                    continue
                samples = self._samples() if samples is None else samples
                usual = estimate(opened.module, samples)
                calls, dollars, unpriced = usual or (None, 0.0, 0)
                self._expected.append(
                    Expected(
                        test=test,
                        reason=reason,
                        calls=calls,
                        dollars=dollars,
                        unpriced=unpriced,
                        is_estimate=usual is not None,
                    )
                )

    def _samples(self) -> list[Sample]:
        from onetake.recorder.forecast import cost_of

        samples: list[Sample] = []
        for module, found in self._held:
            costs = [cost_of(one, self._prices) for one in found.held]
            known = [cost for cost in costs if cost is not None]
            samples.append(Sample(module, len(costs), sum(known), len(costs) - len(known)))
        return samples

    def _shown(self, place: str) -> str:
        path, root = Path(place), self._config.rootpath
        return str(path.relative_to(root)) if path.is_relative_to(root) else place


def _again(test: str, reason: str, calls: int, last: Tally) -> Expected:
    """As many calls as the last time; their price is known where all of that run's calls had one."""
    dollars, unpriced = last.paid + last.saved, last.unpriced + last.unpriced_saved
    if calls != last.calls:  # which of them were the dear ones is not known
        dollars, unpriced = (last.paid, last.unpriced) if calls == last.bought else (0.0, calls)
    return Expected(test=test, reason=reason, calls=calls, dollars=dollars, unpriced=unpriced)


def _last_tallies(runs: list[RunTally]) -> dict[str, Tally]:
    """What each test did in the last run in which it came to all of its calls."""
    found: dict[str, Tally] = {}
    for run in runs:
        found |= {test: one for test, one in run.tests.items() if not one.is_cut}
    return found


def _lets_through(settings: Settings) -> bool:
    """Whether some calls are never recorded, whatever comes."""
    return bool(settings.record_statuses) or any(rule.mode == "live" for rule in settings.rules)


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

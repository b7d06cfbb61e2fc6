"""pytest's hooks during a run: cassettes open, code is owned, outcomes are known."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from msgspec.structs import replace

from onetake.config import Mode, Settings, Source
from onetake.errors import OnetakeError, UsageError
from onetake.pytest_plugin import markers, names
from onetake.pytest_plugin.accounting import of_closing, of_partial, of_skipped, with_inner
from onetake.pytest_plugin.connections import of_cassette_inside
from onetake.pytest_plugin.fixture_names import OPENING, OURS
from onetake.pytest_plugin.lazy import LazyOwner
from onetake.pytest_plugin.options import Sources, check_key, usage_error
from onetake.pytest_plugin.ownership import around_call, around_fixture
from onetake.pytest_plugin.scopes import Scope, skip_reason_of
from onetake.pytest_plugin.tracebacks import hide_frames
from onetake.pytest_plugin.unmarked import Unmarked
from onetake.pytest_plugin.whole import hides_tests
from onetake.reports.accounts import SESSION, Account
from onetake.runtime.connections import of_cassette, of_unmarked
from onetake.runtime.context import adopt_ownerless, stop_taking, take_strays
from onetake.runtime.secrets import safe_id, safe_text

if TYPE_CHECKING:
    from onetake.recorder import Cassette, Recorder
    from onetake.recorder.spending import Purse
    from onetake.runtime.context import Owner

_ATTEMPT = pytest.StashKey[Scope]()
_ENDED_BY_ITSELF = (
    pytest.ExitCode.OK,
    pytest.ExitCode.TESTS_FAILED,
    pytest.ExitCode.NO_TESTS_COLLECTED,
)


class SessionPlugin:
    """Owns the recorder and the open scopes; `closed` gets the account of each scope that ends."""

    def __init__(
        self, config: pytest.Config, sources: Sources, closed: Callable[[Account], None]
    ) -> None:
        self._config = config
        self._sources = sources
        self._closed = closed
        self._typos = markers.TypoCheck(config)
        self._recorder: Recorder | None = None
        self._running: pytest.Item | None = None
        self._config_sources: list[Source] = []  # of the running test's onetake_config
        self._used_by_marked: dict[str, bool] = {}
        self._adopting = False  # the running test's setting
        self._to_record = False  # the mode of the last test that had a cassette is `record`
        self._with_properties = bool(config.getoption("xmlpath", None))
        self._shows_all_frames = bool(
            config.getoption("fulltrace", False) or config.getoption("usepdb", False)
        )
        self._collected = 0
        self._entered: list[Owner] = []  # whose cassettes code of tests has opened, innermost last
        self._inner: list[Account] = []  # of cassettes that the running test has opened by itself
        self._wide: dict[Scope, str] = {}  # those that are open, and their fixtures
        self._calling: set[str] = set()  # fixtures that have made calls
        self._with_calls = bool(config.getoption("onetake_report"))
        self._session = Scope(
            SESSION,
            LazyOwner(
                sources.session,
                self._open_session,
                self._adopter,
                of_unmarked(sources.session, SESSION),
            ),
            is_fixture=True,
        )

    @property
    def session_owner(self) -> Owner:
        """Whose requests of no test and no fixture are."""
        return self._session.owner

    def _open_session(self) -> Cassette:
        return self.recorder.open(SESSION, test_id=SESSION)

    def _adopter(self) -> Owner | None:
        """The running test's opening, if it takes over requests of the session and of wider fixtures."""
        if not self._adopting or self._running is None:
            return None
        return self._running.stash[_ATTEMPT].owner if _ATTEMPT in self._running.stash else None

    @property
    def recorder(self) -> Recorder:
        if self._recorder is None:
            from onetake.recorder import Recorder

            self._recorder = Recorder(
                settings=self._sources.session, root=self._config.rootpath, in_test=True
            )
        return self._recorder

    def _purse_of(self, test: str) -> Purse | None:
        """What pays for the calls of a test without a cassette, where the run has a limit."""
        settings = self._sources.session
        return None if settings.max_spend is None else self.recorder.purse(settings, test)

    def cassette_of(self, item: pytest.Item) -> Cassette | None:
        attempt = item.stash.get(_ATTEMPT, None)
        return attempt.cassette if attempt is not None else None

    # One attempt at a test.

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        __tracebackhide__ = True
        if _ATTEMPT in item.stash:  # a plugin tries again and has not reported the attempt before
            item.stash[_ATTEMPT].fail()
            self._close_attempt(item)
        self._running = item
        self._config_sources = []
        try:
            self._typos.check(item)
        except UsageError as error:
            _fail(error)
        if not self._is_marked(item):
            test = safe_id(item.nodeid)
            item.stash[_ATTEMPT] = Scope(test, self._unmarked(test), line_number=_line_number(item))
            return
        # A fixture opens the cassette: settings may come from fixtures, which need the test's nodes.
        fixtures: list[str] | None = getattr(item, "fixturenames", None)
        if fixtures is None:
            self.open_for(item, {})
        elif OPENING not in fixtures:
            fixtures.insert(0, OPENING)

    def _unmarked(self, name: str) -> Unmarked:
        return Unmarked(name, of_unmarked(self._sources.session, name), self._purse_of)

    def open_for(self, item: pytest.Item, config_fixture: object) -> None:
        """Open the cassette of a marked test; fails the set-up where that cannot be done."""
        __tracebackhide__ = True
        if not self._is_marked(item):
            return  # a parameter set without the mark, beside one that has it
        try:
            self._config_sources = _fixture_sources(config_fixture)
            named, settings = self._cassette_of(item)
            cassette = self.recorder.open(
                named.name,
                directory=named.directory,
                test_id=safe_id(item.nodeid),
                settings=settings,
                stored_name=named.stored_name,
            )
        except OnetakeError as error:
            _fail(error)
        is_own = not named.is_given and not settings.adopt
        item.stash[_ATTEMPT] = Scope(
            cassette.opening.test_id,
            cassette,
            is_own=is_own,
            line_number=_line_number(item),
            depth=len(self._entered),
        )
        self._adopting = settings.adopt
        if settings.adopt:
            take_strays(cassette.opening)
        self._to_record = settings.mode is Mode.RECORD

    def _cassette_of(self, item: pytest.Item) -> tuple[names.CassetteName, Settings]:
        """Raises `UsageError`."""
        marks = markers.marks_of(item)
        given = markers.name_in(marks, item.nodeid)
        settings = self._sources.resolve(
            [*self._config_sources, *markers.sources_in(marks, item.nodeid)]
        )
        named = names.of_test(item, settings)
        if given:
            named = names.CassetteName(name=given, directory=named.directory, is_given=True)
        return named, settings

    def _leave_unopened(self, item: pytest.Item) -> None:
        """Its cassette is no orphan, and nothing of it unused, though it was skipped before it began."""
        with suppress(OnetakeError):
            named, settings = self._cassette_of(item)
            self.recorder.leave_unopened(
                named.name,
                directory=named.directory,
                test_id=safe_id(item.nodeid),
                settings=settings,
                stored_name=named.stored_name,
            )

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        __tracebackhide__ = True
        attempt = item.stash.get(_ATTEMPT, None)
        if attempt is None:
            return (yield)
        try:
            with around_call(item, self._innermost(attempt)):
                result = yield
            attempt.complain()
        except BaseException as error:
            attempt.raised(error)
            raise
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        __tracebackhide__ = True
        result = yield
        if (attempt := item.stash.get(_ATTEMPT, None)) is not None:
            attempt.complain()
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        if call.excinfo is not None:
            hide_frames(call.excinfo.value, with_clients=not self._shows_all_frames)
        report = yield
        attempt = item.stash.get(_ATTEMPT, None)
        if attempt is not None:
            attempt.saw(report, call.excinfo.value if call.excinfo is not None else None)
            if call.when == "teardown":
                account = self._close_attempt(item)
                if self._with_properties and account is not None:
                    report.user_properties += self._properties(account)
        elif self._is_marked(item):
            if reason := skip_reason_of(report):
                self._closed(of_skipped(safe_id(item.nodeid), reason, _line_number(item)))
            if call.when == "teardown":
                self._leave_unopened(item)
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_ignore_collect(
        self, collection_path: Path, config: pytest.Config
    ) -> Generator[None, bool | None, bool | None]:
        is_ignored = yield
        if is_ignored and hides_tests(collection_path, config):
            self._closed(of_partial())
        return is_ignored

    def pytest_itemcollected(self) -> None:
        self._collected += 1

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if not report.passed:  # a module that is skipped has tests that nobody sees
            self._closed(of_partial())

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """A run without a marked test does not use onetake: what it does elsewhere is its own."""
        if len(session.items) < self._collected:  # also where a plugin deselects without a word
            self._closed(of_partial())
        if not any(self._is_marked(item) for item in session.items):
            self._session.fail()
            self._forgo_session()
            return
        check_key(self._sources.session)
        try:  # what conftest files register is known now
            self.recorder.check()
        except UsageError as error:
            raise usage_error(error) from None

    def _forgo_session(self) -> None:
        """Ownerless calls pass; the guard may still refuse them."""
        if self._session.cassette is None:
            self._session = Scope(SESSION, self._unmarked(SESSION), is_fixture=True)
        is_guarded = self._sources.session.guard == "refuse"
        adopt_ownerless(self._session.owner if is_guarded else None)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """A test that was interrupted has no teardown report."""
        if self._running is not None and _ATTEMPT in self._running.stash:
            self._running.stash[_ATTEMPT].fail()
            self._close_attempt(self._running)
        adopt_ownerless(None)
        if exitstatus not in _ENDED_BY_ITSELF:
            self._session.fail()
        for account in (self._session.close(with_calls=self._with_calls), of_closing()):
            if account is not None:
                self._closed(account)

    def _properties(self, account: Account) -> list[tuple[str, str]]:
        """For a JUnit file; they are on the report alone, as a rerun's item is the same."""
        from onetake.reports.json_report import relative
        from onetake.reports.junit import properties_of

        place = relative(account.place, self._config.rootpath)
        return [(name, safe_text(text)) for name, text in properties_of(account, place)]

    def _close_attempt(self, item: pytest.Item) -> Account | None:
        self._running = None
        self._adopting = False
        attempt = item.stash[_ATTEMPT]
        stop_taking(attempt.owner)
        account = attempt.close(self._closed, with_calls=self._with_calls)
        del item.stash[_ATTEMPT]
        inner, self._inner = self._inner, []
        if account is not None:
            account = with_inner(account, inner)
            account = replace(account, asked=self._asked_by(item, attempt))
            self._closed(account)
        return account

    # What `use_cassette` inside a test asks and tells.

    @property
    def strongest(self) -> Sequence[Source]:
        """Settings of the command line."""
        return self._sources.options

    @property
    def test(self) -> str:
        return safe_id(self._running.nodeid) if self._running is not None else ""

    @property
    def is_cut(self) -> bool:
        attempt = None if self._running is None else self._running.stash.get(_ATTEMPT, None)
        return attempt is not None and attempt.is_cut

    def entered(self, owner: Owner) -> None:
        self._entered.append(owner)

    def left(self, owner: Owner) -> None:
        self._entered = [one for one in self._entered if one is not owner]

    def _innermost(self, attempt: Scope) -> Owner:
        """Whose the calls of a test are: its own, or those of a cassette that a fixture of it has opened."""
        inside = self._entered[attempt.depth :] if attempt.is_marked else self._entered
        return inside[-1] if inside else attempt.owner

    def closed_inside(self, cassette: object, test: str) -> None:
        """A cassette that a test has opened by itself is closed; one of no test has its own name."""
        from onetake.recorder import Cassette

        assert isinstance(cassette, Cassette)
        account = of_cassette_inside(test or cassette.name, cassette, with_calls=self._with_calls)
        if test and test == self.test:
            account = replace(account, is_inner=True)
            self._inner.append(account)
        else:
            account = replace(account, is_fixture=True)
        self._closed(account)

    def _asked_by(self, item: pytest.Item, attempt: Scope) -> str:
        """Who wants recordings of a test; a wider fixture may make them for it."""
        if not self._to_record or not attempt.is_marked or not attempt.passed:
            return ""
        self._calling |= {name for scope, name in self._wide.items() if scope.cassette is not None}
        is_by_fixture = not self._calling.isdisjoint(getattr(item, "fixturenames", ()))
        return "test" if markers.is_marked_itself(item) and not is_by_fixture else "run"

    def _is_marked(self, item: pytest.Item) -> bool:
        if item.get_closest_marker("onetake") is not None:
            return True
        return self._sources.session.auto_mark and not self._has_vcr(item)

    def _has_vcr(self, item: pytest.Item) -> bool:
        return self._vcr_plugin(item) is not None

    def _vcr_plugin(self, item: pytest.Item) -> object | None:
        """Whichever plugin gives the test a cassette of vcrpy's kind; None where it has none."""
        if item.get_closest_marker("vcr") is None:
            return None
        manager = self._config.pluginmanager
        plugin: object | None = manager.get_plugin("recording") or manager.get_plugin("vcr")
        return plugin

    # Fixtures.

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, Any, Any]:
        __tracebackhide__ = True
        running = self._running
        attempt = running.stash.get(_ATTEMPT, None) if running is not None else None
        if running is None or attempt is None or fixturedef.argname in OURS:
            return (yield)
        if fixturedef.scope == "function":
            owner = self._innermost(attempt)
            with around_fixture(fixturedef, owner, failed=lambda: None):
                return (yield)
        scope = self._wider_scope(fixturedef, request, running)
        self._wide[scope] = fixturedef.argname
        # Of finalizers the first to be added runs last.
        fixturedef.addfinalizer(lambda: self._close_fixture(scope))
        with around_fixture(fixturedef, scope.owner, failed=scope.fail):
            result = yield
        scope.complain()
        return result

    def _wider_scope(
        self,
        fixture: pytest.FixtureDef[Any],
        request: pytest.FixtureRequest,
        running: pytest.Item,
    ) -> Scope:
        settings = self._fixture_settings(request)
        named = names.of_fixture(fixture, request, settings)
        if not self._is_marked(running) and not self._is_used_by_marked(fixture, request):
            return Scope(named.name, self._unmarked(named.name), is_fixture=True)

        def open_cassette() -> Cassette:
            return self.recorder.open(
                named.name,
                directory=named.directory,
                test_id=named.name,
                settings=settings,
                stored_name=named.stored_name,
            )

        egress = of_cassette(settings, named.name)
        owner = LazyOwner(settings, open_cassette, self._adopter, egress)
        return Scope(named.name, owner, is_fixture=True)

    def _fixture_settings(self, request: pytest.FixtureRequest) -> Settings:
        """Those of the fixture's own node (module, class), the same for every test that asks."""
        node = request.node
        marks = list(node.iter_markers("onetake"))
        try:
            return self._sources.resolve(
                [*self._config_sources, *markers.sources_in(marks, node.nodeid)]
            )
        except UsageError as error:
            _fail(error)

    def _is_used_by_marked(
        self, fixture: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> bool:
        """Whether a marked test of the run asks for a session's or package's fixture.

        Which test comes first must not decide whether its calls are recorded.
        """
        name = fixture.argname
        if fixture.scope not in ("session", "package"):
            return False
        if name not in self._used_by_marked:
            self._used_by_marked[name] = any(
                name in getattr(item, "fixturenames", ()) and self._is_marked(item)
                for item in request.session.items
            )
        return self._used_by_marked[name]

    def _close_fixture(self, scope: Scope) -> None:
        __tracebackhide__ = True
        account = scope.close(self._closed, with_calls=self._with_calls)
        name = self._wide.pop(scope, None)
        if name is not None and scope.cassette is not None:
            self._calling.add(name)
        if account is not None:
            self._closed(account)
        scope.complain()


def _fixture_sources(value: object) -> list[Source]:
    if not isinstance(value, Mapping):
        raise UsageError(
            f"The fixture onetake_config returned {type(value).__name__}.",
            remedy='Return a dict of settings, such as {"mode": "replay"}.',
        )
    return [Source("the fixture onetake_config", dict(value))] if value else []


def _line_number(item: pytest.Item) -> int:
    """Where the test stands in its file, from 1; 0 where pytest does not know."""
    number = item.location[1]
    return 0 if number is None else number + 1


def _fail(error: OnetakeError) -> NoReturn:
    """Fail the running phase with the error's own text, once."""
    __tracebackhide__ = True
    raise pytest.fail.Exception(str(error), pytrace=False) from None

"""`Recorder` opens cassettes; `use_cassette` is that of a recorder with the project's settings."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from onetake import project
from onetake.config import Mode, Settings, Source, is_shared, resolve
from onetake.errors import UsageError
from onetake.interceptors import install
from onetake.matching import DEFAULT_HEADERS, Matcher
from onetake.messages import Request
from onetake.recorder import usage
from onetake.recorder.cassette import Cassette, folder_of
from onetake.recorder.opening import Engine, Opening
from onetake.runtime import context, host, seams
from onetake.stores.file_names import check_name, is_file_name, locate
from onetake.stores.files import FileCassette
from onetake.stores.journal import Journal, look_at_quarantine, read_quarantine
from onetake.stores.memory import MemoryCassette
from onetake.stores.runs import RunRecord

if TYPE_CHECKING:
    from onetake.recorder.forecast import Forecast
    from onetake.recorder.spending import Purse
    from onetake.runtime.context import Owner
    from onetake.stores.flights import SharedFlights
    from onetake.stores.port import CassetteStore
    from onetake.stores.shared import SharedCassette

_Function = TypeVar("_Function", bound=Callable[..., Any])
_functions: dict[str, Callable[[Request], object]] = {}
_registered = 0  # how often a function was


def register_matcher(name: str, function: Callable[[Request], object]) -> None:
    """Make `function` usable in `match_on` under `name`.

    It gets the redacted `Request`, must be pure, and returns a value whose `repr` tells requests apart.
    """
    global _registered
    _functions[name] = function
    _registered += 1


class Recorder:
    """Opens cassettes with one set of settings.

    `root` is the project's folder (default: the nearest one upwards with onetake.toml or
    pyproject.toml). `settings` replaces everything read from the file and the environment; keyword
    arguments are settings by name and rank as a marker does. Raises `UsageError` for a wrong setting.
    """

    def __init__(
        self,
        *,
        settings: Settings | None = None,
        root: Path | None = None,
        in_test: bool = False,
        **overrides: Any,
    ) -> None:
        self.root = root or project.find_root(Path.cwd())
        self._weak: list[Source] = []
        self._strong: list[Source] = []
        if settings is None:
            run = host.current()
            self._weak = [project.file_source(self.root), Source("Recorder(...)", overrides)]
            self._strong = [project.environment_source(os.environ), *(run.strongest if run else ())]
            in_test = in_test or run is not None
            settings = resolve([*self._weak, *self._strong], ci=project.is_ci(os.environ))
        elif overrides:
            settings = resolve(
                [Source("Recorder(...)", overrides)], ci=project.is_ci(os.environ), base=settings
            )
        self.settings = settings
        self._matchers: dict[tuple[object, ...], Matcher] = {}
        self._last: tuple[Settings, int, Matcher] | None = None  # most openings have the same
        self.cache = self.root / ".onetake"
        self._runs: dict[str, RunRecord] = {}  # of runs in this process
        self._in_test = in_test
        if in_test:  # a run tells at its end what of its cassettes was used
            usage.collect()
        self._rule_header = project.settings_file(self.root)[1]
        install()

    def check(self) -> None:
        """Raises `UsageError` where match_on, also of a rule, names what is not registered."""
        self._matcher(self.settings)

    def use_cassette(self, name: str | None = None, **overrides: Any) -> CassetteScope:
        """A context manager, and a decorator for `def` and `async def`; each entry is one opening.

        Keyword arguments are settings by name. As a decorator, `name` defaults to the function's.
        """
        return CassetteScope(self, name, overrides)

    def settings_with(
        self,
        overrides: dict[str, Any],
        *,
        said_by: str = "use_cassette(...)",
        lifts_ceiling: bool = False,
        is_strongest: bool = False,
    ) -> Settings:
        """These settings and `overrides`, in the right order of precedence.

        Overrides of a command line of its own lift the ceiling, or are the strongest.
        """
        if not overrides:
            return self.settings
        one = Source(said_by, overrides, lifts_ceiling=lifts_ceiling)
        ci = project.is_ci(os.environ)
        if not self._weak:
            return resolve([one], ci=ci, base=self.settings)
        strong = [*self._strong, one] if is_strongest else [one, *self._strong]
        return resolve([*self._weak, *strong], ci=ci)

    def open(
        self,
        name: str,
        *,
        directory: Path | None = None,
        test_id: str = "",
        settings: Settings | None = None,
        stored_name: str | None = None,
    ) -> Cassette:
        """One opening of cassette `name`; close it with `Cassette.close`.

        `directory` is where relative file names resolve and where the default store's `cassettes/` lies
        (default: the working directory for file names, the project's root for the store). `test_id`
        binds the quarantine. `stored_name` is the raw name where `name` is a file-safe form of it.
        Raises `CassetteError`, `StoreError`, `UsageError`.
        """
        settings = settings or self.settings
        fingerprint = self._matcher(settings).fingerprint
        store = self._store(name, directory, settings, stored_name, fingerprint)
        return self.open_in(
            store, name, test_id=test_id, settings=settings, stored_name=stored_name
        )

    def open_in(
        self,
        store: CassetteStore,
        name: str,
        *,
        test_id: str,
        settings: Settings,
        stored_name: str | None = None,
        engine: Engine | None = None,
        tells_unused: bool = True,
    ) -> Cassette:
        """Open a cassette that lies in `store`; `engine` reads cassettes of another program.

        `tells_unused` is false where nobody can say which of its recordings are its own. Raises as `open` does.
        """
        seams.check_all()
        cache = self.cache
        opening = Opening(
            store,
            settings,
            self._matcher(settings),
            Journal(cache, store.id, test_id, place=store.place, name=stored_name or ""),
            lambda: read_quarantine(cache, store.id, test_id),
            project.run_id(),
            name=name,
            test_id=test_id,
            in_test=self._in_test,
            record=self._run_record().add,
            rule_header=self._rule_header,
            flights=self._flights(store, settings),
            purse=self.purse(settings, test_id),
            key=project.digest_key(os.environ) if settings.credential == "digest" else None,
            engine=engine,
        )
        cassette = Cassette(
            name,
            store.place,
            store.path,
            opening,
            tells_unused=tells_unused,
            is_foreign=engine is not None,
        )
        if not self._in_test:  # a test run tells its own, test by test
            from onetake.recorder.tallies import remember

            cassette.closed = partial(remember, settings=settings, root=self.root)
        return cassette

    def forecast(
        self,
        name: str,
        tests: Sequence[str],
        *,
        directory: Path,
        settings: Settings,
        stored_name: str | None = None,
        now_s: float,
    ) -> Forecast:
        """What openings of this cassette by `tests` would do, judged by what is stored. Changes nothing.

        Raises as `open` does.
        """
        from onetake.recorder.forecast import forecast

        matcher = self._matcher(settings)
        store = self._store(name, directory, settings, stored_name, "")
        cache = self.cache
        apart = [look_at_quarantine(cache, store.id, test) for test in tests]
        return forecast(store, settings, matcher, name, tests, apart, now_s)

    def leave_unopened(
        self,
        name: str,
        *,
        directory: Path,
        test_id: str,
        settings: Settings,
        stored_name: str | None = None,
    ) -> None:
        """Say that `test_id` did not come to `open` this cassette, which is its own all the same."""
        store = self._store(name, directory, settings, stored_name, "")
        folder = None if store.path is None else folder_of(store.path, name)
        usage.add_unopened(name, store.place, folder, test_id)

    def _store(
        self,
        name: str,
        directory: Path | None,
        settings: Settings,
        stored_name: str | None,
        fingerprint: str,
    ) -> FileCassette | MemoryCassette | SharedCassette:
        if settings.store == "memory:" and not is_file_name(name):
            return MemoryCassette(name)
        if is_shared(settings.store) and not is_file_name(name):
            return self._shared(name, stored_name, settings, fingerprint)
        base = directory or (Path.cwd() if is_file_name(name) else self.root)
        path, blobs = locate(name, store=settings.store, directory=base, root=self.root)
        return FileCassette(
            path,
            blobs,
            cache=self.cache,
            raw_name=stored_name,
            keeps_vcr=settings.format == "vcrpy",
        )

    def _shared(
        self, name: str, stored_name: str | None, settings: Settings, fingerprint: str
    ) -> SharedCassette:
        """Under the test's own name: a store of rows needs no file-safe form of it."""
        from onetake.stores.opening import open_store
        from onetake.stores.shared import SharedCassette

        check_name(name)
        if stored_name is not None:
            name = f"{name.rpartition('/')[0]}/{stored_name}".removeprefix("/")
        store = open_store(settings.store, self.root, settings.encrypt)
        return SharedCassette(store, name, fingerprint=fingerprint)

    def purse(self, settings: Settings, test: str) -> Purse | None:
        """What pays for the calls of `test`, where the run has a limit."""
        if settings.max_spend is None:
            return None
        from onetake.recorder.spending import purse_of  # late: few set a limit

        return purse_of(settings, self.cache, project.run_id(), test)

    def _flights(self, cassette: CassetteStore, settings: Settings) -> SharedFlights | None:
        if not is_shared(settings.store) or not settings.single_flight:
            return None
        if settings.mode in (Mode.REPLAY, Mode.LIVE):
            return None
        from onetake.stores.flights import SharedFlights
        from onetake.stores.shared import SharedCassette

        if not isinstance(cassette, SharedCassette):
            return None  # named as a file

        # What another run has recorded anew is not anew for this one.
        scope = project.run_id() if settings.mode is Mode.RECORD else ""
        return SharedFlights(cassette, scope=scope, wait_s=settings.single_flight)

    def _run_record(self) -> RunRecord:
        run = project.run_id()
        if run not in self._runs:
            self._runs[run] = RunRecord(self.cache, run)
        return self._runs[run]

    def _matcher(self, settings: Settings) -> Matcher:
        last, times = self._last, _registered
        if last is not None and last[0] is settings and last[1] == times:
            return last[2]
        matcher = self._matcher_like(settings)
        self._last = settings, times, matcher
        return matcher

    def _matcher_like(self, settings: Settings) -> Matcher:
        wanted = (
            *(settings.match_on, settings.match_headers, settings.rules, settings.volatile),
            *(settings.volatile_patterns, settings.volatile_window),
        )
        # A matcher holds its functions, so no other function comes to have the id of one of them.
        functions = ((name, id(function)) for name, function in sorted(_functions.items()))
        key = (msgspec.msgpack.encode(wanted), *functions)
        if key not in self._matchers:
            self._matchers[key] = matcher_of(settings)
        return self._matchers[key]


def matcher_of(settings: Settings) -> Matcher:
    """The matcher of `settings`, with the functions registered so far. Raises `UsageError`."""
    return Matcher(
        match_on=settings.match_on,
        match_headers=settings.match_headers or DEFAULT_HEADERS,
        functions=dict(_functions),
        rules=settings.rules,
        volatile=settings.volatile,
        patterns=settings.volatile_patterns,
        window_s=settings.volatile_window,
    )


class Entry:
    """`cassette` from here until it is left: the calls of this context belong to `owner`.

    In a test run so do those of the test, where a fixture has entered it. Entries may be left in any order
    (a generator ends when somebody lets go of it): the innermost that is open has the calls.
    """

    def __init__(self, cassette: Cassette, owner: Owner) -> None:
        self.cassette = cassette
        self._owner = owner
        self._run = host.current()
        self._test = self._run.test if self._run is not None else ""
        self._before = context.enter(owner)
        if self._run is not None:
            self._run.entered(owner)

    def leave(self, *, passed: bool, is_whole: bool = True) -> None:
        """Publish what was recorded if it `passed`. Never raises; see `Cassette.error`.

        `is_whole` is false where not all of its calls were made.
        """
        context.leave(self._owner, self._before)
        if self._run is not None:
            self._run.left(self._owner)
        self.cassette.close(passed, is_whole=is_whole)
        if self._run is not None:
            self._run.closed_inside(self.cassette, self._test)


class CassetteScope:
    """What `use_cassette` returns."""

    def __init__(self, recorder: Recorder | None, name: str | None, overrides: dict[str, Any]):
        self._recorder = recorder
        self._name = name
        self._overrides = overrides
        self._open: list[Entry] = []

    def __enter__(self) -> Cassette:
        if self._name is None:
            raise UsageError(
                "use_cassette() needs a name here.",
                remedy='Say use_cassette("name"); only as a decorator may it be left out.',
            )
        recorder = self._recorder or Recorder()
        settings = recorder.settings_with(self._overrides)
        run = host.current()
        test = run.test if run is not None else ""
        cassette = recorder.open(self._name, settings=settings, test_id=test)
        self._open.append(Entry(cassette, cassette.opening))
        return cassette

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        entry = self._open.pop()
        entry.leave(passed=kind is None)
        cassette = entry.cassette
        if kind is None:
            if cassette.error is not None:
                raise cassette.error
            if cassette.misses:  # swallowed by the code inside: nothing is paid or lost silently
                raise cassette.misses[0]

    def __call__(self, function: _Function) -> _Function:
        name = self._name or function.__name__

        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def opened_async(*args: Any, **kwargs: Any) -> Any:
                with CassetteScope(self._recorder, name, self._overrides):
                    return await function(*args, **kwargs)

            return opened_async  # type: ignore[return-value]

        @wraps(function)
        def opened(*args: Any, **kwargs: Any) -> Any:
            with CassetteScope(self._recorder, name, self._overrides):
                return function(*args, **kwargs)

        return opened  # type: ignore[return-value]


def use_cassette(name: str | None = None, **overrides: Any) -> CassetteScope:
    """Record and replay inside: a context manager, and a decorator for `def` and `async def`.

    Settings come from the project's file and the environment; keyword arguments are settings by name.
    Leaving raises `StoreError` where recordings could not be kept, and the first `MissError` where the
    code inside swallowed it.
    """
    return CassetteScope(None, name, overrides)

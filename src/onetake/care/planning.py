"""The plan of a run: what follows from what is stored for the cassettes that its tests open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from onetake.care.plan import Expected, Miss, Plan, Sample, estimate
from onetake.cassettes.tallies import RunTally, Tally
from onetake.config import Mode, Settings, named_store
from onetake.errors import OnetakeError
from onetake.formats.document import Stored
from onetake.messages import Interaction
from onetake.recorder import Recorder
from onetake.recorder.forecast import Forecast, cost_of
from onetake.reports.terminal import of_noun
from onetake.stores.tallies import recall


class Wanted(Struct, kw_only=True):
    """A cassette that `tests` of one `module`, or a wider fixture, would open with these settings."""

    name: str
    directory: Path
    settings: Settings
    tests: list[str]
    stored_name: str | None = None
    module: str = ""
    is_fixture: bool = False

    @property
    def key(self) -> tuple[Path, str, str]:
        """What two openings of the same cassette have in common."""
        return (self.directory, self.name, f"{self.settings.store} {self.settings.mode}")


def together(wanted: Iterable[Wanted]) -> list[Wanted]:
    """Each cassette once, with all the tests that open it."""
    by_key: dict[tuple[Path, str, str], Wanted] = {}
    for one in wanted:
        tests = by_key.setdefault(one.key, one).tests
        tests += [test for test in one.tests if test not in tests]
    return list(by_key.values())


class Planning:
    """Makes one plan, cassette by cassette."""

    def __init__(self, recorder: Recorder, now_s: float) -> None:
        self._recorder = recorder
        self._settings = recorder.settings
        self._now_s = now_s
        self._expected: list[Expected] = []
        self.misses: list[Miss] = []
        self.notes: list[str] = []
        self._replayed = 0
        self._from_quarantine = 0
        self._unrecorded: list[Wanted] = []
        self._held: list[tuple[str, Forecast]] = []
        self._last = _last_tallies(self._recalled())

    def _recalled(self) -> list[RunTally]:
        try:
            return recall(self._settings, self._recorder.root)
        except OnetakeError as error:
            self.notes.append(f"the last runs cannot be looked at: {error.message}")
            return []

    def plan(self, wanted: Iterable[Wanted], *, tests: int, marked: int) -> Plan:
        """Judge what the `marked` ones of `tests` tests, and their fixtures, would open."""
        for one in wanted:
            self._add(one)
        self._add_new()
        settings = self._settings
        return Plan(
            mode=settings.mode.value,
            mode_reason=settings.mode_reason,
            store=named_store(settings.store),
            tests=tests,
            marked=marked,
            expected=tuple(self._expected),
            misses=tuple(self.misses),
            replayed=self._replayed,
            from_quarantine=self._from_quarantine,
            notes=tuple(self.notes),
            max_spend=settings.max_spend,
        )

    def add_unmarked(self, test: str) -> None:
        """Expect of a test without a cassette what it has paid for in its last run."""
        last = self._last.get(test)
        if last is not None and last.is_unmarked and last.live:
            self._expected.append(_again(test, "unmarked", last.live, last))

    def _add(self, wanted: Wanted) -> None:
        test, *others = wanted.tests
        try:
            found = self._recorder.forecast(
                wanted.name,
                wanted.tests,
                directory=wanted.directory,
                settings=wanted.settings,
                stored_name=wanted.stored_name,
                now_s=self._now_s,
            )
        except OnetakeError as error:
            self.misses.append(Miss(test=test, why=error.message))
            return
        self._replayed += found.replayed
        self._from_quarantine += found.from_quarantine
        if found.held and not wanted.is_fixture:
            self._held.append((wanted.module, found))
        place = self._shown(found.place)
        if found.missing:
            if not wanted.is_fixture:
                self._add_missing(wanted, place)
            return
        if found.misses:
            past = "are past their age" if found.misses > 1 else "is past its age"
            why = f"{of_noun(found.misses, 'recording')} of {place} {past}"
            self.misses.append(Miss(test=test, why=why, cassette=place))
        paid = dict(found.recorded)
        if found.live:
            paid["live" if wanted.settings.mode is Mode.LIVE else "let-through"] = found.live
        for reason, answers in paid.items():
            calls, dollars, unpriced = self._priced(answers)
            self._expected.append(
                Expected(
                    test=test,
                    reason=reason,
                    calls=calls,
                    dollars=dollars,
                    unpriced=unpriced,
                    others=tuple(others),
                    cassette=place,
                )
            )
        if not found.held and not paid and not wanted.is_fixture:
            self._unrecorded.append(wanted)
        elif "let-through" not in paid and _lets_through(wanted.settings):
            self._add_let_through(wanted, place)

    def _add_missing(self, wanted: Wanted, place: str) -> None:
        for test in wanted.tests:
            last = self._last.get(test)
            if last is None or last.calls:  # else it makes no calls
                self.misses.append(Miss(test=test, why=f"there is no {place}", cassette=place))

    def _add_let_through(self, wanted: Wanted, place: str) -> None:
        for test in wanted.tests:
            last = self._last.get(test)
            if last is not None and last.live and not last.is_unmarked:
                one = _again(test, "let-through", last.live, last)
                self._expected.append(replace(one, cassette=place))

    def _add_new(self) -> None:
        """Tests without a recording: as in their last run, else as tests like them."""
        samples: list[Sample] | None = None
        for wanted in self._unrecorded:
            reason = "live" if wanted.settings.mode is Mode.LIVE else "new"
            for test in wanted.tests:
                last = self._last.get(test)
                if last is not None and not last.is_unmarked:
                    if last.calls:
                        self._expected.append(_again(test, reason, last.calls, last))
                    continue
                samples = self._samples() if samples is None else samples
                usual = estimate(wanted.module, samples)
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
        return [Sample(module, *self._priced(found.held)) for module, found in self._held]

    def _priced(self, answers: Sequence[Interaction | Stored]) -> tuple[int, float, int]:
        """How many they are, the dollars of those whose price is known, and how many the others are."""
        costs = [cost_of(one, self._settings.prices) for one in answers]
        return len(costs), sum(cost for cost in costs if cost is not None), costs.count(None)

    def _shown(self, place: str) -> str:
        path, root = Path(place), self._recorder.root
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

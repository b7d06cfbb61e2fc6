"""What the next run would record and what that is likely to cost, by reason, before any call is made.

A plan says what follows from what is stored: cassettes, ages, quarantine, and what the last runs came to.
A prompt that has changed since it cannot know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from msgspec import Struct

from onetake.diagnosis import wrapped
from onetake.spend import in_dollars

_SHOWN = 10
_NAMED = 5  # tests whose number of calls nobody knows
_WIDTH = 80

REASONS = {
    "new": "no cassette yet",
    "record": "mode record",
    "expired": "past its age",
    "failed": "failed the last time",
    "grows": "grows with each run",
    "live": "mode live",
    "let-through": "never recorded",
    "unmarked": "no cassette (unmarked)",
}
"""Why calls would be paid for, in the order of the table."""


class Expected(Struct, frozen=True, kw_only=True):
    """Calls of one test that would go to the network for one `reason` (of `REASONS`).

    `calls` is None where nobody knows how many; `dollars` is the sum of the known prices, and `unpriced`
    calls have none. One that `is_estimate` is told from what other tests do. `others` share the cassette.
    """

    test: str
    reason: str
    calls: int | None
    dollars: float = 0.0
    unpriced: int = 0
    is_estimate: bool = False
    others: tuple[str, ...] = ()
    cassette: str = ""


class Miss(Struct, frozen=True, kw_only=True):
    """A test that would fail: `why` its cassette does not have what it needs."""

    test: str
    why: str
    cassette: str = ""


class Plan(Struct, frozen=True, kw_only=True):
    """`tests` are those that were collected, `marked` those of them with a cassette.

    `replayed` calls come from cassettes, `from_quarantine` from what failed tests have paid for, both for
    nothing. `max_spend` is the setting, in dollars.
    """

    mode: str
    mode_reason: str
    store: str
    tests: int
    marked: int
    expected: tuple[Expected, ...] = ()
    misses: tuple[Miss, ...] = ()
    replayed: int = 0
    from_quarantine: int = 0
    notes: tuple[str, ...] = ()
    max_spend: float | None = None

    @property
    def calls(self) -> int:
        return sum(one.calls or 0 for one in self.expected)

    @property
    def dollars(self) -> float:
        return sum(one.dollars for one in self.expected)

    @property
    def unpriced(self) -> int:
        return sum(one.unpriced for one in self.expected)

    @property
    def uncounted(self) -> int:
        """Tests of which nobody knows how many calls they make."""
        return sum(one.calls is None for one in self.expected)

    @property
    def exceeds_max_spend(self) -> bool | None:
        return None if self.max_spend is None else self.dollars > self.max_spend


class Sample(Struct, frozen=True):
    """What a recorded cassette holds: calls, and their dollars as far as they are known."""

    module: str
    calls: int
    dollars: float
    unpriced: int


def estimate(module: str, samples: Iterable[Sample]) -> tuple[int, float, int] | None:
    """Calls, dollars and calls of unknown price of a usual test of the module, else of the suite."""
    known = [one for one in samples if one.calls]
    known = [one for one in known if one.module == module] or known
    if not known:
        return None
    calls = round(median(one.calls for one in known))
    priced = [one for one in known if not one.unpriced]
    if not priced:
        return calls, 0.0, calls
    return calls, median(one.dollars for one in priced), 0


class Totals(Struct, frozen=True):
    """The sums for one reason."""

    reason: str
    tests: int
    calls: int
    dollars: float
    unpriced: int
    uncounted: int
    is_estimate: bool


def totals(plan: Plan) -> list[Totals]:
    found: list[Totals] = []
    for reason in REASONS:
        some = [one for one in plan.expected if one.reason == reason]
        if some:
            found.append(
                Totals(
                    reason,
                    sum(1 + len(one.others) for one in some),
                    sum(one.calls or 0 for one in some),
                    sum(one.dollars for one in some),
                    sum(one.unpriced for one in some),
                    sum(one.calls is None for one in some),
                    any(one.is_estimate for one in some),
                )
            )
    return found


def to_data(plan: Plan) -> dict[str, object]:
    """For programs."""
    return {
        "onetake_plan": 1,
        "mode": plan.mode,
        "mode_reason": plan.mode_reason,
        "store": plan.store,
        "tests": plan.tests,
        "marked": plan.marked,
        "calls": plan.calls,
        "dollars": plan.dollars,
        "calls_of_unknown_price": plan.unpriced,
        "tests_of_unknown_calls": plan.uncounted,
        "replayed": plan.replayed,
        "from_quarantine": plan.from_quarantine,
        "reasons": totals(plan),
        "expected": by_cost(plan.expected),
        "misses": plan.misses,
        "notes": plan.notes,
        "max_spend": plan.max_spend,
        "exceeds_max_spend": plan.exceeds_max_spend,
    }


def by_cost(expected: Sequence[Expected]) -> list[Expected]:
    """The dearest first."""
    return sorted(
        expected, key=lambda one: (-one.dollars, -one.unpriced, -(one.calls or 0), one.test)
    )


def in_lines(plan: Plan) -> Iterator[str]:
    """At most 80 characters wide."""
    yield from wrapped(f"mode {plan.mode} ({plan.mode_reason}), store {plan.store}", rest="  ")
    rows = totals(plan)
    if rows:
        yield ""
        yield from _table(rows)
        yield from _most_expensive(plan)
    if plan.misses:
        yield ""
        yield f"would miss: {_of_tests(len(plan.misses))}"
        for miss in plan.misses[:_SHOWN]:
            yield from wrapped(f"{miss.test}: {miss.why}", first="  ", rest="    ")
        yield from _more(len(plan.misses) - _SHOWN)
    yield ""
    free = f"for nothing: {_of_calls(plan.replayed)} replayed"
    if plan.from_quarantine:
        free += f", {plan.from_quarantine} from what failed tests have paid for"
    yield from wrapped(free, rest="  ")
    for note in plan.notes:
        yield from wrapped(f"note: {note}", rest="  ")
    yield from wrapped(_in_all(plan), rest="  ")
    if plan.max_spend is not None:
        verdict = "more than" if plan.exceeds_max_spend else "within"
        unknown = ", as far as prices are known" if plan.unpriced or plan.uncounted else ""
        yield f"That is {verdict} max_spend ({in_dollars(plan.max_spend)}){unknown}."


def _table(rows: Sequence[Totals]) -> Iterator[str]:
    cells = [("why", "tests", "calls", "dollars", "of unknown price")]
    cells += [
        (
            f"{REASONS[one.reason]}{' (estimated)' if one.is_estimate else ''}",
            str(one.tests),
            _counted(one),
            "-" if not one.dollars and (one.unpriced or not one.calls) else in_dollars(one.dollars),
            str(one.unpriced or "-"),
        )
        for one in rows
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for first, *rest in cells:
        numbers = (text.rjust(width) for text, width in zip(rest, widths[1:], strict=True))
        yield f"  {first.ljust(widths[0])}  {'  '.join(numbers)}".rstrip()


def _counted(one: Totals) -> str:
    if not one.uncounted:
        return str(one.calls)
    return f"{one.calls} + ?" if one.calls else "?"


def _most_expensive(plan: Plan) -> Iterator[str]:
    yield ""
    counted = [one for one in by_cost(plan.expected) if one.calls is not None]
    if counted:
        yield "The most expensive:"
    for one in counted[:_SHOWN]:
        yield f"  {_within(one.test, _WIDTH - 2)}"
        more = f", with {_of_tests(len(one.others))} more" if one.others else ""
        about = "about " if one.is_estimate else ""
        cost = _cost(one.dollars, one.unpriced)
        yield f"      {about}{_of_calls(one.calls or 0)}, {cost}: {REASONS[one.reason]}{more}"
    yield from _more(len(counted) - _SHOWN)
    unknown = [one.test for one in plan.expected if one.calls is None]
    if unknown:
        yield "Nobody knows how many calls these make:"
        for test in unknown[:_NAMED]:
            yield f"  {_within(test, _WIDTH - 2)}"
        yield from _more(len(unknown) - _NAMED)


def _in_all(plan: Plan) -> str:
    beside: list[str] = []
    if plan.unpriced:
        beside.append(f"{_of_calls(plan.unpriced)} of unknown price")
    if plan.uncounted:
        beside.append(f"{_of_tests(plan.uncounted)} whose calls nobody can count")
    text = f"in all: {_of_calls(plan.calls)}"
    text += f", about {in_dollars(plan.dollars)}" if plan.dollars or not beside else ""
    if not plan.calls and not beside:
        text = "in all: no call, $0"
    return f"{text} (+ {', and '.join(beside)})" if beside else text


def _cost(dollars: float, unpriced: int) -> str:
    if not unpriced:
        return in_dollars(dollars)
    unknown = f"{unpriced} of unknown price"
    return f"{in_dollars(dollars)} + {unknown}" if dollars else unknown


def _more(count: int) -> Iterator[str]:
    if count > 0:
        yield f"  and {count} more"


def _of_calls(number: int) -> str:
    return f"{number} call" if number == 1 else f"{number} calls"


def _of_tests(number: int) -> str:
    return f"{number} test" if number == 1 else f"{number} tests"


def _within(text: str, width: int) -> str:
    return text if len(text) <= width else f"...{text[3 - width :]}"

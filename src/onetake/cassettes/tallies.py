"""What a run came to, test by test: its calls and their dollars, kept so that runs can be compared.

Dollars are sums of what is known; beside them stands of how many calls they are not, so that unknown is
never taken for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import replace

from onetake.spend import Spent

# What is read may have been written by anybody: numbers that can be added and shown.
_Count = Annotated[int, Meta(ge=0, le=1 << 53)]
_Moment = Annotated[float, Meta(ge=0, le=253_402_300_799)]  # the end of the year 9999


class Tally(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The calls of a test (or a wider fixture, or a program's cassette) in one run, or in several.

    `recorded` and `live` calls were paid for with `paid` dollars, and `unpriced` of them have no known
    price; `replayed` ones have saved `saved` dollars, and `unpriced_saved` of them an unknown sum.
    `cassette` is its name in a store where it is not named after
    the test, `is_unmarked` says that there was none. One that `is_cut` did not come to all of its calls:
    it was skipped, or failed.
    """

    replayed: _Count = 0
    recorded: _Count = 0
    live: _Count = 0
    missed: _Count = 0
    paid: float = 0.0
    saved: float = 0.0
    unpriced: _Count = 0
    unpriced_saved: _Count = 0
    cassette: str = ""
    is_unmarked: bool = False
    is_cut: bool = False

    @property
    def calls(self) -> int:
        return self.replayed + self.recorded + self.live + self.missed

    @property
    def bought(self) -> int:
        """Calls that went to the network."""
        return self.recorded + self.live

    @property
    def hit_rate(self) -> float | None:
        return self.replayed / self.calls if self.calls else None

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            replayed=self.replayed + other.replayed,
            recorded=self.recorded + other.recorded,
            live=self.live + other.live,
            missed=self.missed + other.missed,
            paid=self.paid + other.paid,
            saved=self.saved + other.saved,
            unpriced=self.unpriced + other.unpriced,
            unpriced_saved=self.unpriced_saved + other.unpriced_saved,
            cassette=self.cassette or other.cassette,
            is_unmarked=self.is_unmarked and other.is_unmarked,
            is_cut=self.is_cut or other.is_cut,
        )


class RunTally(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One run, or one process or shard of it. `at` is when it ended, UTC seconds.

    `store` is its URL without secrets, where the line does not lie in the store itself. `grew` are the
    cassettes that grew from run to run. `spent` is what programs used, by cassette: no price list is loaded
    for it before somebody reads this.
    """

    run: str
    at: _Moment
    store: str = ""
    grew: tuple[str, ...] = ()
    tests: dict[str, Tally] = {}
    spent: tuple[tuple[str, Spent], ...] = ()

    @property
    def sum(self) -> Tally:
        return sum_of(self.tests.values())

    def of(self, chosen: Callable[[str, Tally], bool]) -> RunTally:
        """Return this tally with the `chosen` tests alone."""
        tests = {test: one for test, one in self.tests.items() if chosen(test, one)}
        return replace(self, tests=tests, grew=tuple(one for one in self.grew if one in tests))


def tally_of(counts: Mapping[str, int], **facts: Any) -> Tally:
    """Make a tally from calls by outcome, and other fields; without dollars."""
    return Tally(
        replayed=counts.get("replayed", 0),
        recorded=counts.get("recorded", 0),
        live=counts.get("live", 0),
        missed=counts.get("missed", 0),
        **facts,
    )


def sum_of(tallies: Iterable[Tally]) -> Tally:
    return sum(tallies, Tally())


def added(tests: Mapping[str, Tally], more: Mapping[str, Tally]) -> dict[str, Tally]:
    """Both, test by test."""
    found = dict(tests)
    for test, one in more.items():
        found[test] = found[test] + one if test in found else one
    return found


def by_run(lines: Iterable[RunTally]) -> list[RunTally]:
    """One for each run, in the order in which they ended."""
    runs: dict[str, RunTally] = {}
    for line in lines:
        if (before := runs.get(line.run)) is not None:
            line = replace(  # noqa: PLW2901
                line,
                at=max(before.at, line.at),
                grew=tuple(dict.fromkeys((*before.grew, *line.grew))),
                tests=added(before.tests, line.tests),
            )
        runs[line.run] = line
    return sorted(runs.values(), key=lambda one: one.at)


def by_test(runs: Iterable[RunTally]) -> dict[str, Tally]:
    """The sums over `runs`."""
    found: dict[str, Tally] = {}
    for run in runs:
        found = added(found, run.tests)
    return found

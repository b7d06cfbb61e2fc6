"""Whether a cassette grows: it gains recordings from run to run while those that it has lie unused.

That is a request which is never the same twice. One run that grows has a prompt that was changed; the
second one running is judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

Place = tuple[str, str, str]
"""The method, host and path of a request."""


# What is read may have been written by anybody: numbers that can be added and shown.
_Count = Annotated[int, Meta(ge=0, le=1 << 53)]


class RunLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one run did with a cassette, or one process of it; `merged` puts those of a run together.

    `at` is UTC seconds. `recorded` are the recordings that the cassette gained, `grew` short digests of
    the tests by which it grew. What runs paid is told by `tallies`.
    """

    run: str
    at: _Count
    replayed: _Count = 0
    recorded: _Count = 0
    grew: tuple[str, ...] = ()


def merged(first: RunLine, second: RunLine) -> RunLine:
    """Both as one, for two of one run."""
    return replace(
        first,
        replayed=first.replayed + second.replayed,
        recorded=first.recorded + second.recorded,
        grew=tuple(dict.fromkeys((*first.grew, *second.grew))),
    )


def by_run(lines: Iterable[RunLine]) -> list[RunLine]:
    """A line for each run, in the order in which they began."""
    runs: dict[str, RunLine] = {}
    for line in lines:
        runs[line.run] = merged(runs[line.run], line) if line.run in runs else line
    return list(runs.values())


def calls_that_grew(recorded: Iterable[Place], unused: Iterable[Place]) -> int:
    """How many were recorded although a recording of the same method, host and path lies unused."""
    places = set(unused)
    return sum(place in places for place in recorded)


def runs_running(before: Sequence[RunLine], now: RunLine, test: str) -> int:
    """In how many recording runs up to `now`, one after the other, the cassette grew by `test`.

    A run that recorded without growing by it ends the count; one that only replayed says nothing.
    """
    if test not in now.grew:
        return 0
    count = 1
    for line in reversed([one for one in by_run(before) if one.run != now.run and one.recorded]):
        if test not in line.grew:
            break
        count += 1
    return count


class Growth(Struct, frozen=True):
    """A cassette grew by `calls` calls, as on each of the last `runs` runs that recorded.

    `varies` is the field that is never the same, with its kind, and `rule` what a rule would say of it;
    either may be empty.
    """

    runs: int
    calls: int
    varies: str = ""
    rule: str = ""

"""Many misses, few causes: what one change would mend is one group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from onetake.diagnosis.excerpts import wrapped
from onetake.diagnosis.facts import Event
from onetake.diagnosis.miss import settings_file

_MOST_TESTS = 5


class Group(Struct, frozen=True, kw_only=True):
    """Events of one cause: `count` requests of `tests`; `rule` is TOML to paste, where one is right.

    `offsets` are the first and the last place in a long value at which such a change begins.
    """

    outcome: str
    cause: str
    count: int
    tests: tuple[str, ...]
    advice: str
    rule: str = ""
    offsets: tuple[int, int] | None = None

    @property
    def title(self) -> str:
        """`body.messages[0].content changed at character 312`."""
        if self.offsets is None or not self.cause.endswith(" changed"):
            return self.cause
        first, last = self.offsets
        where = f"character {first}" if first == last else f"characters {first} to {last}"
        return f"{self.cause} at {where}"


_TITLES = {
    "missed": ("1 miss", "{} misses"),
    "recorded": ("1 call paid again", "{} calls paid again"),
}


def group(events: Iterable[Event]) -> tuple[Group, ...]:
    """Groups of `events`: misses first, then by size."""
    by_cause: dict[tuple[str, str, str], list[Event]] = {}
    for event in events:
        by_cause.setdefault((event.outcome, event.miss.cause, event.miss.rule), []).append(event)
    groups = [
        Group(
            outcome=outcome,
            cause=cause,
            count=sum(one.count for one in some),
            tests=tuple(dict.fromkeys(one.test for one in some)),
            advice=some[0].miss.advice,
            rule=rule,
            offsets=(min(places), max(places)) if places else None,
        )
        for (outcome, cause, rule), some in by_cause.items()
        for places in [[one.miss.offset for one in some if one.miss.offset is not None]]
    ]
    return tuple(sorted(groups, key=lambda one: (one.outcome != "missed", -one.count, one.cause)))


def to_lines(group: Group) -> Iterator[str]:
    """`41 misses: body.messages[0].content changed at character 312`, then the tests and the remedy."""
    one, many = _TITLES[group.outcome]
    count = one if group.count == 1 else many.format(group.count)
    yield from wrapped(f"{count}: {group.title}", rest="  ")
    more = len(group.tests) - _MOST_TESTS
    shown = [*group.tests[:_MOST_TESTS], *([f"and {more} more"] if more > 0 else [])]
    yield from wrapped(f"in {', '.join(shown)}", "  ", "  ")
    if group.rule:
        yield f"  this rule makes them equal (in {settings_file(group.rule)}):"
        for line in group.rule.split("\n"):
            yield f"    {line}"
    else:
        yield from wrapped(group.advice, "  ", "  ")

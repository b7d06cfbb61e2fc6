"""Many misses, few causes: what one change would mend is one group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from onetake.diagnosis.miss import Miss

_MOST_TESTS = 5


class Event(Struct, frozen=True, kw_only=True):
    """A request that was not replayed. `outcome` is `missed` or `recorded`; `count` such requests."""

    test: str
    cassette: str
    outcome: str
    mode: str = ""
    miss: Miss
    count: int = 1


class Group(Struct, frozen=True, kw_only=True):
    """Events of one cause. `tests` are the first few; `remedy` is a rule to paste, or advice."""

    outcome: str
    cause: str
    count: int
    tests: tuple[str, ...]
    remedy: str
    is_rule: bool = False


_NOUNS = {"missed": ("miss", "misses"), "recorded": ("recorded anew", "recorded anew")}


def group(events: Iterable[Event]) -> tuple[Group, ...]:
    """Groups of `events`, the largest first."""
    by_cause: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        by_cause.setdefault((event.outcome, event.miss.cause), []).append(event)
    groups = [
        Group(
            outcome=outcome,
            cause=cause,
            count=sum(one.count for one in some),
            tests=tuple(dict.fromkeys(one.test for one in some))[:_MOST_TESTS],
            remedy=rule or some[0].miss.advice,
            is_rule=bool(rule),
        )
        for (outcome, cause), some in by_cause.items()
        for rule in [next((one.miss.rule for one in some if one.miss.rule), "")]
    ]
    return tuple(sorted(groups, key=lambda one: (one.outcome != "missed", -one.count, one.cause)))


def to_lines(groups: Iterable[Group]) -> Iterator[str]:
    """`41 misses: body.messages[0].content changed at character 312`, and the remedy below it."""
    for one in groups:
        singular, plural = _NOUNS.get(one.outcome, (one.outcome, one.outcome))
        yield f"{one.count} {singular if one.count == 1 else plural}: {one.cause}"
        if one.is_rule:
            yield "  this rule makes them equal (for pyproject.toml):"
        for line in one.remedy.split("\n"):
            yield f"  {'  ' if one.is_rule else ''}{line}"

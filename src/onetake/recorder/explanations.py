"""Why requests of one opening were not replayed.

A miss is explained at once, as its error says so. What `auto` recorded although the cassette had
recordings is explained when the opening closes, so that no live call waits for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from onetake.cassettes.decisions import Shortage
from onetake.cassettes.sequence import Asked
from onetake.config import Mode, Settings
from onetake.errors import MissError
from onetake.formats.document import Stored
from onetake.matching import Matcher
from onetake.messages import Request

if TYPE_CHECKING:
    from onetake.diagnosis import Event, Miss

# `diagnosis` is imported late: most openings have nothing to explain.

_monotonic = time.monotonic  # bound early: fake clocks do not reach us
_BUDGET_S = 2.0  # for what one opening recorded anew
Remedy = Callable[["Miss"], "Miss"]
"""Puts into an explanation of a request that was recorded what to do about it."""
_NEAR = ("changed", "credential", "upload", "exhausted")


class Explanations:
    """Explanations for an opening of a cassette that holds `entries`. Not thread-safe: its owner holds a lock.

    `events` grows with `add_miss` and `add_recorded`.
    """

    def __init__(
        self,
        entries: Sequence[Stored],
        matcher: Matcher,
        settings: Settings,
        *,
        place: str,
        test: str,
        used: Container[int] = (),
        rule_header: str = "[[tool.onetake.rules]]",
        remedy: Remedy | None = None,
    ) -> None:
        """`used` has the ids of entries that have answered a request, and grows with the opening.

        `rule_header` begins a rule in the project's own settings file. `remedy` says what to do about what was
        paid for and is recorded now; by default that is a rule, or a setting of onetake.
        """
        self._entries = entries
        self._matcher = matcher
        self._settings = settings
        self._place = place
        self._test = test
        self._used = used
        self._rule_header = rule_header
        self._remedy = remedy or _with_advice
        self.events: list[Event] = []

    def of_miss(self, asked: Asked, shortage: Shortage) -> MissError:
        """The error for a request that nothing recorded answers."""
        from onetake.diagnosis import expired_miss, render

        if shortage.expired is not None:
            setting, limit_s = asked.lifetime.exceeded(age_s := asked.at - shortage.expired.at)
            miss = expired_miss(asked.request, age_s, setting, limit_s)
        else:
            miss = self._explained(
                asked.request, asked.at, shortage.spent, used=self._used_indexes()
            )
        why = f"{asked.mode} ({self._reason_of(asked.mode)})"
        return MissError(
            render(miss, cassette=self._place, mode=why),
            request=miss.request_line,
            reason=miss.reason,
            explanation=miss,
        )

    def _explained(
        self,
        request: Request,
        at: float,
        spent: int,
        *,
        used: Container[int] = (),
        among: Sequence[int] | None = None,
    ) -> Miss:
        from onetake.diagnosis import explain_miss

        miss = explain_miss(
            request, self._entries, self._matcher, spent=spent, used=used, at=at, among=among
        )
        _, _, keys = miss.rule.partition("\n")
        return replace(miss, rule=f"{self._rule_header}\n{keys}") if miss.rule else miss

    def _reason_of(self, mode: Mode) -> str:
        return self._settings.mode_reason if mode is self._settings.mode else "a rule"

    def add_miss(self, error: MissError, request: Request) -> None:
        """`error` counts as an event; one that is not `of_miss` speaks for itself."""
        from onetake.diagnosis import Miss

        miss = error.explanation
        if not isinstance(miss, Miss):
            miss = Miss(
                request_line=request.line,
                reason=error.reason,
                cause=error.message.partition("\n")[0],
                advice=getattr(error, "advice", error.remedy),
            )
        self._add("missed", miss)

    def add_recorded(self, requests: Iterable[tuple[Request, float, Shortage]]) -> None:
        """Each request that was paid for: with its moment, and what was short.

        No event is one that is simply new (it has no unused recording near it), and one that takes the
        place of what has expired, as was wanted.
        """
        from onetake.diagnosis import Miss

        taken = self._used_indexes()
        unused = [i for i in range(len(self._entries)) if i not in taken]
        end = _monotonic() + _BUDGET_S
        left_out = 0
        for request, at, shortage in requests:
            if shortage.expired is not None or not (shortage.spent or unused):
                continue
            if _monotonic() > end:
                left_out += 1
                continue
            miss = self._explained(request, at, shortage.spent, among=unused)
            if miss.reason in _NEAR:
                self._add("recorded", self._remedy(miss))
        if left_out:
            miss = Miss(
                request_line="",
                reason="not-examined",
                cause=f"more of {self._place}, not examined",
                advice="Mend the other causes first, then run again.",
            )
            self._add("recorded", miss, left_out)

    def _add(self, outcome: str, miss: Miss, count: int = 1) -> None:
        from onetake.diagnosis import Event

        self.events.append(
            Event(
                test=self._test,
                cassette=self._place,
                outcome=outcome,
                mode=self._settings.mode.value,
                miss=miss,
                count=count,
            )
        )

    def _used_indexes(self) -> set[int]:
        return {i for i, entry in enumerate(self._entries) if id(entry) in self._used}


def remedy_of_vcr(match_on: Sequence[Callable[..., object]]) -> Remedy:
    """Return the remedy for a suite of vcrpy that compares by these matchers."""

    def with_remedy(miss: Miss) -> Miss:
        from onetake.diagnosis.vcr_remedies import with_vcr_remedy

        return with_vcr_remedy(match_on, miss)

    return with_remedy


def _with_advice(miss: Miss) -> Miss:
    return replace(miss, advice=_advice(miss))


def _advice(miss: Miss) -> str:
    """What to do about a call that was paid for and is recorded now."""
    if miss.reason in ("upload", "credential"):
        return miss.advice
    if miss.reason == "exhausted":
        return (
            "It was sent more often than before, and recorded. Where the number of calls changes from run "
            'to run, set repeats = "last".'
        )
    if miss.rule:
        return "Without that rule each run pays for it again."
    return (
        "It is recorded now. If it changes with each run, take what changes out of the request, or ignore "
        "it by a rule."
    )

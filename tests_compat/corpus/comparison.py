"""Whether a replay showed the same, and if not, whether that is known.

A replay is to show what was seen while it was recorded. Where that is not in the cassette, or a hook has
changed it, it is to show what vcrpy's own replay shows. What is left may differ by a *rule*, which says what is
not compared and why, or be listed with its reason; the rest is a fault. What the recorder broke is no case: the
server answers each request, so an error that was seen while recording is the recorder's.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

Seen = dict[str, Any]
Observations = Mapping[str, Mapping[str, Sequence[Seen]]]
"""By client and scenario, a list of steps."""

SAME, AS_VCRPY, BY_RULE, LISTED, DIFFERENT, UNRECORDED = (
    "same",
    "as vcrpy",
    "by rule",
    "as listed",
    "different",
    "unrecorded",
)
VERDICTS = (SAME, AS_VCRPY, BY_RULE, LISTED, DIFFERENT, UNRECORDED)


@dataclass(frozen=True, kw_only=True)
class Known:
    """A difference with its reason. In `where` a `*` stands for anything."""

    where: tuple[str, ...]
    reason: str

    def covers(self, case: str) -> bool:
        return any(
            re.fullmatch(".*".join(map(re.escape, one.split("*"))), case) for one in self.where
        )


@dataclass(frozen=True, kw_only=True)
class Case:
    """One scenario of one client, replayed in one way, with whose cassette it was."""

    recorder: str
    client: str
    way: str
    scenario: str
    verdict: str = SAME
    why: str = ""
    """The rules, the reason, or the difference."""

    @property
    def name(self) -> str:
        return f"{self.recorder}/{self.client}/{self.way}/{self.scenario}"


def read_known(path: Path) -> list[Known]:
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("difference", [])
    return [Known(where=tuple(one["where"]), reason=one["reason"]) for one in entries]


def compare(
    recorder: str,
    way: str,
    live: Observations,
    by_vcrpy: Observations,
    replayed: Observations,
    known: Iterable[Known],
) -> list[Case]:
    known = list(known)
    cases = []
    for client, scenarios in replayed.items():
        for scenario, seen in scenarios.items():
            case = Case(recorder=recorder, client=client, way=way, scenario=scenario)
            was = live[client][scenario]
            theirs = by_vcrpy.get(client, {}).get(scenario, was)
            verdict, why = _judged(was, theirs, seen, case.name, known)
            cases.append(
                Case(
                    recorder=recorder,
                    client=client,
                    way=way,
                    scenario=scenario,
                    verdict=verdict,
                    why=why,
                )
            )
    return cases


def _judged(
    live: Sequence[Seen],
    theirs: Sequence[Seen],
    seen: Sequence[Seen],
    name: str,
    known: Sequence[Known],
) -> tuple[str, str]:
    broken = [step.get("cassette") or step.get("error") for step in live if "status" not in step]
    if broken:
        return UNRECORDED, str(broken[0])
    if seen == live:
        return SAME, ""
    if seen == theirs:
        return AS_VCRPY, ""
    for wanted in (live, theirs):
        if (rules := _rules_between(wanted, seen)) is not None:
            return BY_RULE, ", ".join(rules)
    for one in known:
        if one.covers(name):
            return LISTED, one.reason
    difference = _difference(live, seen)
    if theirs != live:
        difference += f" (vcrpy: {_difference(live, theirs)})"
    return DIFFERENT, difference


# Rules.


def _packed_anew(seen: Seen) -> Seen:
    """A packed answer is kept readable and packed again: the same content in other bytes of another length."""
    headers = seen.get("headers", [])
    # httplib2 shows the header of what it has unpacked under another name
    if not {"content-encoding", "-content-encoding"} & {name for name, _ in headers}:
        return seen
    kept = [pair for pair in headers if pair[0] != "content-length"]
    return {**seen, "headers": kept, "body": seen.get("content")}


def _transfer_encoding(seen: Seen) -> Seen:
    """vcrpy takes this header out of what its http.client shows; a server has sent it."""
    headers = [pair for pair in seen.get("headers", []) if pair[0] != "transfer-encoding"]
    return {**seen, "headers": headers} if "headers" in seen else seen


def _space(seen: Seen) -> Seen:
    """httpx before 0.28 wrote a space in a query as %20, and writes a plus now."""
    return {**seen, "url": seen["url"].replace("%20", "+")} if "url" in seen else seen


def _refused(seen: Seen) -> Seen:
    """What no recording answers is refused, by each with an error of its own."""
    is_refused = seen.get("error") in ("CannotOverwriteExistingCassetteException", "MissError")
    return {"error": "refused"} if is_refused else seen


RULES: Mapping[str, Callable[[Seen], Seen]] = {
    "packed anew": _packed_anew,
    "transfer-encoding": _transfer_encoding,
    "space in a query": _space,
    "refused": _refused,
}


def _rules_between(wanted: Sequence[Seen], seen: Sequence[Seen]) -> tuple[str, ...] | None:
    """The fewest that make both the same; None where even all of them do not."""
    for count in range(1, len(RULES) + 1):
        for names in combinations(RULES, count):
            if _ruled(wanted, names) == _ruled(seen, names):
                return names
    return None


def _ruled(steps: Sequence[Seen], names: Iterable[str]) -> list[Seen]:
    for name in names:
        steps = [RULES[name](one) for one in steps]
    return list(steps)


def _difference(was: Sequence[Seen], seen: Sequence[Seen]) -> str:
    """The first differing fact of the first differing step."""
    if len(was) != len(seen):
        return f"{len(was)} steps, and {len(seen)}"
    for index, (one, other) in enumerate(zip(was, seen, strict=True)):
        for name in sorted({*one, *other}):
            left, right = one.get(name), other.get(name)
            if left == right:
                continue
            if isinstance(left, list) and isinstance(right, list):
                lost = [item for item in left if item not in right]
                new = [item for item in right if item not in left]
                return f"step {index}, {name}: -{lost} +{new}"
            return f"step {index}, {name}: {left!r}, and {right!r} now"
    return "nothing"

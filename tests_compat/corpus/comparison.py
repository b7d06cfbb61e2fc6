"""Whether a replay showed the same, and if not, whether that is known."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Seen = dict[str, Any]
Observations = Mapping[str, Mapping[str, Sequence[Seen]]]
"""By client and scenario."""

Verdict = Literal["same", "as vcrpy", "as listed", "different"]


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
    """One scenario of one client, replayed in one way: `name` says all three, and whose cassette it was."""

    recorder: str
    client: str
    way: str
    scenario: str
    verdict: Verdict
    difference: str = ""

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
    """A replay is to show what was seen live; or, where that is not in the cassette, what vcrpy itself shows."""
    known = list(known)
    cases = []
    for client, scenarios in replayed.items():
        for scenario, seen in scenarios.items():
            was, theirs = live[client][scenario], by_vcrpy.get(client, {}).get(scenario)
            verdict: Verdict = "same"
            difference = ""
            if seen != was:
                verdict = "as vcrpy" if seen == theirs else "different"
            if verdict == "different":
                difference = _difference(was, seen)
                if theirs is not None and theirs != was:
                    difference += f" (vcrpy: {_difference(was, theirs)})"
            case = Case(
                recorder=recorder,
                client=client,
                way=way,
                scenario=scenario,
                verdict=verdict,
                difference=difference,
            )
            if verdict == "different" and any(one.covers(case.name) for one in known):
                case = Case(
                    recorder=recorder,
                    client=client,
                    way=way,
                    scenario=scenario,
                    verdict="as listed",
                    difference=difference,
                )
            cases.append(case)
    return cases


def _difference(was: Sequence[Seen], seen: Sequence[Seen]) -> str:
    """The first differing fact of the first differing step."""
    if len(was) != len(seen):
        return f"{len(was)} steps != {len(seen)} ({seen[0] if seen else ''})"
    for index, (one, other) in enumerate(zip(was, seen, strict=True)):
        for name in sorted({*one, *other}):
            left, right = one.get(name), other.get(name)
            if left == right:
                continue
            if isinstance(left, list) and isinstance(right, list):
                lost = [item for item in left if item not in right]
                new = [item for item in right if item not in left]
                return f"step {index}, {name}: -{lost} +{new}"
            return f"step {index}, {name}: {left!r} != {right!r}"
    return ""

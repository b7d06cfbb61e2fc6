"""Which failures are known, and why."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """Tests of a peer that onetake is known to fail. In `tests` a `*` stands for anything."""

    peer: str
    group: str
    reason: str
    tests: tuple[str, ...]

    def covers(self, test: str) -> bool:
        return any(_pattern(one).fullmatch(test) for one in self.tests)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How a run went: by file, the number of tests by verdict; and the tests that tell something new."""

    by_file: Mapping[str, Counter[str]]
    unexpected: list[str] = field(default_factory=list)
    better: list[str] = field(default_factory=list)


def read(path: Path) -> list[Deviation]:
    return [
        Deviation(
            peer=entry["peer"],
            group=entry["group"],
            reason=entry["reason"],
            tests=tuple(entry["tests"]),
        )
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["deviation"]
    ]


def compare(outcomes: Mapping[str, str], known: Sequence[Deviation]) -> Comparison:
    by_file: dict[str, Counter[str]] = {}
    comparison = Comparison(by_file=by_file)
    for test, outcome in outcomes.items():
        covered = any(one.covers(test) for one in known)
        match outcome, covered:
            case "failed", True:
                verdict = "as listed"
            case "failed", False:
                verdict = "unexpected"
                comparison.unexpected.append(test)
            case "passed", True:
                verdict = "passed"
                comparison.better.append(test)
            case _:
                verdict = outcome
        by_file.setdefault(test.partition("::")[0], Counter())[verdict] += 1
    return comparison


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)

"""`python -m bench [--smoke] [--json FILE] [--profile CASE] [--instructions] [--only SECTION ...]`"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import matching, recording, replaying, stores, suites, tools, vcr_files
from bench.clients import CLIENTS
from bench.measure import WorkerError, in_worker
from bench.table import Report
from bench.workload import Workload

SECTIONS = (
    "replay",
    "open",
    "record",
    "idle",
    "suites",
    "matching",
    "stores",
    "million",
    "vcr",
    "accounts",
)


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    opened: tuple[int, ...]
    calls: int
    rounds: int
    cell_budget_s: float
    open_timeout_s: float
    starts: int
    tests: int
    most_recordings: int
    body: int = 2_000
    missed_among: int = 10_000
    matched_among: int = 2_000
    recorded_anew: int = 200
    stored: int = 200
    store_rounds: int = 25
    few_and_many: tuple[int, int] = (1_000, 1_000_000)
    many_timeout_s: float = 400
    accounted: int = 1_000_000


FULL = Plan(
    opened=(20, 200, 2_000, 20_000),
    calls=190,
    rounds=12,
    cell_budget_s=4,
    open_timeout_s=12,
    starts=9,
    tests=2_000,
    most_recordings=100_000,
)
SMOKE = Plan(
    opened=(20,),
    calls=10,
    rounds=1,
    cell_budget_s=1,
    open_timeout_s=5,
    starts=1,
    tests=4,
    most_recordings=20,
    missed_among=100,
    matched_among=40,
    recorded_anew=5,
    stored=20,
    store_rounds=3,
    accounted=200,
    few_and_many=(100, 200),
    many_timeout_s=30,
)


class Bench:
    """One run: makes the cassettes, runs the sections, keeps the results."""

    def __init__(
        self, plan: Plan, folder: Path, clients: Sequence[str], tell: Callable[[str], None]
    ) -> None:
        self.plan = plan
        self.clients = clients
        self.folder = folder
        self.tell = tell
        self.results: dict[str, Any] = {}

    def cassette(self, tool: str, size: int, body: int, kind: str = "json") -> Path:
        path = self.folder / tools.file_name(tool, size, body, kind)
        if not path.exists() and not tools.missing(tool):
            self.tell(f"writing {path.name}")
            try:
                tools.write_cassette(tool, path, size, Workload(body, kind))
            except Exception as error:
                self.tell(f"{path.name}: {type(error).__name__}: {error}")
        return path

    def cases(self) -> list[replaying.Case]:
        """The calls to be replayed; the smoke run makes its cassettes small, and leaves the largest out."""
        most = self.plan.most_recordings
        return [
            case
            for case in replaying.CASES
            if case.client in self.clients and (most > 20 or case.body <= 20_000)
            if case.recordings <= max(most, 200)
        ]

    def replay(self) -> list[dict[str, Any]]:
        rows = []
        for case in self.cases():
            self.tell(f"replay: {case.name}")
            for tool in replaying.file_tools(case):
                self.cassette(tool, case.recordings, case.body, case.kind)
            spec = {
                "name": case.name,
                "folder": str(self.folder),
                "calls": self.plan.calls,
                "rounds": self.plan.rounds,
                "budget_s": self.plan.cell_budget_s,
            }
            row: dict[str, Any] = {"name": case.name, "budget": case.budget}
            try:
                row["cells"] = in_worker("replaying", spec, timeout_s=120)
            except WorkerError as error:
                row["error"] = str(error)
            rows.append(row)
        return rows

    def instructions(self) -> list[dict[str, Any]]:
        rows = []
        for case in self.cases():
            if case.is_counted:
                self.tell(f"instructions: {case.name}")
                self.cassette("onetake", case.recordings, case.body, case.kind)
                rows.append({"name": case.name, **replaying.counted(case, self.folder)})
        return rows

    def open(self) -> list[dict[str, Any]]:
        rows = []
        for size in self.plan.opened:
            row: dict[str, Any] = {"size": size, "cells": {}}
            for tool in tools.TOOLS:
                self.tell(f"open: {tool}, {size} recordings")
                row["cells"][tool] = self._open(tool, size)
            rows.append(row)
        return rows

    def _open(self, tool: str, size: int) -> dict[str, Any]:
        reason = tools.missing(tool)
        if reason:
            return {"note": reason}
        path = self.cassette(tool, size, self.plan.body)
        warm = self.cassette(tool, self.plan.opened[0], self.plan.body)
        if not path.exists():
            return {"note": "no cassette was made"}
        rounds = 1 if size >= 20_000 and tool == "vcrpy" else min(self.plan.rounds, 5)
        if tool == "onetake":
            rounds *= 3
        spec = {
            "tool": tool,
            "path": str(path),
            "rounds": rounds,
            "warm": str(warm),
            "size": size,
            "body": self.plan.body,
        }
        try:
            cell = in_worker("opening", spec, timeout_s=self.plan.open_timeout_s * 3)
        except WorkerError as error:
            cell = {"note": str(error)}
        return {**cell, "mb": path.stat().st_size / 1e6}

    def record(self) -> list[dict[str, Any]]:
        rows = []
        for client in self.clients:
            for what, (body, kind, *_) in recording.BUDGETS_MS.items():
                if self.plan is SMOKE and body > 2_000:
                    continue
                self.tell(f"record: {client}, {what}")
                spec = {
                    "client": client,
                    "body": body,
                    "kind": kind,
                    "calls": min(self.plan.calls, 60),
                    "rounds": min(self.plan.rounds, 6),
                    "budget_s": self.plan.cell_budget_s,
                }
                row: dict[str, Any] = {"client": client, "what": what}
                try:
                    row |= in_worker("recording", spec, timeout_s=90)
                except WorkerError as error:
                    row["error"] = str(error)
                rows.append(row)
        return rows

    def idle(self) -> dict[str, Any]:
        self.tell("no cassette")
        smoke = self.plan is SMOKE
        spec = {"loops": 5_000 if smoke else 100_000, "rounds": 2 if smoke else 5}
        try:
            result: dict[str, Any] = in_worker("idle", spec, timeout_s=60)
        except WorkerError as error:
            return {"error": str(error)}
        return result

    def accounts(self) -> dict[str, Any]:
        self.tell(f"the account of {self.plan.accounted:,} replayed calls")
        spec = {"calls": self.plan.accounted, "body": self.plan.body}
        try:
            result: dict[str, Any] = in_worker("accounts", spec, timeout_s=900)
        except WorkerError as error:
            return {"error": str(error)}
        return result

    def suites(self) -> dict[str, Any]:
        plan = self.plan
        try:
            return suites.run(plan.starts, plan.tests, lambda what: self.tell(f"suites: {what}"))
        except RuntimeError as error:
            return {"error": str(error)}

    def matching(self) -> dict[str, Any]:
        plan = self.plan
        many, calls = plan.missed_among, min(plan.calls, 20)
        misses = {
            what: self._matching("miss", recorded, many, what=what, calls=calls)
            for what, (recorded, _, _) in matching.MISSES.items()
        }
        return {
            "missed_among": many,
            "matched_among": plan.matched_among,
            "misses": misses,
            "rules": self._matching(
                "rules", "chat", plan.matched_among, calls=plan.calls, rounds=plan.rounds
            ),
            "loose": self._matching("loose", "traces", plan.matched_among, calls=calls // 2),
            "closing": self._matching("closing", "chat", many, calls=plan.recorded_anew),
        }

    def stores(self) -> list[dict[str, Any]]:
        spec = {"size": self.plan.stored, "rounds": self.plan.store_rounds}
        return self._of_stores("stores", spec, 60)

    def million(self) -> list[dict[str, Any]]:
        spec = {"sizes": self.plan.few_and_many, "rounds": 4 * self.plan.store_rounds}
        return self._of_stores("million", spec, self.plan.many_timeout_s)

    def vcr(self) -> dict[str, Any]:
        size = 20 if self.plan is SMOKE else vcr_files.SIZE
        result: dict[str, Any] = {"size": size}
        if reason := tools.missing("vcrpy"):  # it writes the cassette
            return {"error": reason}
        path = self.cassette("vcrpy", size, vcr_files.BODY)
        spec = {"path": str(path), "warm": str(self.cassette("vcrpy", 1, vcr_files.BODY))}
        result["mb"] = path.stat().st_size / 1e6
        for way in vcr_files.WAYS:
            self.tell(f"vcr: {way}")
            rounds = 1 if way == "vcrpy" else self.plan.rounds
            try:
                result[way] = in_worker(
                    "vcr_files", {"way": way, "rounds": rounds, **spec}, timeout_s=90
                )
            except WorkerError as error:
                result[way] = {"error": str(error)}
        return result

    def _of_stores(self, section: str, spec: dict[str, Any], timeout_s: float) -> Any:
        rows = []
        for store in stores.STORES:
            self.tell(f"{section}: {store}")
            row: dict[str, Any] = {"store": store, **spec}
            try:
                row |= in_worker(section, {"store": store, **spec}, timeout_s=timeout_s)
            except WorkerError as error:
                row["error"] = str(error)
            rows.append(row)
        return rows

    def _matching(self, part: str, recorded: str, size: int, **spec: Any) -> dict[str, Any]:
        path = self.folder / matching.file_name(recorded, size)
        known = {"path": str(path), "size": size, "body": self.plan.body}
        self.tell(f"matching: {part}, {spec.get('what', '')}".rstrip(", "))
        try:
            if not path.exists():
                what = {"part": "write", "recorded": recorded}
                in_worker("matching", {**what, **known}, timeout_s=60)
            result: dict[str, Any] = in_worker(
                "matching", {"part": part, **known, **spec}, timeout_s=90
            )
        except WorkerError as error:
            return {"error": str(error)}
        return result


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=sys.modules["bench"].__doc__
    )
    parser.add_argument("--smoke", action="store_true", help="a tiny version, for CI")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to FILE")
    parser.add_argument(
        "--profile",
        choices=replaying.BY_NAME,
        metavar="CASE",
        help="profile onetake's replayed calls",
    )
    parser.add_argument(
        "--instructions", action="store_true", help="count instructions instead, with valgrind"
    )
    parser.add_argument("--clients", nargs="+", choices=CLIENTS, default=CLIENTS)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=())
    options = parser.parse_args()
    begun = time.monotonic()

    def tell(text: str) -> None:
        print(f"[{time.monotonic() - begun:4.0f} s] {text}", file=sys.stderr, flush=True)

    plan = SMOKE if options.smoke else FULL
    # Minutes, and gigabytes of memory and disk: only where it is asked for.
    wanted = [name for name in SECTIONS if name in options.only] or [
        name for name in SECTIONS if options.smoke or name != "million"
    ]
    with tempfile.TemporaryDirectory(prefix="onetake-bench-") as folder:
        bench = Bench(plan, Path(folder), options.clients, tell)
        if options.profile:
            case = replaying.BY_NAME[options.profile]
            bench.cassette("onetake", case.recordings, case.body, case.kind)
            print(replaying.profile(Path(folder), case))
            return
        machine = {
            "python": platform.python_version(),
            "platform": platform.platform(),
            "versions": tools.versions(),
        }
        if options.instructions:
            if not replaying.has_valgrind():
                parser.error("--instructions needs valgrind: apt-get install valgrind")
            wanted = ["instructions"]
        results = {name: getattr(bench, name)() for name in wanted}
    report = Report(sys.stdout)
    report.all(results, machine)
    if options.json:
        text = json.dumps(
            {"machine": machine, "results": results, "budgets": report.budgets}, indent=2
        )
        options.json.write_text(text + "\n")
    tell("done")


if __name__ == "__main__":
    main()

"""Reports of the shards of a suite, joined into one as if one run had made them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from onetake.errors import UsageError
from onetake.reports.accounts import VERDICTS
from onetake.reports.json_report import VERSION, Report, Test, Totals, added, by_file
from onetake.reports.spending import total_of
from onetake.stores.private import read_regular
from onetake.stores.usage import same_digest

_DEEPEST = 100  # levels
_LARGEST = 1 << 53


class _Troubled(Struct):
    place: str
    failures: int
    spooled: int
    delivered: int
    last_error: str


class _Full(Struct):
    place: str
    used: int


class _Grown(Struct):
    test: str
    runs: int


class _Left(Struct):
    place: str
    unused: int


class _Recorded(Struct):
    place: str
    cassette: str
    store: str
    held: int
    unused: list[str]
    digest: str


def _check(report: Report) -> None:
    """Raises ValueError for what cannot be added up or written again, as no run has written it."""
    msgspec.convert(report.degraded, list[_Troubled])
    msgspec.convert(report.capacity, list[_Full])
    msgspec.convert(report.overflow, list[_Grown])
    msgspec.convert(report.unused, list[_Left])
    msgspec.convert(report.recordings, list[_Recorded])
    level: list[Any] = [msgspec.to_builtins(report)]
    for _ in range(_DEEPEST):
        below: list[Any] = []
        for one in level:
            if isinstance(one, dict | list):
                below += one.values() if isinstance(one, dict) else one
            elif isinstance(one, int) and abs(one) > _LARGEST:
                raise ValueError("it holds a number that is too large")
        level = below
    if level:
        raise ValueError("it is nested too deeply")


def read_report(path: Path) -> Report:
    """Raises `UsageError` where it is none, or of a later version."""
    try:
        report = msgspec.json.decode(read_regular(path), type=Report)
        _check(report)
    except OSError as error:
        raise UsageError(
            f"Cannot read {path}: {error.strerror or error}.", remedy="Name a report."
        ) from None
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{path} is no report: {error}.",
            remedy="Name a file that --onetake-report has written.",
        ) from None
    if report.onetake_report != VERSION:
        raise UsageError(
            f"{path} is a report of version {report.onetake_report}; {VERSION} is known.",
            remedy="Use the version of onetake that wrote it.",
        )
    return report


def merge(reports: Sequence[Report]) -> Report:
    """All counts add up; a test of several reports has its worst verdict.

    Orphans are those of all reports, and only where each was of the whole suite. Raises `UsageError` where
    a report is there twice.
    """
    runs = [run for report in reports for run in report.runs]
    if any(run in runs[:at] for at, run in enumerate(runs)):
        raise UsageError("A run is there twice.", remedy="Name each report once.")
    tests: dict[str, Test] = {}
    for test in (test for report in reports for test in report.tests):
        tests[test.test] = _joined(tests[test.test], test) if test.test in tests else test
    named = [tests[name] for name in sorted(tests)]
    is_whole = all(run.is_whole for run in runs)
    orphans = set.intersection(*(set(report.orphans) for report in reports)) if is_whole else set()
    return Report(
        onetake_report=VERSION,
        runs=runs,
        totals=_totals(reports, named),
        tests=named,
        files=by_file(named),
        gates=[gate for report in reports for gate in report.gates],
        degraded=_by("place", (one for report in reports for one in report.degraded), _trouble),
        capacity=_by("place", (one for report in reports for one in report.capacity), _fuller),
        overflow=_by("test", (one for report in reports for one in report.overflow), _later),
        unused=_by("place", (one for report in reports for one in report.unused), _fewer),
        orphans=sorted(orphans),
        recordings=_by("place", (one for report in reports for one in report.recordings), _used),
    )


def _joined(one: Test, other: Test) -> Test:
    return Test(
        test=one.test,
        verdict=min(one.verdict, other.verdict, key=_rank),
        is_fixture=one.is_fixture or other.is_fixture,
        cassette=one.cassette or other.cassette,
        counts=added(one.counts, other.counts),
        hosts=added(one.hosts, other.hosts),
        egress=added(one.egress, other.egress),
        refused_egress=added(one.refused_egress, other.refused_egress),
        events=[*one.events, *other.events],
        warnings=[*one.warnings, *other.warnings],
        error=one.error or other.error,
        skipped=one.skipped or other.skipped,
        dollars=total_of([one.dollars, other.dollars]),
        calls=[*one.calls, *other.calls],
    )


def _rank(verdict: str) -> int:
    return VERDICTS.index(verdict) if verdict in VERDICTS else len(VERDICTS)


def _totals(reports: Sequence[Report], tests: Sequence[Test]) -> Totals:
    totals = Totals(tests=len(tests), dollars=total_of([one.dollars for one in tests]))
    for one in (report.totals for report in reports):
        totals.calls = added(totals.calls, one.calls)
        totals.loose = added(totals.loose, one.loose)
        totals.local = added(totals.local, one.local)
        totals.egress = added(totals.egress, one.egress)
        totals.refused_egress = added(totals.refused_egress, one.refused_egress)
        totals.skipped = added(totals.skipped, one.skipped)
        totals.tokens = added(totals.tokens, one.tokens)
        totals.saved_tokens = added(totals.saved_tokens, one.saved_tokens)
        totals.paid += one.paid
        totals.unmarked += one.unmarked
    for test in sorted(tests, key=lambda test: _rank(test.verdict)):
        totals.verdicts[test.verdict] = totals.verdicts.get(test.verdict, 0) + 1
    return totals


_Entry = dict[str, Any]


def _by(
    key: str, entries: Iterable[_Entry], join: Callable[[_Entry, _Entry], _Entry]
) -> list[_Entry]:
    found: dict[str, _Entry] = {}
    for one in entries:
        name = one[key]
        found[name] = join(found[name], one) if name in found else one
    return [found[name] for name in sorted(found)]


def _trouble(one: _Entry, other: _Entry) -> _Entry:
    sums = {name: one[name] + other[name] for name in ("failures", "spooled", "delivered")}
    return one | sums | {"last_error": other["last_error"] or one["last_error"]}


def _fuller(one: _Entry, other: _Entry) -> _Entry:
    return max(one, other, key=lambda entry: int(entry["used"]))


def _later(one: _Entry, other: _Entry) -> _Entry:
    return max(one, other, key=lambda entry: int(entry["runs"]))


def _fewer(one: _Entry, other: _Entry) -> _Entry:
    return min(one, other, key=lambda entry: int(entry["unused"]))


def _used(one: _Entry, other: _Entry) -> _Entry:
    return one | {
        "held": max(one["held"], other["held"]),
        "unused": [name for name in one["unused"] if name in set(other["unused"])],
        "digest": same_digest(one["digest"], other["digest"]),
    }

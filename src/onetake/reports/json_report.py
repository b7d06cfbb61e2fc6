"""A run as a JSON document for other programs: the schema is `docs/report.md`, its version `VERSION`.

What accounts hold is redacted already, and nothing else is told.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from onetake.errors import StoreError
from onetake.reports.accounts import VERDICTS, Reason, Summary
from onetake.reports.dollars import Dollars
from onetake.reports.spending import PriceOf, total_of
from onetake.runtime.secrets import safe_bytes
from onetake.spend import Usage
from onetake.stores.placing import put_in_place
from onetake.stores.within import below

VERSION = 1


def _unpriced(_: Usage) -> None:
    return None


class Test(Struct, kw_only=True):
    """A test, or a fixture wider than function; `counts` and the rest are those of all its attempts.

    `calls` are `recorder.Call` as plain data, with the `dollars` of those whose price is known.
    """

    test: str
    verdict: str = "NO_TRAFFIC"
    is_fixture: bool = False
    cassette: str = ""
    counts: dict[str, int] = {}
    hosts: dict[str, int] = {}
    egress: dict[str, int] = {}
    refused_egress: dict[str, int] = {}
    events: list[dict[str, Any]] = []
    warnings: list[str] = []
    error: str = ""
    skipped: str = ""
    dollars: Dollars = field(default_factory=Dollars)
    calls: list[dict[str, Any]] = []


class Totals(Struct, kw_only=True):
    """`verdicts` of tests, `calls` by outcome; `paid` is what went live."""

    tests: int = 0
    verdicts: dict[str, int] = {}
    calls: dict[str, int] = {}
    paid: int = 0
    unmarked: int = 0
    loose: dict[str, int] = {}
    local: dict[str, int] = {}
    egress: dict[str, int] = {}
    refused_egress: dict[str, int] = {}
    skipped: dict[str, int] = {}
    dollars: Dollars = field(default_factory=Dollars)
    tokens: dict[str, int] = {}
    saved_tokens: dict[str, int] = {}


class Limit(Struct, kw_only=True):
    """What became of `max_spend`, in US dollars; `unpriced` counts calls by model, else host."""

    limit: float
    spent: float
    reserved: float
    over: float
    refused: int
    unpriced: dict[str, int]


class Run(Struct, kw_only=True):
    """What is known of a run beside its tests; `started` in UTC as ISO 8601."""

    id: str
    onetake: str
    mode: str
    mode_reason: str
    store: str
    started: str
    seconds: float
    exit_code: int
    is_whole: bool = False
    spend: Limit | None = None


class Report(Struct, kw_only=True):
    """The document."""

    onetake_report: int
    runs: list[Run]
    totals: Totals
    tests: list[Test] = []
    files: dict[str, Dollars] = {}
    gates: list[Reason] = []
    degraded: list[dict[str, Any]] = []
    capacity: list[dict[str, Any]] = []
    overflow: list[dict[str, Any]] = []
    unused: list[dict[str, Any]] = []
    orphans: list[str] = []
    recordings: list[dict[str, Any]] = []


def report_of(summary: Summary, run: Run, root: Path, price_of: PriceOf = _unpriced) -> Report:
    """The report of a run that is over; tests in the order of their names, files relative to `root`."""
    tests = _tests(summary, root, price_of)
    return Report(
        onetake_report=VERSION,
        runs=[run],
        totals=_totals(tests, summary),
        tests=tests,
        files=by_file(tests),
        gates=summary.failed,
        degraded=[
            {"place": place, **counts, "last_error": summary.last_errors.get(place, "")}
            for place, counts in sorted(summary.degraded.items())
        ],
        capacity=[
            {"place": place, "used": used, "limit": limit}
            for place, (used, limit) in sorted(summary.capacity.items())
        ],
        overflow=[{"test": test, **growth} for test, growth in sorted(summary.growth.items())],
        unused=[
            {"place": place, "unused": unused, "held": held}
            for place, (unused, held) in sorted(summary.unused.items())
        ],
        orphans=sorted(summary.orphans),
        recordings=sorted(summary.recordings, key=lambda one: str(one["place"])),
    )


def limit_of(summary: Summary) -> Limit | None:
    """What became of the limit; None where the run had none."""
    balance, limit = summary.balance, summary.max_spend
    if balance is None or limit is None:
        return None
    return Limit(
        limit=limit,
        spent=balance.usd,
        reserved=balance.reserved,
        over=balance.over(limit),
        refused=balance.refused,
        unpriced=dict(sorted(balance.unpriced.items())),
    )


def by_file(tests: Sequence[Test]) -> dict[str, Dollars]:
    """What the tests of each file cost, where any cost or saved something."""
    files: dict[str, list[Dollars]] = {}
    for test in tests:
        if not test.dollars.is_empty:
            files.setdefault(test.test.partition("::")[0], []).append(test.dollars)
    return {name: total_of(files[name]) for name in sorted(files)}


def _tests(summary: Summary, root: Path, price_of: PriceOf) -> list[Test]:
    tests: dict[str, Test] = {}
    for account in summary.accounts:
        one = tests.setdefault(account.test, Test(test=account.test))
        if not account.is_part:
            one.verdict, one.is_fixture = account.verdict, account.is_fixture
            one.cassette, one.error = relative(account.place, root), account.error
            one.skipped = account.skipped
        one.counts = added(one.counts, account.counts)
        one.hosts = added(one.hosts, account.hosts)
        one.egress = added(one.egress, account.egress)
        one.refused_egress = added(one.refused_egress, account.refused_egress)
        one.events = [*one.events, *account.events]
        one.warnings = [*one.warnings, *account.warnings]
        one.calls = [*one.calls, *(_priced(call, price_of) for call in account.ledger)]
    spending = summary.spending
    for name, dollars in spending.tests.items() if spending is not None else ():
        tests[name].dollars = dollars
    return [tests[name] for name in sorted(tests)]


def _priced(call: dict[str, Any], price_of: PriceOf) -> dict[str, Any]:
    used = call.get("usage")
    dollars = None if used is None else price_of(msgspec.convert(used, Usage))
    return call if dollars is None else call | {"dollars": dollars}


def relative(place: str, root: Path) -> str:
    """Return a cassette's file from `root` on, if it is below it."""
    found = below(place, root)
    return place if found is None else found.replace(os.sep, "/")


def _totals(tests: list[Test], summary: Summary) -> Totals:
    verdicts = Counter(one.verdict for one in tests)
    egress, refused = Counter[str](), Counter[str]()
    for one in tests:
        egress.update(one.egress)
        refused.update(one.refused_egress)
    spending = summary.spending
    return Totals(
        tests=len(tests),
        verdicts={verdict: verdicts[verdict] for verdict in VERDICTS if verdicts[verdict]},
        calls={name: count for name, count in sorted(summary.calls.items()) if count},
        paid=summary.paid,
        unmarked=summary.unmarked.total(),
        loose=added(summary.loose, {}),
        local=added(summary.local, {}),
        egress=added(egress, {}),
        refused_egress=added(refused, {}),
        skipped=added(summary.skipped, {}),
        dollars=spending.total if spending is not None else Dollars(),
        tokens=added(spending.tokens, {}) if spending is not None else {},
        saved_tokens=added(spending.saved_tokens, {}) if spending is not None else {},
    )


def added(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    """The sums by name, without those that are 0."""
    if not one and not other:
        return {}
    return dict(sorted((Counter(one) + Counter(other)).items()))


def to_json(report: Report) -> bytes:
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def write_report(report: Report, path: Path) -> None:
    """Put it in the file's place, whole or not at all. Raises `StoreError`."""
    try:
        put_in_place(path, safe_bytes(to_json(report)))
    except OSError as error:
        raise StoreError(
            f"Cannot write the report {path}: {error.strerror or error}.",
            remedy="Name a file in a folder that can be written.",
            path=str(path),
        ) from error

"""The last runs side by side: what each came to, and which tests cost most over all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from onetake.cassettes.tallies import RunTally, Tally, by_test, sum_of, tally_of
from onetake.reports.accounts import Account, Summary
from onetake.stores.names import file_safe, name_of_test
from onetake.stores.within import below

_BAR = 10
_SHOWN = 10


def tally_of_run(summary: Summary, run: str, at: float, root: Path) -> RunTally:
    """What the run `run` came to. `root` is the project's folder, from which names are told."""
    tests: dict[str, Tally] = {}
    grew: list[str] = []
    for account in summary.accounts:
        if not account.is_marked and not account.counts.get("live"):
            continue
        one = _tally_of(account, root)
        tests[account.test] = tests[account.test] + one if account.test in tests else one
        if account.growth is not None:
            grew.append(account.test)
    spending = summary.spending
    for test, dollars in spending.tests.items() if spending is not None else ():
        if test in tests:
            tests[test] = replace(
                tests[test],
                paid=dollars.paid,
                saved=dollars.saved,
                unpriced=sum(dollars.unpriced.values()),
                unpriced_saved=sum(dollars.unpriced_saved.values()),
            )
    return RunTally(run=run, at=at, grew=tuple(dict.fromkeys(grew)), tests=tests)


def _tally_of(account: Account, root: Path) -> Tally:
    """Without its dollars."""
    return tally_of(
        account.counts,
        cassette=_other_name(account, root),
        is_unmarked=not account.is_marked,
        is_cut=account.is_cut,
    )


def _other_name(account: Account, root: Path) -> str:
    """The cassette's name in a store, where it is not that of its test."""
    if not account.place or account.is_part:
        return ""
    name = account.place
    if os.path.isabs(name):
        bare = os.path.splitext(below(name, root) or name)[0]
        name = "/".join(part for part in bare.split(os.sep) if part != "cassettes")
    own = name_of_test(account.test)
    module, slash, test = own.rpartition("/")
    is_own = name in (own, f"{module}{slash}{file_safe(test)}")
    return "" if is_own else name


def cassette_of(test: str, tally: Tally) -> str:
    """The name in a store of the cassette of a test; that which it would have, where it has none."""
    return tally.cassette or name_of_test(test)


def to_data(runs: Sequence[RunTally]) -> dict[str, Any]:
    """The runs, the newest first, and the tests, the costliest first, for programs."""
    return {
        "runs": [
            {"run": run.run, "at": run.at, **_facts(run.sum), "grew": list(run.grew)}
            for run in reversed(runs)
        ],
        "tests": [
            {"test": test, "cassette": cassette_of(test, one), **_facts(one)}
            for test, one in costliest(runs)
        ],
    }


def _facts(tally: Tally) -> dict[str, Any]:
    rate = tally.hit_rate
    return {
        "calls": tally.calls,
        "replayed": tally.replayed,
        "recorded": tally.recorded,
        "live": tally.live,
        "missed": tally.missed,
        "hit_rate": None if rate is None else round(rate, 4),
        "paid_dollars": tally.paid,
        "saved_dollars": tally.saved,
        "paid_calls_of_unknown_price": tally.unpriced,
        "saved_calls_of_unknown_price": tally.unpriced_saved,
    }


def costliest(runs: Sequence[RunTally]) -> list[tuple[str, Tally]]:
    """Every test that made a call: the dearest first, then by calls that were paid for."""
    tests = [(test, one) for test, one in by_test(runs).items() if one.calls]
    return sorted(tests, key=lambda each: (-each[1].paid, -each[1].bought, each[0]))


def in_lines(
    runs: Sequence[RunTally], moments: Sequence[str], *, is_by_test: bool = False
) -> Iterator[str]:
    """At most 80 characters wide, the newest run first; `moments` are the times of `runs` as text."""
    from onetake.diagnosis import wrapped  # late: a run tells its tally, and nobody shows it

    if not runs:
        yield "No run is remembered yet: each run of tests adds one."
        return
    if not is_by_test:
        rows: list[tuple[str, ...]] = [("run", "calls", "replayed", "paid", "saved", "grew")]
        for run, moment in reversed(list(zip(runs, moments, strict=True))):
            one = run.sum
            rows.append(
                (
                    moment,
                    str(one.calls),
                    bar(one.hit_rate),
                    to_paid(one),
                    to_saved(one),
                    str(len(run.grew) or "-"),
                )
            )
        yield from _columns(rows)
        yield from wrapped(_in_all(runs), rest="  ")
        yield ""
    tests = costliest(runs)
    shown = tests if is_by_test else [each for each in tests if each[1].bought][:_SHOWN]
    if not shown:
        yield "No test made a call that was paid for." if not is_by_test else "No test made a call."
        return
    count = len(runs)
    over = "the last run" if count == 1 else f"the last {count} runs"
    yield f"{'By test' if is_by_test else 'What cost most'}, over {over}:"
    rows = [
        ("calls", "replayed", "paid", "saved"),
        *((str(one.calls), bar(one.hit_rate), to_paid(one), to_saved(one)) for _, one in shown),
    ]
    lines = list(_columns(rows, indent="    "))
    yield lines[0]
    for (test, one), line in zip(shown, lines[1:], strict=True):
        yield f"  {_within(test, 62)}{'  (no cassette)' if one.is_unmarked else ''}"
        yield line
    more = sum(1 for _, one in tests if one.bought) - len(shown)
    if not is_by_test and more > 0:
        yield f"  and {more} more: --by test"


def _in_all(runs: Sequence[RunTally]) -> str:
    one = sum_of(run.sum for run in runs)
    return (
        f"in all: {one.calls} calls, {to_percent(one.hit_rate)} replayed, "
        f"paid {in_words(one.paid, one.unpriced)}, saved {in_words(one.saved, one.unpriced_saved)}"
    )


def _columns(rows: Sequence[tuple[str, ...]], indent: str = "  ") -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            text.ljust(width) if place == 0 and len(row) > 4 else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield (indent + "  ".join(cells)).rstrip()


def bar(rate: float | None) -> str:
    """`########..  81 %`."""
    if rate is None:
        return f"{'':{_BAR}}    -  "
    full = min(int(rate * _BAR + 0.5), _BAR)
    if 0 < rate < 1:
        full = min(max(full, 1), _BAR - 1)
    return f"{'#' * full}{'.' * (_BAR - full)} {to_percent(rate):>5}"


def to_percent(rate: float | None) -> str:
    """100 only where it is all, 0 only where it is none."""
    if rate is None:
        return "-"
    percent = round(100 * rate)
    if 0 < rate < 1:
        percent = min(max(percent, 1), 99)
    return f"{percent} %"


def to_paid(tally: Tally) -> str:
    return with_unknown(tally.paid, tally.unpriced)


def to_saved(tally: Tally) -> str:
    return with_unknown(tally.saved, tally.unpriced_saved)


def in_words(dollars: float, unknown: int) -> str:
    """`$0.42 (and 3 calls of unknown price)`."""
    from onetake.spend import in_dollars

    if not unknown:
        return in_dollars(dollars)
    calls = "1 call" if unknown == 1 else f"{unknown} calls"
    return (
        f"{in_dollars(dollars)} (and {calls} of unknown price)"
        if dollars
        else f"{calls} of unknown price"
    )


def with_unknown(dollars: float, unknown: int) -> str:
    """`$0.0123 + 3?`: dollars, and how many calls have an unknown price beside them."""
    from onetake.spend import in_dollars

    if not unknown:
        return in_dollars(dollars)
    return f"{in_dollars(dollars)} + {unknown}?" if dollars else f"{unknown}?"


def _within(text: str, width: int) -> str:
    return text if len(text) <= width else f"...{text[3 - width :]}"

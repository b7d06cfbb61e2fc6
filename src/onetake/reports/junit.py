"""The account of a test as properties of its case in a JUnit file: names and texts."""

from __future__ import annotations

from collections.abc import Iterator

from onetake.reports.accounts import COUNTS, Account
from onetake.reports.spending import PriceOf, spending_of


def properties_of(account: Account, place: str, price_of: PriceOf) -> list[tuple[str, str]]:
    """`onetake.verdict`, the counts that are not 0, dollars where prices are known, cassette and hosts.

    `place` is the cassette as it is to be called. A test without a cassette that made no call has none.
    """
    if account.verdict == "UNMARKED:NO_TRAFFIC" and not account.egress:
        return []
    return [(f"onetake.{name}", text) for name, text in _properties(account, place, price_of)]


def _properties(account: Account, place: str, price_of: PriceOf) -> Iterator[tuple[str, str]]:
    yield "verdict", account.verdict
    for name in COUNTS:
        if account.counts.get(name):
            yield name, str(account.counts[name])
    dollars = spending_of([account], lambda *_: False, price_of).total
    known = {"saved": dollars.saved, "recorded": dollars.recorded, "leaked": dollars.live}
    for name, sum_of in known.items():
        if sum_of:
            yield f"dollars.{name}", f"{sum_of:.6f}"
    if unpriced := sum(dollars.unpriced.values()) + sum(dollars.unpriced_saved.values()):
        yield "unpriced", str(unpriced)
    if place:
        yield "cassette", place
    if account.hosts:
        yield "hosts", ", ".join(sorted(account.hosts))
    if account.egress:
        yield "egress", ", ".join(sorted(account.egress))

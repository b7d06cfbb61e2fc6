"""The account of a test as properties of its case in a JUnit file: names and texts."""

from __future__ import annotations

from collections.abc import Iterator

from onetake.reports.accounts import COUNTS, Account

_DOLLARS = {"replayed": "saved", "recorded": "recorded", "live": "leaked"}


def properties_of(account: Account, place: str) -> list[tuple[str, str]]:
    """`onetake.verdict`, the counts that are not 0, dollars where prices are known, cassette and hosts.

    `place` is the cassette as it is to be called. A test without a cassette that made no call has none.
    """
    if account.verdict == "UNMARKED:NO_TRAFFIC" and not account.egress:
        return []
    return [(f"onetake.{name}", text) for name, text in _properties(account, place)]


def _properties(account: Account, place: str) -> Iterator[tuple[str, str]]:
    yield "verdict", account.verdict
    for name in COUNTS:
        if account.counts.get(name):
            yield name, str(account.counts[name])
    for outcome, name in _DOLLARS.items():
        if outcome in account.dollars:
            yield f"dollars.{name}", f"{account.dollars[outcome]:.6f}"
    if account.unpriced:
        yield "unpriced", str(sum(account.unpriced.values()))
    if place:
        yield "cassette", place
    if account.hosts:
        yield "hosts", ", ".join(sorted(account.hosts))
    if account.egress:
        yield "egress", ", ".join(sorted(account.egress))

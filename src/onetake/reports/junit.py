"""The account of a test as properties of its case in a JUnit file: names and texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from onetake.reports.accounts import COUNTS, Account


def properties_of(account: Account, place: str) -> list[tuple[str, str]]:
    """`onetake.verdict`, the counts and tokens that are not 0, cassette and hosts.

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
    # Dollars are known at the end of a run only.
    tokens: Counter[str] = Counter()
    for one in account.spent:
        used = one.get("usage") or {}
        kind = "saved" if one["outcome"] == "replayed" else "paid"
        tokens[kind] += (used.get("input_tokens", 0) + used.get("output_tokens", 0)) * one.get(
            "calls", 1
        )
    for kind, count in sorted((+tokens).items()):
        yield f"tokens.{kind}", str(count)
    if place:
        yield "cassette", place
    if account.hosts:
        yield "hosts", ", ".join(sorted(account.hosts))
    if account.egress:
        yield "egress", ", ".join(sorted(account.egress))

"""Accounts of what tests connected to past onetake."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from onetake.pytest_plugin.accounting import of_cassette
from onetake.reports.accounts import Account

if TYPE_CHECKING:
    from onetake.recorder import Cassette
    from onetake.runtime.connections import Egress


def with_egress(
    account: Account | None, egress: Egress, test: str, *, is_marked: bool
) -> Account | None:
    """`account` and the connections of its scope; one of its own where it made no call but connections."""
    if not (egress.hosts or egress.refused):
        return account
    if account is None:
        account = _of(test, Counter(refused=len(egress.refused)), is_marked=is_marked)
    elif not account.is_marked and egress.refused:
        counts = {**account.counts, "refused": len(egress.refused)}
        account = replace(account, counts=counts)
    return replace(
        account,
        egress=dict(Counter(egress.hosts)),
        refused_egress=dict(Counter(egress.refused)),
    )


def of_cassette_inside(test: str, cassette: Cassette, *, with_calls: bool) -> Account:
    """Of a cassette that code of `test` has opened by itself."""
    account = with_egress(
        of_cassette(test, cassette, with_calls=with_calls),
        cassette.opening.egress,
        test,
        is_marked=True,
    )
    assert account is not None
    return account


def of_late_egress(test: str, host: str, *, is_marked: bool, is_refused: bool) -> Account:
    """Of a connection of `test` that was made, or refused, after its end."""
    account = _of(test, Counter(refused=int(is_refused)), is_marked=is_marked)
    how = "refused" if is_refused else "not handled by onetake"
    return replace(
        account,
        is_fixture=False,
        is_late=True,
        warnings=(f"connected after its end: to {host} ({how})",),
        **{"refused_egress" if is_refused else "egress": {host: 1}},
    )


def _of(test: str, counts: Counter[str], *, is_marked: bool) -> Account:
    """Of a wider fixture or the session, that had no account."""
    idle = "NO_TRAFFIC" if is_marked else "UNMARKED:NO_TRAFFIC"
    verdict = "MISS" if is_marked and counts["refused"] else idle
    return Account(test=test, verdict=verdict, counts=dict(+counts), is_fixture=True)

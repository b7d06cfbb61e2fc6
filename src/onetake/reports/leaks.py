"""Which live calls nobody intended: a leak is one that fills no new cassette.

That is one that was let through, of a test without a cassette, or recorded although the cassette kept
nothing of it, or had recordings before this run (mode `record` asks for that, and holds none to begin
with). A connection past onetake to the host of a known provider is one too: that to any other may cost or
not (gate `egress`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from onetake.config import Settings, hosts
from onetake.reports.accounts import Account


def new_cassettes(accounts: Iterable[Account]) -> set[tuple[str, str]]:
    """Those that were empty: tests may share one, and run again, so the first to open it tells."""
    return {(one.folder, one.place) for one in accounts if one.place and not one.held}


def leaks(accounts: Sequence[Account], settings: Settings) -> Counter[str]:
    """Leaking calls by test; not those of tests without a cassette to hosts that are allowed."""
    new = new_cassettes(accounts)
    found: Counter[str] = Counter()
    for one in accounts:
        found[one.test] += one.counts.get("live", 0) + sum(paid_egress(one).values())
        found[one.test] -= one.counts.get("unsent", 0) if one.counts.get("live") else 0
        if not one.is_marked:
            found[one.test] -= sum(
                count for host, count in one.hosts.items() if is_allowed(host, settings)
            )
        elif fills_no_new(one, new):
            found[one.test] += one.counts.get("recorded", 0)
    return +found


def by_test(accounts: Sequence[Account], counts: Counter[str]) -> dict[str, str]:
    """For each test of `counts`, the most first: `test: 2 to api.example`."""
    hosts: dict[str, set[str]] = {}
    for one in accounts:
        hosts.setdefault(one.test, set()).update(one.hosts, paid_egress(one))
    return {
        test: f"{test}: {count} to {', '.join(sorted(hosts[test])) or 'a host that is not known'}"
        for test, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    }


def is_leak(
    account: Account, outcome: str, host: str, new: set[tuple[str, str]], settings: Settings
) -> bool:
    """Whether one paid call of `account` is a leak."""
    if not account.is_marked:
        return not is_allowed(host, settings)
    return outcome == "live" or (outcome == "recorded" and fills_no_new(account, new))


def fills_no_new(account: Account, new: set[tuple[str, str]]) -> bool:
    """Whether what `account` recorded was not kept, or went into a cassette that had recordings."""
    if account.error:
        return True
    return bool(account.place) and (account.folder, account.place) not in new


def is_allowed(host: str, settings: Settings) -> bool:
    """Whether `allow_hosts` names the host, with or without its port."""
    return hosts.is_allowed(host, settings.allow_hosts)


def paid_egress(account: Account) -> dict[str, int]:
    """Connections past onetake to the hosts of providers that are known, by host."""
    if not account.egress:
        return {}
    from onetake.providers import provider_of  # late: hardly a test connects past onetake

    return {host: n for host, n in account.egress.items() if provider_of(host) is not None}

"""Whether a run fails for what was paid or left, although its tests passed: from a summary to reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from onetake.config import Settings
from onetake.reports.accounts import Account, Reason, Summary
from onetake.reports.leaks import by_test, leaks
from onetake.reports.terminal import of_noun, told


def judge(
    summary: Summary, settings: Settings, *, ci: bool, is_in_use: bool = False
) -> list[Reason]:
    """Every reason for which the run fails.

    Where nothing is said of `fail_on`, mode `record` may not record nothing; and where `ci`, tests without
    a cassette may not go live and cassettes may not grow, but a run without a cassette, and
    without a setting (`is_in_use`), does not use onetake.
    """
    reasons: list[Reason] = []
    if settings.max_live is not None and summary.paid > settings.max_live:
        text = f"{of_noun(summary.paid, 'call')} went live, and max_live is {settings.max_live}"
        named = by_test(summary.accounts, _live(summary.accounts))
        reasons.append(Reason(gate="max-live", text=text, where=tuple(named.values())))
    if (reason := _overspent(summary)) is not None:
        reasons.append(reason)
    if settings.fail_on is not None:
        found = (_failed(gate, summary, settings) for gate in settings.fail_on)
        return reasons + [one for one in found if one is not None]
    if (empty := _failed("empty", summary, settings)) is not None:
        text = f'{empty.text} (fail_on = "none" allows it)'
        reasons.append(Reason(gate=empty.gate, text=text, where=empty.where))
    is_in_use = is_in_use or any(account.is_marked for account in summary.accounts)
    if not ci or not is_in_use:
        return reasons
    unmarked = [account for account in summary.accounts if not account.is_marked]
    for one in (
        _leak(unmarked, settings, "of tests without a cassette"),
        _failed("overflow", summary, settings),
    ):
        if one is not None:
            allow = 'CI is set; fail_on = "none" allows it'
            if one.gate == "leak":
                allow += ", allow_hosts single hosts; or mark the test"
            text = f"{one.text} ({allow})"
            reasons.append(Reason(gate=one.gate, text=text, where=one.where))
    return reasons


def _overspent(summary: Summary) -> Reason | None:
    """Calls were refused for the limit, or more was spent than it."""
    balance, limit = summary.balance, summary.max_spend
    if balance is None or limit is None:
        return None
    over = balance.over(limit)
    if not balance.refused and not over:
        return None
    from onetake.spend import in_dollars  # late: few runs have a limit

    text = f"{in_dollars(balance.usd)} spent, and max_spend is {in_dollars(limit)}"
    if balance.refused:
        text += f": {of_noun(balance.refused, 'call')} refused"
    if over:
        text += f", {in_dollars(over)} above it"
    refused = list(_counted(summary.accounts, "refused"))
    unknown = [f"of unknown price: {name} x{n}" for name, n in balance.unpriced.items()]
    return Reason(gate="max-spend", text=text, where=(*refused, *unknown))


def _failed(gate: str, summary: Summary, settings: Settings) -> Reason | None:
    text, where = "", list[str]()
    match gate:
        case "leak":
            return _leak(summary.accounts, settings, "outside of new cassettes")
        case "overflow":
            where = [
                f"{test}: on {growth['runs']} runs running"
                for test, growth in sorted(summary.growth.items())
            ]
            text = f"{of_noun(len(where), 'cassette')} grew again"
        case "unused":
            where = [f"{place}: {n} of {held}" for place, (n, held) in summary.unused.items()]
            count = sum(unused for unused, _ in summary.unused.values())
            text = f"no test used {of_noun(count, 'recording')} (onetake prune --unused)"
        case "stale":
            where = list(_counted(summary.accounts, "stale"))
            text = f"{of_noun(summary.calls['stale'], 'answer')} replayed past the ttl"
        case "degraded":
            where = [
                f"{place}: {of_noun(counts['failures'], 'failure')}"
                for place, counts in summary.degraded.items()
                if counts["failures"]
            ]
            text = f"{of_noun(len(where), 'store')} did not answer"
        case "paid-twice":
            where = list(_counted(summary.accounts, "paid_twice"))
            text = f"{of_noun(summary.calls['paid_twice'], 'call')} paid twice"
        case "egress":
            egress = [(one.test, Counter(one.egress)) for one in summary.accounts if one.egress]
            where = [f"{test}: {told(hosts)}" for test, hosts in egress]
            count = sum(hosts.total() for _, hosts in egress)
            text = f"{of_noun(count, 'connection')} that onetake does not handle"
        case "empty":
            where = list(_empty(summary))
            text = f"{of_noun(len(where), 'test')} recorded nothing in mode record"
    return Reason(gate=gate, text=text, where=tuple(where)) if where else None


def _empty(summary: Summary) -> Iterator[str]:
    """Tests that were to be recorded and made no call for it; one that only a wider mark names may do so.

    But where nothing was recorded in the whole run, each is named.
    """
    recorded = Counter[str]()
    asked: dict[str, str] = {}
    for one in summary.accounts:
        recorded[one.test] += one.counts.get("recorded", 0)
        if not one.is_part:
            asked[one.test] = one.asked
    is_enough = ("test",) if recorded.total() else ("test", "run")
    return (test for test, by in sorted(asked.items()) if by in is_enough and not recorded[test])


def _leak(accounts: Sequence[Account], settings: Settings, which: str) -> Reason | None:
    found = leaks(accounts, settings)
    if not found:
        return None
    text = f"{of_noun(found.total(), 'live call')} {which}"
    return Reason(gate="leak", text=text, where=tuple(by_test(accounts, found).values()))


def _live(accounts: Sequence[Account]) -> Counter[str]:
    """Calls that went to the network, by test."""
    live: Counter[str] = Counter()
    for one in accounts:
        live[one.test] += one.counts.get("live", 0) - one.counts.get("unsent", 0)
        if one.is_marked:
            live[one.test] += one.counts.get("recorded", 0)
    return +live


def _counted(accounts: Sequence[Account], name: str) -> Iterator[str]:
    counts: Counter[str] = Counter()
    for one in accounts:
        counts[one.test] += one.counts.get(name, 0)
    for test, count in sorted((+counts).items()):
        yield f"{test}: {count}"

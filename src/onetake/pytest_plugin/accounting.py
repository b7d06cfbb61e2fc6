"""From what a scope has done to its account: plain data for the process that prints."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from onetake.cassettes.verdicts import verdict
from onetake.errors import OnetakeError
from onetake.messages import read_url
from onetake.pytest_plugin.unmarked import Unmarked
from onetake.reports.accounts import VERDICTS, Account
from onetake.stores.within import below

if TYPE_CHECKING:
    from onetake.recorder import Call, Cassette
    from onetake.stores.diary import Line

_LIVE = ("recorded", "live")
_OF_CHILD = "a forked process made calls"
_OF_DEAD = "the process died while it ran; its calls are those of its diary"


def of_unmarked(owner: Unmarked, *, with_calls: bool = False) -> Account:
    """Of a test or fixture without a cassette."""
    calls = owner.calls
    if not calls:
        return Account(test=owner.test, verdict=owner.verdict)
    return Account(
        test=owner.test,
        verdict=owner.verdict,
        number=owner.ledger.number,
        counts={name: count for name, count in owner.ledger.counts.items() if count},
        **_of_calls(calls, with_calls=with_calls),
    )


def of_cassette(test: str, cassette: Cassette, *, with_calls: bool = False) -> Account:
    """Of an opening that has ended."""
    opening = cassette.opening
    return Account(
        test=test,
        verdict="NOT_PERSISTED" if cassette.error and not cassette.misses else cassette.verdict,
        number=opening.ledger.number,
        counts=cassette.counts,
        place=str(cassette.path or cassette.name),
        folder=_folder(cassette),
        events=tuple(map(msgspec.to_builtins, opening.closing.events)),
        warnings=tuple(cassette.warnings),
        error=_in_one_line(cassette.error) if cassette.error is not None else "",
        degraded=_degraded(),
        growth=msgspec.to_builtins(opening.closing.growth),
        notes=_notes(cassette),
        held=len(opening.entries),
        **_of_calls(cassette.calls, with_calls=with_calls),
    )


def with_inner(account: Account, inner: Sequence[Account]) -> Account:
    """The account of a test that has opened cassettes by itself: its verdict is the worst of all."""
    verdicts = [one.verdict for one in inner]
    if account.is_marked:
        verdicts.append(account.verdict)
    elif account.counts.get("live"):
        verdicts.append("LIVE")
    return replace(account, verdict=min(verdicts, key=VERDICTS.index)) if inner else account


def of_late(test: str, call: Call, number: int, *, is_marked: bool = True) -> Account:
    """Of a request of `test` that was made after its end, in the account with this `number`."""
    outcome = f"{call.outcome}: {call.reason}" if call.reason else call.outcome
    idle, live = ("NO_TRAFFIC", "LIVE") if is_marked else ("UNMARKED:NO_TRAFFIC", "UNMARKED:LIVE")
    return Account(
        test=test,
        verdict=live if call.outcome == "live" else idle,
        number=number,
        counts={call.outcome: 1},
        warnings=(f"sent after its end: {call.method} {call.url} ({outcome})",),
        is_late=True,
        **_of_calls([call], with_calls=False),
    )


def of_diary(lines: Iterable[Line], told: set[int], *, is_child: bool) -> list[Account]:
    """Of a worker that died, or a forked child: what its diary says of accounts that it has not `told`."""
    from onetake.spend import Spent

    counts: dict[int, Counter[str]] = {}
    hosts: dict[int, Counter[str]] = {}
    spent: dict[int, list[dict[str, Any]]] = {}
    first: dict[int, Line] = {}
    for line in lines:
        if line.number in told:
            continue
        first.setdefault(line.number, line)
        counted = counts.setdefault(line.number, Counter())
        counted[line.outcome] += 1
        if line.was:
            counted[line.was] -= 1
        elif line.host and line.outcome in _LIVE:
            hosts.setdefault(line.number, Counter())[line.host] += 1
            paid = Spent(outcome=line.outcome, host=line.host)
            spent.setdefault(line.number, []).append(msgspec.to_builtins(paid))
    return [
        Account(
            test=one.test,
            verdict=_verdict_of(counts[number], is_marked=one.is_marked),
            number=number,
            counts=dict(+counts[number]),
            hosts=dict(hosts.get(number, {})),
            spent=tuple(spent.get(number, ())),
            is_fixture="::" not in one.test,
            is_late=is_child,
            warnings=(_OF_CHILD if is_child else _OF_DEAD,),
        )
        for number, one in first.items()
    ]


def _verdict_of(counts: Counter[str], *, is_marked: bool) -> str:
    if is_marked:
        return verdict(counts, persisted=False)
    return "UNMARKED:LIVE" if counts["live"] else "UNMARKED:NO_TRAFFIC"


def of_unopened(test: str, error: OnetakeError, *, is_fixture: bool) -> Account:
    """Of a wider fixture, or the session, whose cassette could not be opened: its calls were refused."""
    return Account(
        test=test,
        verdict="MISS",
        counts={"missed": 1},
        warnings=(_in_one_line(error),),
        is_fixture=is_fixture,
    )


def of_skipped(test: str, reason: str, line_number: int) -> Account:
    """Of a marked test that was skipped before its cassette opened."""
    return Account(
        test=test, verdict="NO_TRAFFIC", skipped=reason, line_number=line_number, is_cut=True
    )


def of_partial() -> Account:
    """Says that not all tests of the suite are run."""
    return Account(test="", verdict="NO_TRAFFIC", is_late=True, is_partial=True)


def of_closing() -> Account:
    """What is left to say of cassettes and stores once all that was recorded has reached them."""
    opening = sys.modules.get("onetake.stores.opening")
    settled = opening.settle() if opening else {}
    usage = sys.modules.get("onetake.recorder.usage")
    return Account(
        test="",
        verdict="NO_TRAFFIC",
        is_late=True,
        capacity={place: (one.used, one.limit) for place, one in settled.items()},
        degraded=_degraded(),
        usages=tuple(map(msgspec.to_builtins, usage.drain())) if usage else (),
    )


def _of_calls(calls: Sequence[Call], *, with_calls: bool) -> dict[str, Any]:
    """The fields of an account that are sums over calls."""
    if not calls:
        return {}
    from onetake.recorder.readings import spent

    return {
        "loose": dict(Counter(f"{one.path} ({one.kind})" for call in calls for one in call.loose)),
        "local": dict(Counter(f"{call.reason} {_host(call)}" for call in calls if _is_local(call))),
        "hosts": dict(Counter(_host(call) for call in calls if call.outcome in _LIVE)),
        "spent": tuple(map(msgspec.to_builtins, spent(calls))),
        "ledger": tuple(map(_to_data, calls)) if with_calls else (),
    }


def _is_local(call: Call) -> bool:
    return call.outcome == "local"


def _host(call: Call) -> str:
    return read_url(call.url).netloc


def _to_data(call: Call) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.to_builtins(call)
    return data | ({"tier": call.tier} if call.tier else {})


def _degraded() -> tuple[dict[str, Any], ...]:
    """What stores could not do since the last account."""
    opening = sys.modules.get("onetake.stores.opening")  # only where a test has used one
    return tuple(map(msgspec.to_builtins, opening.drain_trouble())) if opening else ()


def _notes(cassette: Cassette) -> dict[str, str]:
    held, most = cassette.opening.closing.held, cassette.opening.settings.max_interactions
    if held <= most:
        return {}
    place = _shown(cassette.path) if cassette.path is not None else cassette.place
    return {place: f"holds {held} recordings (max_interactions is {most})"}


def _in_one_line(error: OnetakeError) -> str:
    return " ".join(str(error).split("\n"))


def _folder(cassette: Cassette) -> str:
    """The folder that a reader looks into: the one that holds the modules' folders."""
    if cassette.folder is None:
        store, _, name = cassette.place.partition("#")
        return store if name else "memory:"
    return _shown(cassette.folder)


def _shown(path: Path) -> str:
    return below(path, os.getcwd()) or str(path)

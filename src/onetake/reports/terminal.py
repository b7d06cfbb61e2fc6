"""The summary as lines of text, each with its markup (`red`, `yellow`, `green` or none)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from onetake.reports.accounts import SESSION, Summary

Line = tuple[str, str]

_SHOWN = 10
_SHORT = 60  # characters
_NO_BREAK = "\xa0"
_NARROW = 80  # characters
_FULL_PERCENT = 85
_COLOURS = {
    "MISS": "red",
    "NOT_PERSISTED": "red",
    **dict.fromkeys(("LIVE", "OVERFLOW", "STALE", "UNMARKED:LIVE"), "yellow"),
}


# Beside the dot of a test, where each has no line of its own; what was replayed, or silent, has none.
LETTERS = {
    "MISS": "m",
    "NOT_PERSISTED": "n",
    "LIVE": "l",
    "OVERFLOW": "o",
    "STALE": "t",
    "PARTIAL": "p",
    "RECORDED": "r",
    "UNMARKED:LIVE": "u",
}


def colour_of(verdict: str) -> str:
    return _COLOURS.get(verdict, "green" if verdict == "HIT" else "")


def in_one_line(summary: Summary) -> Line:
    """The whole run for `-q`."""
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in summary.verdicts.items())
    text = f"onetake: {verdicts}; {_calls(summary)}"
    if summary.errors:
        text += f"; {summary.errors[0][1]}"
    text += "".join(f"; {one}" for one, _ in _of_stores(summary))
    for reason in summary.failed:
        text += f"; FAILED: {reason.text}"
        if reason.where:
            more = len(reason.where) - 1
            text += f": {reason.where[0]}{f' and {more} more' if more else ''}"
    return text, _worst(summary)


def in_full(summary: Summary, *, is_verbose: bool = False) -> Iterator[Line]:
    """The section at the end of a run; `is_verbose` names cassettes."""
    verdicts = "  ".join(
        f"{verdict}{_NO_BREAK}{count}" for verdict, count in summary.verdicts.items()
    )
    for line, colour in _wrapped(verdicts, _worst(summary)):
        yield line.replace(_NO_BREAK, " "), colour
    if shown := [verdict for verdict in LETTERS if verdict in summary.lettered]:
        yield from _wrapped(
            f"after the dots: {', '.join(f'{LETTERS[one]} {one}' for one in shown)}"
        )
    yield from _wrapped(_calls(summary))
    yield from _spending(summary)
    yield from _balance(summary)
    for text, colour in (*_of_stores(summary), *_growing(summary)):
        yield from _wrapped(text, colour)
    yield from _causes(summary)
    yield from _leaks(summary)
    if summary.loose:
        yield from _wrapped(f"equal but for volatile values: {told(summary.loose)}")
    if summary.local:
        yield from _wrapped(f"answered by onetake: {told(summary.local)}")
    yield from _egress(summary)
    if summary.ownerless:
        calls = ", ".join(f"{count} {name}" for name, count in summary.ownerless.items() if count)
        text = (
            f"ownerless: {calls}: made at import time or in a thread of no test; cassette {SESSION}"
        )
        yield from _wrapped(text, "red" if summary.ownerless["missed"] else "yellow")
    if summary.skipped:
        count = of_noun(summary.skipped.total(), "marked test")
        yield from _wrapped(f"skipped: {count}: {told(summary.skipped)}")
    yield from _listed("warning", _counted_once(summary.warnings), "yellow")
    yield from _listed("NOT_PERSISTED", summary.errors, "red")
    if summary.calls["quarantined"]:
        apart = of_noun(summary.calls["quarantined"], "answer")
        text = (
            f"quarantined: {apart} that no cassette has; the next run of these tests replays them"
        )
        yield from _wrapped(text, "yellow")
    for place, note in list(summary.notes.items())[:_SHOWN]:
        yield from _wrapped(f"note: {place} {note}")
    if len(summary.notes) > _SHOWN:
        yield f"note: and {of_noun(len(summary.notes) - _SHOWN, 'other cassette')}", ""
    yield from _unused(summary, is_verbose=is_verbose)
    if summary.folders:
        yield from _wrapped(f"recordings: {', '.join(sorted(summary.folders)[:_SHOWN])}")
    for reason in summary.failed:
        yield from _wrapped(f"FAILED: {reason.text}", "red")
        yield from ((f"  {one}", "") for one in reason.shown)


def _spending(summary: Summary) -> Iterator[Line]:
    """What was paid and saved, and of how many calls nobody knows the price."""
    if summary.spending is None or (total := summary.spending.total).is_empty:
        return
    from onetake.spend import in_dollars, is_installed

    parts: list[str] = []
    if total.paid or total.unpriced:
        parts.append(f"paid {in_dollars(total.paid)}" if total.paid else "paid an unknown sum")
        if total.leaked:
            parts[-1] += f" (leaked {in_dollars(total.leaked)})"
        parts[-1] += _unpriced(total.unpriced, "and" if total.paid else "for")
    if total.saved or total.unpriced_saved:
        parts.append(f"saved {in_dollars(total.saved)}" if total.saved else "saved an unknown sum")
        parts[-1] += _unpriced(total.unpriced_saved, "and" if total.saved else "for")
    if (total.unpriced or total.unpriced_saved) and not is_installed():
        parts.append("prices: pip install 'onetake[spend]'")
    yield from _wrapped(f"spend: {'; '.join(parts)}")


def _balance(summary: Summary) -> Iterator[Line]:
    """What of the run's limit is spent."""
    balance, limit = summary.balance, summary.max_spend
    if balance is None or limit is None:
        return
    from onetake.spend import in_dollars

    text = f"max_spend: {in_dollars(balance.usd)} of {in_dollars(limit)} spent"
    if balance.reserved:
        text += f", {in_dollars(balance.reserved)} of it reserved for calls that have not ended"
    if balance.unpriced:
        text += f"; of unknown price: {told(Counter(balance.unpriced))} (prices)"
    if balance.refused:
        text += f"; {of_noun(balance.refused, 'call')} refused"
    over = balance.over(limit)
    if over:
        text += f"; {in_dollars(over)} above the limit"
    yield from _wrapped(text, "red" if over or balance.refused else "")


def _unpriced(counts: dict[str, int], word: str) -> str:
    """`, and 3 calls of unknown price (my-model x3)`."""
    if not counts:
        return ""
    calls = of_noun(sum(counts.values()), "call")
    which = f"{calls} of unknown price" if word == "and" else calls
    return f"{',' if word == 'and' else ''} {word} {which} ({told(Counter(counts))})"


def _of_stores(summary: Summary) -> Iterator[Line]:
    """Stores that did not answer, have now got what was kept for them, or are nearly full."""
    for place, counts in summary.degraded.items():
        if counts["failures"]:
            text = (
                f"DEGRADED: {place}: {of_noun(counts['failures'], 'failure')}; "
                f"{of_noun(counts['spooled'], 'recording')} kept on this machine, "
                f"{counts['delivered']} delivered since; last error: {summary.last_errors[place]}"
            )
            if place in summary.capacity:
                text += f" {_used(*summary.capacity[place])}"
            yield text, "red"
        elif counts["delivered"]:
            yield f"delivered to {place}: {of_noun(counts['delivered'], 'recording')} of before", ""
    for place, (used, limit) in summary.capacity.items():
        if 100 * used >= _FULL_PERCENT * limit:
            text = f"NEARLY FULL: {place}: {_used(used, limit)} (remove cassettes, or give it more)"
            yield text, "yellow"


def _used(used: int, limit: int) -> str:
    """`87 % of 1.0 GB used`."""
    return f"{100 * used // limit} % of {_size(limit)} used"


def _size(number: float) -> str:
    """`512.0 MB`, where a kB has 1024 bytes as in a server's settings."""
    units = ["kB", "MB", "GB", "TB"]
    number /= 1024
    while number >= 1024 and len(units) > 1:
        number /= 1024
        units.pop(0)
    return f"{number:.1f} {units[0]}"


def _growing(summary: Summary) -> Iterator[Line]:
    """Cassettes to which each run adds, with the field that is never the same."""
    growing = list(summary.growth.items())
    for test, growth in growing[:_SHOWN]:
        text = f"OVERFLOW: {test}: grew on {growth['runs']} runs running"
        if growth["varies"]:
            text += f"; varies: {growth['varies']}"
        if growth["rule"]:  # a long one stands with its cause, to be pasted
            text += f"; rule: {growth['rule'] if len(growth['rule']) <= _SHORT else 'below'}"
        yield text, "yellow"
    if len(growing) > _SHOWN:
        yield f"OVERFLOW: and {of_noun(len(growing) - _SHOWN, 'other test')}", "yellow"


def _unused(summary: Summary, *, is_verbose: bool) -> Iterator[Line]:
    """Recordings that no test used, and cassettes that none opened."""
    if summary.unused:
        count = of_noun(sum(unused for unused, _ in summary.unused.values()), "recording")
        where = of_noun(len(summary.unused), "cassette")
        yield f"unused: {count} in {where} (onetake prune --unused)", ""
        if is_verbose:
            named = [f"{place}: {of[0]} of {of[1]}" for place, of in summary.unused.items()]
            yield from _names(named)
    if summary.orphans:
        count = of_noun(len(summary.orphans), "cassette")
        yield f"orphans: {count} that no test opened (onetake prune --orphans)", ""
        if is_verbose:
            yield from _names(summary.orphans)


def _names(names: list[str]) -> Iterator[Line]:
    for name in names[:_SHOWN]:
        yield f"  {name}", ""
    if len(names) > _SHOWN:
        yield f"  and {len(names) - _SHOWN} more", ""


def _causes(summary: Summary) -> Iterator[Line]:
    groups = summary.groups
    if not groups:
        return
    from onetake.diagnosis import to_lines

    for one in groups[:_SHOWN]:
        first, *rest = to_lines(one)
        yield first, "red" if one.outcome == "missed" else "yellow"
        for text in rest:
            yield text, ""
    if len(groups) > _SHOWN:
        yield f"and {of_noun(len(groups) - _SHOWN, 'other cause')}; see `onetake explain`", ""


def _egress(summary: Summary) -> Iterator[Line]:
    """Connections past onetake, by host, with the tests that made them."""
    counted = [(one.test, one.egress) for one in summary.accounts if one.egress]
    refused = [(one.test, one.refused_egress) for one in summary.accounts if one.refused_egress]
    for entries, kind, how, colour in (
        (counted, "egress", "that onetake does not handle", "yellow"),
        (refused, "refused", "to the network", "red"),
    ):
        if entries:
            hosts = sum((Counter(one) for _, one in entries), Counter[str]())
            tests = {
                host: list(dict.fromkeys(test for test, one in entries if host in one))
                for host in hosts
            }
            text = f"{kind}: {of_noun(hosts.total(), 'connection')} {how}: {told(hosts, tests)}"
            yield from _wrapped(text, colour)


def _wrapped(text: str, colour: str = "") -> Iterator[Line]:
    """In lines of a terminal's width; a word that is longer, such as the name of a test, is not broken."""
    if len(text) <= _NARROW:
        yield text, colour
        return
    from onetake.diagnosis import wrapped

    for line in wrapped(text, rest="  "):
        yield line, colour


def told(counts: Counter[str], tests: Mapping[str, Sequence[str]] = {}) -> str:
    """`api.test x2 (test_a.py::test_one)`: the most frequent, and whose they are where `tests` says it."""
    shown: list[str] = []
    for name, count in counts.most_common(_SHOWN):
        first, *more = tests.get(name) or [""]
        whose = f"{first} and {len(more)} more" if more else first
        shown.append(f"{name} x{count} ({whose})" if whose else f"{name} x{count}")
    if len(counts) > _SHOWN:
        shown.append(f"and {len(counts) - _SHOWN} more")
    return ", ".join(shown)


def _calls(summary: Summary) -> str:
    calls, unmarked = summary.calls, summary.unmarked.total()
    kinds = [("recorded", calls["recorded"]), ("let through", calls["live"])]
    kinds += [("unmarked", unmarked), ("never sent", calls["unsent"])]
    parts = ", ".join(f"{name} {count}" for name, count in kinds if count)
    text = f"paid calls: {summary.paid}" + (f" ({parts})" if parts else "")
    text += f"; replayed: {calls['replayed']}"
    if calls["loose"]:
        text += f" ({calls['loose']} loosely)"
    if calls["stale"]:
        text += f" ({calls['stale']} stale)"
    if calls["exchanged"]:
        text += f"; token requests sent: {calls['exchanged']}"
    if calls["missed"]:
        text += f"; missed: {calls['missed']}"
    if calls["paid_twice"]:
        text += f"; paid twice: {calls['paid_twice']}"
    return text


def _leaks(summary: Summary) -> Iterator[Line]:
    """The leak check: live calls that fill no new cassette, by test with their hosts."""
    if summary.leaks is None:
        return
    if not summary.leaks:
        yield "leaks: none", ""
        return
    from onetake.reports.leaks import by_test

    count = of_noun(summary.leaks.total(), "live call")
    verb = "fills" if summary.leaks.total() == 1 else "fill"
    yield f"leaks: {count} {verb} no new cassette", "yellow"
    named = by_test(summary.accounts, summary.leaks)
    for test, text in list(named.items())[:_SHOWN]:
        yield f"  {text}{', without a cassette: mark it' if test in summary.unmarked else ''}", ""
    if len(named) > _SHOWN:
        yield f"  and {of_noun(len(named) - _SHOWN, 'other test')}", ""


def _counted_once(entries: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [
        (test, f"{text} (x{count})" if count > 1 else text)
        for (test, text), count in Counter(entries).items()
    ]


def _listed(kind: str, entries: list[tuple[str, str]], colour: str) -> Iterator[Line]:
    for test, text in entries[:_SHOWN]:
        yield from _wrapped(f"{kind}: {test}: {text}", colour)
    if len(entries) > _SHOWN:
        yield f"{kind}: and {len(entries) - _SHOWN} more", colour


def of_noun(number: int, noun: str) -> str:
    """`1 answer`, `2 answers`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _worst(summary: Summary) -> str:
    colours = {colour_of(verdict) for verdict in summary.verdicts}
    if summary.errors or summary.last_errors or summary.failed:
        return "red"
    return next((colour for colour in ("red", "yellow", "green") if colour in colours), "")

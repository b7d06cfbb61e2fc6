"""`onetake explain`: why requests of the last run had no recording."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click

from onetake.care.workplace import Workplace
from onetake.cli.printing import echo, echo_json
from onetake.diagnosis import Event, group, one_line, render, to_lines
from onetake.errors import UsageError
from onetake.stores.runs import Run, last_run

_FEW = 2  # events that are shown in full without being asked for


@click.command()
@click.argument("pattern", required=False)
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
def explain(pattern: str | None, as_json: bool) -> None:
    """Why did this request not match? From the record of the last run.

    Without PATTERN, the causes with one remedy each; with a part of a test's name, of a cassette's or of
    a URL, each of its requests in full: what differs, and the rule that would have made it equal.
    """
    place = Workplace()
    run = last_run(place.cache)
    if run is None:
        echo(
            "[]"
            if as_json
            else "Nothing is on record: no run here had a miss, or paid for a call again."
        )
        return
    events = [one for one in run.events if pattern is None or _fits(one, pattern)]
    if pattern is not None and run.events and not events:
        known = dict.fromkeys(one.test for one in run.events)
        raise UsageError(
            f"Nothing in the last run fits {pattern!r}.", remedy=f"It has: {', '.join(known)}."
        )
    if as_json:
        groups = group(events)
        data = {"run": run.head, "groups": groups, "events": events}
        echo_json(data)
        return
    echo(_headline(run))
    if pattern is not None or 0 < len(events) <= _FEW:
        _in_full(events)
        return
    for one in group(events):
        echo()
        for line in to_lines(one):
            echo(line)
    if events:
        echo("\nEach request in full: onetake explain TEST (or a part of its name, or a URL)")


def _fits(event: Event, pattern: str) -> bool:
    return any(pattern in text for text in (event.test, event.cassette, event.miss.request_line))


def _headline(run: Run) -> str:
    moment = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(run.head.at))
    missed = sum(one.count for one in run.events if one.outcome == "missed")
    paid = sum(one.count for one in run.events if one.outcome == "recorded")
    if not run.events:
        return (
            f"Last run ({run.head.command}, {moment}): every request that was recorded was found."
        )
    misses = "1 miss" if missed == 1 else f"{missed} misses"
    return f"Last run ({run.head.command}, {moment}): {misses}, {paid} paid again."


def _in_full(events: Sequence[Event]) -> None:
    for one in events:
        echo(f"\n{one_line(one.test)}")
        if one.miss.request_line:
            echo(render(one.miss, one.cassette, one.mode, verbose=True))
        else:
            echo(f"{one.count}: {one.miss.cause}. {one.miss.advice}")

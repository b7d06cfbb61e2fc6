"""What a command would take away: shown, and taken away when that is asked for."""

from __future__ import annotations

from collections.abc import Sequence

from onetake.care.removal import Removal
from onetake.care.selection import recording_to_data
from onetake.cli.printing import echo, fitted, progress, to_age, to_size, to_status, warn
from onetake.diagnosis import one_line
from onetake.errors import OnetakeError
from onetake.reports.terminal import of_noun
from onetake.stores.shelf import Shelf

_MOST_SHOWN = 20


def count(removals: Sequence[Removal]) -> str:
    """`3 interactions of 2 cassettes, 1.2 kB`."""
    recordings = [one for removal in removals for one in removal.recordings]
    return (
        f"{of_noun(len(recordings), 'interaction')} of {of_noun(len(removals), 'cassette')}, "
        f"{to_size(sum(one.size for one in recordings))}"
    )


def show(removals: Sequence[Removal], now_s: float) -> None:
    """Each interaction that goes, the first of them in full."""
    room = _MOST_SHOWN
    for removal in removals:
        if not room:
            break
        held = len(removal.cassette.held)
        part = "all" if len(removal.gone) == held else f"{len(removal.gone)} of {held}"
        echo(f"  {one_line(removal.cassette.name)}: {part}")
        for number, one, reason in removal.gone[:room]:
            outcome = one.stored.outcome
            method, url = one.stored.line or ("?", "?")
            age = f"{to_age(outcome.at, now_s)} old"
            facts = ", ".join(filter(None, (to_status(outcome), age, reason)))
            line = fitted(one_line(f"{method} {url}"), 70 - len(facts))
            echo(f"  {number:4}  {line}  {facts}")
        room -= min(room, len(removal.gone))
    more = sum(len(one.gone) for one in removals) - _MOST_SHOWN
    if more > 0:
        echo(f"  and {more} more (--json has them all)")


def perform(shelf: Shelf, removals: Sequence[Removal], *, quiet: bool, hint: str = "") -> int:
    """Take it away: how many were still there. What an interruption leaves is said, and `hint` after it."""
    done, number = 0, 0
    try:
        for removal in progress(quiet=quiet)(iter(removals), len(removals), "Removing"):
            done += shelf.remove(removal.cassette.name, removal.recordings)
            number += 1
    except (OnetakeError, KeyboardInterrupt):
        left = removals[number:]
        names = ", ".join(one.cassette.name for one in left[:5]) + ", ..." * (len(left) > 5)
        warn(f"Interrupted: {of_noun(done, 'interaction')} removed; left: {count(left)}: {names}.")
        if hint:
            warn(hint)
        raise
    return done


def to_data(removals: Sequence[Removal]) -> list[dict[str, object]]:
    """Return everything that goes, for `--json`."""
    return [
        {"cassette": removal.cassette.name, "bytes": one.size, "reason": reason}
        | recording_to_data(number, one)
        for removal in removals
        for number, one, reason in removal.gone
    ]

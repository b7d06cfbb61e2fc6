"""`onetake ls`: the cassettes of a store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import click

from onetake.care.selection import Found, Selection, host_of, search
from onetake.care.workplace import Workplace
from onetake.cli.options import with_selection
from onetake.cli.printing import beside, echo, echo_json, left_out, progress, to_ages, to_size, warn
from onetake.config import named_store
from onetake.diagnosis import one_line
from onetake.reports.terminal import of_noun

_NAME_AT = 28  # the column of a cassette's name


@click.command()
@with_selection()
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
def ls(place: Workplace, selection: Selection, *, as_json: bool) -> None:
    """List cassettes with what they hold: number of interactions, size, age (newest-oldest), hosts.

    PATTERN is a part of a cassette's name, a glob (`tests/*`), or the id of a test, a class or a module.
    With a filter, only the interactions that it leaves are counted. Exit code 1 where something could
    not be read.
    """
    problems: list[str] = []
    found = list(search(place.shelf, selection, problems, progress(quiet=as_json)))
    store = named_store(place.settings.store)
    waiting = sum(place.shelf.waiting().values())
    if as_json:
        listed = [_to_data(one) for one in found]
        echo_json({"store": store, "cassettes": listed, "waiting": waiting, "unreadable": problems})
        click.get_current_context().exit(1 if problems else 0)
    if found:
        echo("   n       size  age         cassette", dim=True)
    for one in found:
        echo(_line(one, selection.now_s))
    left_out(problems)
    if waiting:
        warn(f"Waiting here until {store} answers: {of_noun(waiting, 'recording')}.")
    number = sum(len(one.chosen) for one in found)
    size = sum(kept.size for one in found for kept in one.chosen)
    echo(
        f"{of_noun(len(found), 'cassette')}, {of_noun(number, 'interaction')}, {to_size(size)} "
        f"in {one_line(store)}"
    )
    click.get_current_context().exit(1 if problems else 0)


def _line(one: Found, now_s: float) -> str:
    size = to_size(sum(kept.size for kept in one.chosen))
    age = to_ages(_moments(one), now_s)
    line = f"{len(one.chosen):4}  {size:>9}  {age:<10}  {one_line(one.name)}"
    return beside(line, one_line(", ".join(_hosts(one)) or "-"), _NAME_AT)


def _moments(one: Found) -> Sequence[float]:
    return [kept.stored.at for kept in one.chosen]


def _hosts(one: Found) -> dict[str, int]:
    return dict(Counter(host_of(kept) for kept in one.chosen).most_common())


def _to_data(one: Found) -> dict[str, object]:
    known = [at for at in _moments(one) if at]
    return {
        "name": one.name,
        "place": one.where,
        "interactions": len(one.chosen),
        "bytes": sum(kept.size for kept in one.chosen),
        "newest_at": max(known, default=None),
        "oldest_at": min(known, default=None),
        "hosts": _hosts(one),
    }

"""`onetake stats`: what a store holds in all."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import click
from msgspec import Struct
from msgspec.structs import replace

from onetake.care.expiry import expiry_of
from onetake.care.selection import Found, Selection, host_of, search
from onetake.care.side_by_side import Showing
from onetake.care.workplace import Workplace
from onetake.cassettes.tallies import RunTally, Tally
from onetake.cli.options import with_selection
from onetake.cli.printing import echo, echo_json, left_out, progress, to_ages, to_size
from onetake.config import named_store
from onetake.diagnosis import one_line, wrapped
from onetake.formats.blobs import blobs_named
from onetake.reports.run_history import cassette_of, in_lines, to_data
from onetake.reports.terminal import of_noun
from onetake.stores.folders import FolderShelf
from onetake.stores.journal import all_apart
from onetake.stores.port import Capacity
from onetake.stores.tallies import recall

_MOST_SHOWN = 8
_RUNS = 10


class _Totals(Struct, frozen=True):
    store: str
    cassettes: int
    interactions: int
    bytes: int
    blobs: int
    blob_bytes: int | None  # where the store tells
    hosts: dict[str, int]
    statuses: dict[str, int]
    newest_at: float | None
    oldest_at: float | None
    expired: int
    quarantine: int
    waiting: int
    capacity: Capacity | None
    unreadable: list[str]


@click.command()
@with_selection()
@click.option(
    "--runs",
    metavar="[N]",
    type=click.IntRange(min=1),
    is_flag=False,
    flag_value=10,
    help="The last N runs (10) instead: calls, hit rate, paid and saved dollars.",
)
@click.option("--by", type=click.Choice(["test"]), help="With --runs: every test over these runs.")
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
def stats(
    place: Workplace, selection: Selection, *, runs: int | None, by: str | None, as_json: bool
) -> None:
    """Count what the store holds, and what waits on this machine: quarantine and spool.

    With --runs (or --by test), what the last runs came to. There the ages are those of runs, and --host
    and --status choose tests by what their cassettes hold.

    Exit code 1 where something could not be read.
    """
    problems: list[str] = []
    if runs is not None or by is not None:
        _tell_runs(
            place, selection, runs or _RUNS, problems, is_by_test=by is not None, as_json=as_json
        )
        return
    found = list(search(place.shelf, selection, problems, progress(quiet=as_json)))
    totals = _totals(place, found, selection.now_s, problems)
    if as_json:
        echo_json(totals)
        click.get_current_context().exit(1 if problems else 0)
    left_out(problems)
    echo(one_line(totals.store), bold=True)
    for name, text in _lines(totals, selection.now_s):
        for line in wrapped(text, first=f"  {name:<14}", rest=" " * 16):
            echo(line)
    click.get_current_context().exit(1 if problems else 0)


def _tell_runs(
    place: Workplace,
    selection: Selection,
    most: int,
    problems: list[str],
    *,
    is_by_test: bool,
    as_json: bool,
) -> None:
    lines = _chosen_runs(place, selection, problems, progress(quiet=as_json))[-most:]
    if as_json:
        echo_json(to_data(lines) | {"unreadable": problems})
        click.get_current_context().exit(1 if problems else 0)
    left_out(problems)
    echo(one_line(named_store(place.settings.store)), bold=True)
    moments = [datetime.fromtimestamp(one.at).strftime("%m-%d %H:%M") for one in lines]  # noqa: DTZ006 - as the reader's clock has it
    for line in in_lines(lines, moments, is_by_test=is_by_test):
        echo(one_line(line) if line else "")
    click.get_current_context().exit(1 if problems else 0)


def _chosen_runs(
    place: Workplace, selection: Selection, problems: list[str], showing: Showing
) -> list[RunTally]:
    """Those of the ages that were asked for, each with the tests that were."""
    named = replace(selection, older_s=None, newer_s=None)
    holding: set[str] | None = None
    if selection.host or selection.statuses or selection.failed:
        holding = {one.name for one in search(place.shelf, named, problems, showing)}

    def fits(test: str, tally: Tally) -> bool:
        cassette = cassette_of(test, tally)
        return named.fits_name(cassette) and (holding is None or cassette in holding)

    least_s = 0.0 if selection.older_s is None else selection.older_s
    most_s = math.inf if selection.newer_s is None else selection.newer_s
    lines = [
        line.of(fits)
        for line in recall(place.settings, place.root)
        if least_s <= selection.now_s - line.at and selection.now_s - line.at <= most_s
    ]
    is_everything = not selection.patterns and holding is None
    return [line for line in lines if line.tests or is_everything]


def _totals(place: Workplace, found: Sequence[Found], now_s: float, problems: list[str]) -> _Totals:
    pairs = [(one.name, kept) for one in found for kept in one.chosen]
    outcomes = [kept.stored.outcome for _, kept in pairs]
    moments = [float(one.at) for one in outcomes if one.at]
    blobs, blob_bytes = _blobs(place, found)
    expiry = expiry_of(place)
    return _Totals(
        store=named_store(place.settings.store),
        cassettes=len(found),
        interactions=len(pairs),
        bytes=sum(kept.size for _, kept in pairs),
        blobs=blobs,
        blob_bytes=blob_bytes,
        hosts=dict(Counter(host_of(kept) for _, kept in pairs).most_common()),
        statuses=dict(Counter(str(one.status or "failed") for one in outcomes).most_common()),
        newest_at=max(moments, default=None),
        oldest_at=min(moments, default=None),
        expired=sum(expiry.is_past(kept, now_s) for _, kept in pairs),
        quarantine=sum(len(one.interactions) for one in all_apart(place.cache, problems)),
        waiting=sum(place.shelf.waiting().values()),
        capacity=place.shelf.capacity(),
        unreadable=problems,
    )


def _blobs(place: Workplace, found: Sequence[Found]) -> tuple[int, int | None]:
    """How many there are, and their size; in a shared store, how many are named."""
    if isinstance(place.shelf, FolderShelf):
        sizes = [path.stat().st_size for path in place.shelf.blobs()]
        return len(sizes), sum(sizes)
    texts = (kept.stored.raw for one in found for kept in one.chosen)
    return len({name for text in texts for name in blobs_named(text)}), None


def _lines(totals: _Totals, now_s: float) -> list[tuple[str, str]]:
    moments = [at for at in (totals.newest_at, totals.oldest_at) if at is not None]
    lines = [
        ("cassettes", str(totals.cassettes)),
        ("interactions", f"{totals.interactions}, {to_size(totals.bytes)}"),
        ("hosts", _counted(totals.hosts)),
        ("statuses", _counted(totals.statuses)),
        ("age", f"{to_ages(moments, now_s)}; {totals.expired} expired"),
    ]
    if totals.blobs:
        size = "" if totals.blob_bytes is None else f", {to_size(totals.blob_bytes)}"
        lines.append(("blobs", f"{totals.blobs}{size}"))
    lines.append(("quarantine", of_noun(totals.quarantine, "interaction")))
    if totals.waiting:
        lines.append(("spool", f"{of_noun(totals.waiting, 'recording')} to be delivered"))
    if totals.capacity is not None:
        used, limit = totals.capacity.used, totals.capacity.limit
        lines.append(("capacity", f"{to_size(used)} of {to_size(limit)} ({100 * used // limit} %)"))
    return lines


def _counted(counts: Mapping[str, int]) -> str:
    shown = [f"{one_line(name) or '-'} x{count}" for name, count in counts.items()][:_MOST_SHOWN]
    more = len(counts) - len(shown)
    return ", ".join(shown + [f"and {more} more"] * bool(more)) or "none"

"""`onetake prune`: take away what no run will use again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from onetake.care import prune as care
from onetake.care.selection import Selection
from onetake.care.workplace import Workplace
from onetake.cli.options import with_selection
from onetake.cli.printing import echo, echo_json, left_out, progress, to_age
from onetake.cli.removal import count, perform, show, to_data
from onetake.config import named_store
from onetake.config.durations import parse_duration
from onetake.diagnosis import one_line
from onetake.reports.terminal import of_noun
from onetake.stores.journal import Apart

_MOST_SHOWN = 10


@click.command()
@with_selection()
@click.option(
    "--quarantine-older-than",
    default="30d",
    show_default=True,
    metavar="AGE",
    help="How old what failed tests recorded must be.",
)
@click.option("--unused", "with_unused", is_flag=True, help="Also what no test used.")
@click.option("--orphans", "with_orphans", is_flag=True, help="Also cassettes of no test.")
@click.option(
    "--usage",
    "usage_files",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="What a run used, as it lies in .onetake/usage/; one for each shard. Default: the last run here.",
)
@click.option("--whole", is_flag=True, help="These runs are all of the suite together.")
@click.option("--yes", is_flag=True, help="Remove it; without, only show what would go.")
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
def prune(
    place: Workplace,
    selection: Selection,
    *,
    quarantine_older_than: str,
    with_unused: bool,
    with_orphans: bool,
    usage_files: tuple[Path, ...],
    whole: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove expired interactions, blobs that none names, and old quarantine.

    Expired is what is past its `ttl` or `max_age` (settings, rules, the store's URL). A blob goes from a
    folder when it is a day old, from a shared store when nobody has recorded it for 30 days; in a bucket
    blobs stay, as no one can tell when another machine last recorded one. With PATTERN or a filter, only
    interactions go.

    With --unused what no test used in the last run goes too, or in those of --usage together, and with
    --orphans cassettes that belong to no test; both need all shards of a suite, and each test passed.

    Exit code 1 where something would go and --yes is missing, or something could not be read.
    """
    oldest_s = parse_duration(quarantine_older_than, "--quarantine-older-than")
    shelf = place.shelf
    spare = care.needless(
        place, usage_files, is_whole=whole, with_unused=with_unused, with_orphans=with_orphans
    )
    if yes:
        shelf.deliver()
    found = care.prunable(place, selection, oldest_s, spare, progress(quiet=as_json))
    removals, apart, blobs, problems = found.removals, found.apart, found.blobs, found.problems
    if yes:
        perform(shelf, removals, quiet=as_json)
        for one in apart:
            one.path.unlink(missing_ok=True)
        blobs = shelf.remove_unnamed_blobs() if blobs else []
    anything = bool(removals or apart or blobs)
    if as_json:
        echo_json(
            {
                "store": named_store(place.settings.store),
                "dry_run": not yes,
                "interactions": to_data(removals),
                "blobs": blobs,
                "quarantine": [{"test": one.test, "file": str(one.path)} for one in apart],
                "unreadable": problems,
            }
        )
    else:
        left_out(problems)
        verb = "Removed" if yes else "Would remove"
        if removals:
            echo(f"{verb} {count(removals)}:")
            show(removals, selection.now_s)
        if blobs:
            echo(f"{verb} {of_noun(len(blobs), 'blob')} that nothing names.")
        if apart:
            _show_apart(verb, apart, selection.now_s)
        if not anything:
            echo("Nothing to prune.")
        elif not yes:
            echo("To remove this: the same with --yes")
    click.get_current_context().exit(1 if problems or (anything and not yes) else 0)


def _show_apart(verb: str, apart: Sequence[Apart], now_s: float) -> None:
    number = sum(len(one.interactions) for one in apart)
    echo(f"{verb} {of_noun(number, 'interaction')} of tests that did not pass:")
    for one in apart[:_MOST_SHOWN]:
        name = one_line(one.test or one.name or one.place or "?")
        echo(f"  {name}, {to_age(one.at, now_s)} old")
    if len(apart) > _MOST_SHOWN:
        echo(f"  and {len(apart) - _MOST_SHOWN} more (--json has them all)")

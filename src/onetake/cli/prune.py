"""`onetake prune`: take away what no run will use again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import click

from onetake.care.expiry import Expiry, expiry_of
from onetake.care.selection import Found, Selection, search
from onetake.care.workplace import Workplace
from onetake.cli.options import with_selection
from onetake.cli.printing import echo, echo_json, left_out, progress, to_age
from onetake.cli.removal import Removal, count, perform, removal_of, show, to_data, together
from onetake.config import named_store
from onetake.config.durations import parse_duration
from onetake.diagnosis import one_line
from onetake.errors import CassetteError, UsageError
from onetake.reports.terminal import of_noun
from onetake.stores.journal import Apart, all_apart
from onetake.stores.usage import Usages, is_near, last_usage, orphans, read_usage
from onetake.stores.usage import digests as digests_of

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
    shelf, problems = place.shelf, list[str]()
    usages = None
    if with_unused and not (is_near(place.settings.store) or (usage_files and whole)):
        raise UsageError(
            f"What this run left may be used by others who share {shelf.place}.",
            remedy="Give --usage FILE for every run that shares it (all branches), and --whole.",
        )
    if with_unused or with_orphans:
        usages = _usages(place, usage_files, is_whole=whole, for_orphans=with_orphans)
    if yes:
        shelf.deliver()
    found = list(search(shelf, selection, problems, progress(quiet=as_json)))
    plan = _expired(found, expiry_of(place), selection.now_s, problems)
    if usages is not None:
        digests = {one.place: one.unused for one in usages.cassettes} if with_unused else {}
        abandoned = orphans(usages) if with_orphans else []
        plan = together(plan, unused(found, digests, abandoned))
    apart: list[Apart] = []
    blobs: list[str] = []
    if selection.is_everything:
        latest = selection.now_s - oldest_s
        apart = [one for one in all_apart(place.cache, problems) if one.at <= latest]
        going = [one for removal in plan for one in removal.recordings]
        try:
            blobs = shelf.unnamed_blobs(besides=going)
        except CassetteError:
            problems.append("blobs, as what cannot be read may name them")
    if yes:
        perform(shelf, plan, quiet=as_json)
        for one in apart:
            one.path.unlink(missing_ok=True)
        blobs = shelf.remove_unnamed_blobs() if blobs else []
    anything = bool(plan or apart or blobs)
    if as_json:
        echo_json(
            {
                "store": named_store(place.settings.store),
                "dry_run": not yes,
                "interactions": to_data(plan),
                "blobs": blobs,
                "quarantine": [{"test": one.test, "file": str(one.path)} for one in apart],
                "unreadable": problems,
            }
        )
    else:
        left_out(problems)
        verb = "Removed" if yes else "Would remove"
        if plan:
            echo(f"{verb} {count(plan)}:")
            show(plan, selection.now_s)
        if blobs:
            echo(f"{verb} {of_noun(len(blobs), 'blob')} that nothing names.")
        if apart:
            _show_apart(verb, apart, selection.now_s)
        if not anything:
            echo("Nothing to prune.")
        elif not yes:
            echo("To remove this: the same with --yes")
    click.get_current_context().exit(1 if problems or (anything and not yes) else 0)


def _usages(
    place: Workplace, files: Sequence[Path], *, is_whole: bool, for_orphans: bool
) -> Usages:
    """What the runs used. Raises `UsageError` where they do not tell what was asked."""
    last = last_usage(place.cache)
    if not files and last is None:
        raise UsageError(
            "No run of pytest here has told what it used.",
            remedy="Run all tests once, or give --usage FILE for each shard of a run elsewhere.",
        )
    runs = files or [path for path in [last] if path is not None]
    usages = read_usage(runs, is_whole=is_whole or None)
    if for_orphans and not usages.is_whole:
        raise UsageError(
            "Orphans are only known of a whole suite, and these runs are a part of one.",
            remedy="Run all tests, or give --usage FILE for every shard, and --whole.",
        )
    return usages


def _expired(
    found: Sequence[Found], expiry: Expiry, now_s: float, problems: list[str]
) -> list[Removal]:
    plan: list[Removal] = []
    for one in found:
        chosen = {id(kept) for kept in one.chosen}
        try:
            gone = [
                (n, kept, "expired")
                for n, kept in enumerate(one.held, 1)
                if id(kept) in chosen and expiry.is_past(kept, now_s)
            ]
        except CassetteError as error:
            problems.append(error.message)
            continue
        if gone:
            plan.append(Removal(one, gone))
    return plan


def unused(
    found: Sequence[Found], digests: Mapping[str, Collection[str]], orphans: Collection[str]
) -> list[Removal]:
    """What goes because no test of a whole run used it.

    `digests` are those of unused recordings by the place of their cassette, as `Found.where` has it; the
    second of equal recordings has `.2` behind its own. `orphans` are places of cassettes of no test.
    """
    plan: list[Removal] = []
    for one in found:
        if one.where in orphans:
            plan.append(removal_of(one, "orphan"))
            continue
        chosen = {id(kept) for kept in one.chosen}
        names = digests_of(kept.stored.raw for kept in one.held)
        gone = [
            (number, kept, "unused")
            for number, (kept, name) in enumerate(zip(one.held, names, strict=True), 1)
            if name in digests.get(one.where, ()) and id(kept) in chosen
        ]
        if gone:
            plan.append(Removal(one, gone))
    return plan


def _show_apart(verb: str, apart: Sequence[Apart], now_s: float) -> None:
    number = sum(len(one.interactions) for one in apart)
    echo(f"{verb} {of_noun(number, 'interaction')} of tests that did not pass:")
    for one in apart[:_MOST_SHOWN]:
        name = one_line(one.test or one.name or one.place or "?")
        echo(f"  {name}, {to_age(one.at, now_s)} old")
    if len(apart) > _MOST_SHOWN:
        echo(f"  and {len(apart) - _MOST_SHOWN} more (--json has them all)")

"""`onetake flush`: take interactions out of a store."""

from __future__ import annotations

import click

from onetake.care.removal import removal_of
from onetake.care.selection import Selection, search
from onetake.care.workplace import Workplace
from onetake.cli.options import with_selection
from onetake.cli.printing import echo, echo_json, left_out, progress, say, warn
from onetake.cli.removal import count, perform, show, to_data
from onetake.config import named_store
from onetake.errors import UsageError
from onetake.reports.terminal import of_noun


@click.command()
@with_selection()
@click.option("--all", "every", is_flag=True, help="Everything, where nothing else is said.")
@click.option("--once", "token", metavar="TOKEN", help="Only if nobody has used TOKEN before.")
@click.option("--yes", is_flag=True, help="Remove it; without, only show what would go.")
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
def flush(
    place: Workplace,
    selection: Selection,
    *,
    every: bool,
    token: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove interactions, so that they are recorded anew.

    PATTERN is a part of a cassette's name, a glob (`tests/*`), or the id of a test, a class or a module.

    With --once a flush may stay in a pipeline: whoever comes first removes, and uses TOKEN up for
    everybody who shares the store; later ones remove nothing. Where there is nothing to remove it is not
    used up. Tokens of a store of files are lines of cassettes/.flushed, to be committed with what was
    removed.

    Exit code 1 where something would go and --yes is missing, or something could not be read: then no
    TOKEN is used up.
    """
    if selection.is_everything and not every:
        raise UsageError(
            "Nothing says what to remove.",
            remedy="Give a PATTERN or a filter (see --help), or --all for everything.",
        )
    if token is not None and (not token.strip() or not token.isprintable()):
        raise UsageError("The token is empty or has strange characters.", remedy="Use a word.")
    shelf, problems = place.shelf, list[str]()
    waiting = sum(shelf.waiting().values())
    if yes:
        shelf.deliver()  # what waits here would come back after the flush
    found = search(shelf, selection, problems, progress(quiet=as_json))
    plan = [removal_of(one) for one in found]
    # Used up also where nothing fits: what is recorded from now on is fresh.
    is_first = token is None or not yes or shelf.once(token)
    done = 0
    if yes and is_first:
        hint = "" if token is None else _how_to_remove_the_rest(token)
        done = perform(shelf, plan, quiet=as_json, hint=hint)
    store = named_store(place.settings.store)
    if as_json:
        echo_json(
            {
                "store": store,
                "dry_run": not yes,
                "done_before": not is_first,
                "removed": done,
                "interactions": to_data(plan),
                "unreadable": problems,
            }
        )
    else:
        left_out(problems)
        if waiting and not yes:
            warn(f"Brought to {store} first: {of_noun(waiting, 'recording')} waiting here.")
        fitting = "Nothing fits"
        if not is_first:
            say(f"Done before: the token {token!r} is used up. Nothing is removed.")
            fitting = f"What fits now, recorded since or left by an interruption: {count(plan)}"
        elif plan:
            fitting = f"{'Removed' if yes else 'Would remove'} {count(plan)}"
        if is_first or plan:
            say(f"{fitting}, in {store}")
        show(plan, selection.now_s)
        if not is_first and plan and token is not None:
            say(_how_to_remove_the_rest(token))
        if yes and is_first and token is not None and not plan:
            say(f"The token {token!r} is used up all the same: what is recorded now is fresh.")
        if yes and is_first and done < sum(len(one.gone) for one in plan):
            say(f"Only {done} of them were still there.")
        if plan and not yes:
            echo("To remove this: the same with --yes")
    click.get_current_context().exit(1 if problems or (plan and not yes) else 0)


def _how_to_remove_the_rest(token: str) -> str:
    return (
        f"The token {token!r} is used up; what is left goes without --once, or with another token "
        "(and --older-than, so that nothing fresh goes)."
    )

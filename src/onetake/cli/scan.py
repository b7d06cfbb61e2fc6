"""`onetake scan`: secrets in recordings that exist already."""

from __future__ import annotations

import click

from onetake.care import scan as care
from onetake.care.workplace import Workplace
from onetake.cli.leaks import line_of_leak, of_unread
from onetake.cli.options import with_store
from onetake.cli.printing import echo, echo_json, left_out, progress, say
from onetake.reports.terminal import of_noun


@click.command()
@click.argument("words", nargs=-1, metavar="[PATH|NAME]...")
@with_store
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
def scan(words: tuple[str, ...], store: str | None, *, as_json: bool) -> None:
    """Look for secrets in recordings: by name, shape, value of the environment, and rule.

    PATH is a file of any kind or a folder, NAME a cassette. Without any: all that the project's store
    holds, where that is files every other recording in the project, and what lies in .onetake/ for the
    next run. What redaction would leave alone today is no secret, nor are dummies. Secrets are not shown,
    only where they stand and of which kind they are.

    Exit codes: 0 none found, 1 found, 2 none found, but not everything could be read.
    """
    found = care.scan(Workplace(store), words, progress(quiet=as_json))
    leaks, problems = found.leaks, found.problems
    if as_json:
        echo_json(
            {
                "found": leaks,
                "places": len(found.looked),
                "interactions": found.interactions,
                "unreadable": problems,
            }
        )
    else:
        for leak in leaks:
            echo(line_of_leak(leak))
        left_out(problems)
        say(_summary(found))
    click.get_current_context().exit(1 if leaks else 2 if problems else 0)


def _summary(found: care.Scan) -> str:
    """`2 secrets in 1 of 3 places (12 interactions).`, and that not all was read where that is so."""
    looked, number = found.looked, len(found.leaks)
    held = of_noun(found.interactions, "interaction")
    places = f"{of_noun(len(looked), 'place')} ({held})"
    if not number:
        if unread := of_unread(looked):
            return f"No secret found{unread}: {held}."
        return f"No secret found in {places}."
    where = f"{sum(bool(one.leaks) for one in looked)} of {places}"
    return f"{of_noun(number, 'secret')} in {where}{of_unread(looked)}."

"""`onetake scrub`: take the secrets out of recordings that exist already."""

from __future__ import annotations

import click

from onetake.care import scrub as care
from onetake.care.workplace import Workplace
from onetake.cli.leaks import line_of_leak, of_unread
from onetake.cli.options import with_store
from onetake.cli.printing import echo, echo_json, left_out, progress, say
from onetake.formats.reading import JOURNAL, NATIVE
from onetake.reports.terminal import of_noun

_MOST_SHOWN = 20


@click.command()
@click.argument("words", nargs=-1, metavar="[PATH|NAME]...")
@with_store
@click.option("--yes", is_flag=True, help="Do it; without, only show what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
def scrub(words: tuple[str, ...], store: str | None, *, yes: bool, as_json: bool) -> None:
    """Rewrite recordings as they would be recorded today: without the secrets that onetake scan finds.

    They are replayed as before. A blob that holds a secret gets another name, and goes if nothing else
    names it; copies of vcrpy's cassettes in .onetake/ go. What is clean is not touched. Of what other
    programs have written, cassettes of vcrpy are rewritten in their own format.

    Exit code 1 where something would be done and --yes is missing, or a secret or something that cannot
    be read is left.
    """
    found = care.scrub(Workplace(store), words, progress(quiet=as_json), write=yes)
    if as_json:
        echo_json(
            {
                "dry_run": not yes,
                "found": found.leaks,
                "rewritten": found.rewritten,
                "to_rewrite": 0 if yes else found.to_rewrite,
                "blobs": found.blobs,
                "left": [leak for one in found.left for leak in one.leaks],
                "unreadable": found.problems,
            }
        )
    else:
        left_out(found.problems)
        _show(found, done=yes)
    is_undone = found.problems or found.left or (found.dirty and not yes)
    click.get_current_context().exit(1 if is_undone else 0)


def _show(found: care.Scrub, *, done: bool) -> None:
    unread = of_unread(found.looked)
    if not found.dirty:
        say(f"Nothing to scrub{unread}.")
        return
    for leak in found.leaks[:_MOST_SHOWN]:
        echo(line_of_leak(leak, with_remedy=False))
    if len(found.leaks) > _MOST_SHOWN:
        echo(f"and {len(found.leaks) - _MOST_SHOWN} more (--json has them all)")
    number = found.rewritten if done else found.to_rewrite
    say(
        f"{'Rewrote' if done else 'Would rewrite'} {of_noun(number, 'interaction')} in "
        f"{of_noun(sum(bool(one.anew) for one in found.dirty), 'place')}"
        + (f", and removed {of_noun(len(found.blobs), 'blob')}" if found.blobs else "")
        + "."
    )
    for one in found.left:
        for leak in one.leaks:
            if not leak.is_in_recording or one.format not in (NATIVE, JOURNAL):
                echo(f"left: {line_of_leak(leak)}")
    if found.is_missed_by_vcrpy:
        say(
            "vcrpy itself misses a request that is compared where a placeholder stands now; filters "
            "of the suite keep it replayable: docs/migrating.md."
        )
    say(
        "Whoever had these recordings has the secrets, and the history of git keeps them: "
        "have new ones issued."
    )
    if not done:
        say("To do this: the same with --yes")

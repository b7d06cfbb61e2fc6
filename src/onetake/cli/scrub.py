"""`onetake scrub`: take the secrets out of recordings that exist already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import click

from onetake.care.workplace import Workplace
from onetake.cli.inspection import (
    Inspection,
    Looked,
    folder_shelf,
    is_blob,
    line_of_leak,
    look_at,
    of_unread,
    scope_of,
)
from onetake.cli.options import with_store
from onetake.cli.printing import echo, echo_json, left_out, progress, say
from onetake.config import is_local
from onetake.errors import CassetteError, OnetakeError
from onetake.formats.document import Stored
from onetake.formats.reading import JOURNAL, NATIVE, VCR, entry_of, journal_anew
from onetake.messages import Interaction
from onetake.reports.terminal import of_noun
from onetake.stores import vcr_files
from onetake.stores.file_names import name_in
from onetake.stores.folders import forget_blobs
from onetake.stores.journal import rewrite_journal

_MOST_SHOWN = 20
_NOT_COMPARED = ("response.", "failure", "header.")


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
    place = Workplace(store)
    scope = scope_of(place, words)
    if yes and not is_local(place.settings.store):
        place.shelf.deliver()  # what waits here would bring secrets there later
    looked = dict(look_at(place, scope, progress(quiet=as_json)))
    dirty = {one: found for one, found in looked.items() if found.leaks}
    problems = [problem for found in looked.values() for problem in found.problems]
    scrubbing = _Scrubbing(place)
    rewritten = 0
    if yes:
        for one, found in dirty.items():
            try:
                rewritten += scrubbing.rewrite(one, found)
            except (OnetakeError, OSError) as error:
                problems.append(" ".join(str(error).split("\n")))
        scrubbing.finish()
    left = [found for one, found in dirty.items() if not _is_scrubbed(one, found)]
    if yes and dirty:
        inspection = Inspection(place)
        left = [
            again
            for one in dirty
            if not isinstance(one, Path) or one.exists()
            if (
                again := inspection.file(one) if isinstance(one, Path) else inspection.cassette(one)
            ).leaks
        ]
    to_do = sum(len(found.anew) for found in dirty.values())
    if as_json:
        echo_json(
            {
                "dry_run": not yes,
                "found": [leak for found in dirty.values() for leak in found.leaks],
                "rewritten": rewritten,
                "to_rewrite": 0 if yes else to_do,
                "blobs": scrubbing.gone,
                "left": [leak for found in left for leak in found.leaks],
                "unreadable": problems,
            }
        )
    else:
        left_out(problems)
        number = rewritten if yes else to_do
        _show(list(dirty.values()), number, scrubbing.gone, of_unread(looked.values()), done=yes)
        _show_left(left)
        if any(map(_is_missed_by_vcrpy, dirty.values())):
            say(
                "vcrpy itself misses a request that is compared where a placeholder stands now; filters "
                "of the suite keep it replayable: docs/migrating.md."
            )
        if dirty:
            say(
                "Whoever had these recordings has the secrets, and the history of git keeps them: "
                "have new ones issued."
            )
            if not yes:
                say("To do this: the same with --yes")
    click.get_current_context().exit(1 if problems or left or (dirty and not yes) else 0)


class _Scrubbing:
    """Of the files and the store of one project."""

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self._inspection = Inspection(place)
        self._files: set[Path] = set()  # blobs that were named
        self._names: list[str] = []
        self._blobs: set[str] = set()
        self.gone: list[str] = []

    def rewrite(self, one: Path | str, found: Looked) -> int:
        """How many recordings are. Raises `OnetakeError`, OSError."""
        if isinstance(one, str):
            done = self._place.shelf.rewrite(one, partial(self._anew, found))
            self._names.append(one)
            self._blobs |= done.blobs
            return done.number
        if found.format == NATIVE and found.anew:
            path = one.resolve() if one.is_symlink() else one
            cassette = folder_shelf(self._place).cassette_at(path, name_in(path))
            done = cassette.rewrite(partial(self._anew, found))
            self._files |= set(map(Path, done.blobs))
            return done.number
        if found.format == JOURNAL:
            return self._rewrite_journal(one, found)
        if found.format == VCR and found.anew:
            return vcr_files.rewrite(one, self._inspection.anew)
        if is_blob(one):
            self._files.add(one)
        return 0

    def _anew(self, found: Looked, held: Sequence[Stored]) -> Mapping[int, Interaction]:
        new = self._inspection.anew(list(map(entry_of, held)))
        if not new and held and found.anew:  # a secret stands only in what they have replaced
            return {0: held[0].interaction}
        return new

    def _rewrite_journal(self, path: Path, found: Looked) -> int:
        inspection = self._inspection
        if not rewrite_journal(
            path, lambda data: journal_anew(data, inspection.anew, inspection.of_text)
        ):
            raise CassetteError(
                f"{found.place} belongs to a run that has not ended.",
                remedy="Run this again later.",
            )
        return len(found.anew)

    def finish(self) -> None:
        """What is not needed any more goes, once for all."""
        self.gone += forget_blobs(self._files)
        if self._names:
            self.gone += self._place.shelf.finish_rewriting(self._names, self._blobs)


def _is_scrubbed(one: Path | str, found: Looked) -> bool:
    """Whether all that was found can be taken out here."""
    if isinstance(one, Path) and (found.format == JOURNAL or is_blob(one)):
        return True
    return found.format in (NATIVE, VCR) and found.is_rewritten_alone


def _is_missed_by_vcrpy(found: Looked) -> bool:
    """Whether a placeholder comes where vcrpy compares requests, or may be told to."""
    return found.format == VCR and any(
        leak.is_in_recording and not leak.path.startswith(_NOT_COMPARED) for leak in found.leaks
    )


def _show(
    dirty: Sequence[Looked], number: int, blobs: Sequence[str], unread: str, *, done: bool
) -> None:
    if not dirty:
        say(f"Nothing to scrub{unread}.")
        return
    leaks = [leak for found in dirty for leak in found.leaks]
    for leak in leaks[:_MOST_SHOWN]:
        echo(line_of_leak(leak, with_remedy=False))
    if len(leaks) > _MOST_SHOWN:
        echo(f"and {len(leaks) - _MOST_SHOWN} more (--json has them all)")
    say(
        f"{'Rewrote' if done else 'Would rewrite'} {of_noun(number, 'interaction')} in "
        f"{of_noun(sum(bool(found.anew) for found in dirty), 'place')}"
        + (f", and removed {of_noun(len(blobs), 'blob')}" if blobs else "")
        + "."
    )


def _show_left(left: Sequence[Looked]) -> None:
    for found in left:
        for leak in found.leaks:
            if not leak.is_in_recording or found.format not in (NATIVE, JOURNAL):
                echo(f"left: {line_of_leak(leak)}")

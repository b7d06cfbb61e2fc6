"""Recordings written anew without the secrets that lie in them; all else of them stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct

from onetake.care.inspection import Inspection, Leak, Looked, is_blob, look_at
from onetake.care.scope import folder_shelf, scope_of
from onetake.care.side_by_side import Showing
from onetake.care.workplace import Workplace
from onetake.config import is_local
from onetake.errors import CassetteError, OnetakeError
from onetake.formats.document import Stored
from onetake.formats.reading import JOURNAL, NATIVE, VCR, entry_of, journal_anew
from onetake.messages import Interaction
from onetake.stores import vcr_files
from onetake.stores.file_names import name_in
from onetake.stores.folders import forget_blobs
from onetake.stores.journal import rewrite_journal

_NOT_COMPARED = ("response.", "failure", "header.")


class Scrub(Struct, frozen=True, kw_only=True):
    """What was looked at, which places of it hold secrets, and what became of these."""

    looked: list[Looked]
    dirty: list[Looked]
    left: list[Looked]  # places whose secrets nothing here takes out
    rewritten: int  # recordings
    blobs: list[str]  # those that are gone
    problems: list[str]

    @property
    def leaks(self) -> list[Leak]:
        return [leak for one in self.dirty for leak in one.leaks]

    @property
    def to_rewrite(self) -> int:
        return sum(len(one.anew) for one in self.dirty)

    @property
    def is_missed_by_vcrpy(self) -> bool:
        """Whether a placeholder comes where vcrpy compares requests, or may be told to."""
        return any(
            leak.is_in_recording and not leak.path.startswith(_NOT_COMPARED)
            for one in self.dirty
            if one.format == VCR
            for leak in one.leaks
        )


def scrub(place: Workplace, words: Sequence[str], showing: Showing, *, write: bool) -> Scrub:
    """Take the secrets out of what `words` name, or only say what holds some."""
    scope = scope_of(place, words)
    if write and not is_local(place.settings.store):
        place.shelf.deliver()  # what waits here would bring secrets there later
    looked = dict(look_at(place, scope, showing))
    dirty = {one: found for one, found in looked.items() if found.leaks}
    problems = [problem for found in looked.values() for problem in found.problems]
    scrubbing = _Scrubbing(place)
    rewritten = 0
    if write:
        for one, found in dirty.items():
            try:
                rewritten += scrubbing.rewrite(one, found)
            except (OnetakeError, OSError) as error:
                problems.append(" ".join(str(error).split("\n")))
        scrubbing.finish()
    left = [found for one, found in dirty.items() if not _is_scrubbed(one, found)]
    if write and dirty:
        inspection = Inspection(place)
        there = (one for one in dirty if not isinstance(one, Path) or one.exists())
        left = [again for again in map(inspection.of, there) if again.leaks]
    return Scrub(
        looked=list(looked.values()),
        dirty=list(dirty.values()),
        left=left,
        rewritten=rewritten,
        blobs=scrubbing.gone,
        problems=problems,
    )


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

"""Secrets in recordings that exist already: what lies where, and what could not be read."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from onetake.care.inspection import Leak, Looked, look_at
from onetake.care.scope import scope_of
from onetake.care.side_by_side import Showing
from onetake.care.workplace import Workplace
from onetake.config import is_local
from onetake.reports.terminal import of_noun


class Scan(Struct, frozen=True):
    """What a search for secrets has found in each place, and `problems` of what it could not look at."""

    looked: list[Looked]
    problems: list[str]

    @property
    def leaks(self) -> list[Leak]:
        return [leak for one in self.looked for leak in one.leaks]

    @property
    def interactions(self) -> int:
        return sum(one.interactions for one in self.looked)


def scan(place: Workplace, words: Sequence[str], showing: Showing) -> Scan:
    """Look for secrets in what `words` name; without any, in all that the project keeps."""
    looked = [one for _, one in look_at(place, scope_of(place, words), showing)]
    problems = [problem for one in looked for problem in one.problems]
    if not words and not is_local(place.settings.store):
        problems += _waiting(place)
    return Scan(looked, problems)


def _waiting(place: Workplace) -> list[str]:
    number = sum(place.shelf.waiting().values())
    what = f"{of_noun(number, 'interaction')} that could not be brought to {place.shelf.place} yet."
    return [what] if number else []

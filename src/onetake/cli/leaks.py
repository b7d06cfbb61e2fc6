"""How the commands say which secrets lie where."""

from __future__ import annotations

from collections.abc import Collection

from onetake.care.inspection import Leak, Looked
from onetake.cli.printing import fitted
from onetake.diagnosis import one_line
from onetake.reports.terminal import of_noun

_REQUEST = 60  # characters of its line that are shown


def line_of_leak(leak: Leak, *, with_remedy: bool = True) -> str:
    """One line: where, what, and what takes it out."""
    where = f"{leak.place}:{leak.line}" if leak.line is not None else leak.place
    if leak.interaction is not None:
        where += f", interaction {leak.interaction}"
    if leak.request:
        where += f", {fitted(leak.request, _REQUEST)}"
    if leak.path:
        where += f", {leak.path}"
    return one_line(f"{where}: {leak.kind}" + (f" ({leak.remedy})" if with_remedy else ""))


def of_unread(looked: Collection[Looked]) -> str:
    """`, but not everything could be read (in 1 of 3 places)`; nothing where it could."""
    number = sum(bool(one.problems) for one in looked)
    if not number:
        return ""
    places = of_noun(len(looked), "place")
    return f", but not everything could be read (in {number} of {places})"

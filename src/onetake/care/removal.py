"""What is to go of each cassette, and why."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

from msgspec import Struct

from onetake.care.selection import Found
from onetake.stores.shelf import Kept


class Removal(Struct, frozen=True):
    """What goes of one cassette, each with its number and the reason (may be "")."""

    cassette: Found
    gone: list[tuple[int, Kept, str]]

    @property
    def recordings(self) -> list[Kept]:
        return [one for _, one, _ in self.gone]


def removal_of(found: Found, reason: str = "") -> Removal:
    """All that was asked for of a cassette."""
    chosen = {id(one) for one in found.chosen}
    numbered = enumerate(found.held, 1)
    return Removal(found, [(n, one, reason) for n, one in numbered if id(one) in chosen])


def together(plan: Sequence[Removal], more: Sequence[Removal]) -> list[Removal]:
    """Each recording once, for the first of its reasons."""
    by_name = {one.cassette.name: one for one in plan}
    for other in more:
        name = other.cassette.name
        told = by_name[name].gone if name in by_name else []
        numbers = {number for number, _, _ in told}
        own = [one for one in other.gone if one[0] not in numbers]
        by_name[name] = Removal(other.cassette, sorted(told + own, key=itemgetter(0)))
    return list(by_name.values())

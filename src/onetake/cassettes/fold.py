"""How a take joins a cassette: a slot belongs to the first take that filled it.

Two recordings give their place to a take: one that has expired, to the first take that was made instead of it;
and one that its program left before its end, to the first that was read to its end.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Protocol

from msgspec import Struct

from onetake.cassettes.decisions import Replaced, Slot
from onetake.cassettes.gates import is_part
from onetake.messages import Interaction

FIRST_OF_CHILDREN = 1 << 30
"""Slots from here on are of forked children, who do not know what their parent sent."""


class Take(Struct, frozen=True):
    """One new recording and the slot that it was made for.

    `replaces` is the expired recording that it was made instead of. One that `ages` has to be kept with its
    own moment, also where it says nothing new. One that `is_shared` is known to
    other openings, who may publish it too.
    """

    slot: Slot
    interaction: Interaction
    replaces: Replaced | None = None
    ages: bool = False
    is_shared: bool = False


def free_slot(key: bytes, filled: Container[Slot]) -> Slot:
    """The first of `key` that is not filled."""
    return next(slot for n in count() if (slot := Slot(key, n)) not in filled)


class Merge(Struct, frozen=True):
    """What a fold adds, and what it puts in the place of existing recordings, by their index.

    `paid_twice`: how many of the take's answers another take had paid for already.
    """

    added: tuple[Take, ...]
    replacing: Mapping[int, Take]
    paid_twice: int


class Existing(Protocol):
    """A recording that a cassette holds."""

    @property
    def at(self) -> float:
        """When it was made, UTC seconds."""

    @property
    def is_part(self) -> bool:
        """Its program has left the answer before its end."""


def merge(
    existing_keys: Iterable[bytes], takes: Sequence[Take], existing: Sequence[Existing]
) -> Merge:
    """Return the takes that fill free slots, in order, and those that replace one of the `existing`.

    An expired recording is replaced if it is as old as the take knew it.
    """
    keys = list(existing_keys)
    filled = Counter(keys)
    places = _places(keys) if any(map(partial(_may_replace, filled), takes)) else {}
    free: list[Take] = []
    replacing: dict[int, Take] = {}
    paid_twice = 0
    for take in takes:
        expired = places.get(take.replaces.slot) if take.replaces is not None else None
        i = places.get(take.slot) if expired is None else expired
        if i is None:
            free.append(take)
        elif i not in replacing and _gives_way(existing[i], take, is_expired=expired is not None):
            replacing[i] = take
        else:
            paid_twice += not take.is_shared
    return Merge(tuple(free), replacing, paid_twice)


def _may_replace(filled: Counter[bytes], take: Take) -> bool:
    return take.replaces is not None or take.slot.n < filled[take.slot.key]


def _gives_way(one: Existing, take: Take, *, is_expired: bool) -> bool:
    if is_expired:
        return take.replaces is not None and one.at == take.replaces.at
    return one.is_part and not is_part(take.interaction)


def _places(keys: Sequence[bytes]) -> dict[Slot, int]:
    indexes: defaultdict[bytes, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        indexes[key].append(i)
    return {Slot(key, n): i for key, some in indexes.items() for n, i in enumerate(some)}

"""How a take joins a cassette: a slot belongs to the first take that filled it.

One idea more: what has expired gives its place to the first take that was made instead of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from itertools import count

from msgspec import Struct

from onetake.cassettes.decisions import Replaced, Slot
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


def merge(
    existing_keys: Iterable[bytes], takes: Sequence[Take], at: Callable[[int], float]
) -> Merge:
    """The takes that fill free slots, in order, and those that replace what is as old as they knew it.

    `at(i)` is when the i-th existing recording was made.
    """
    keys = list(existing_keys)
    filled = Counter(keys)
    places = _places(keys) if any(take.replaces for take in takes) else {}
    free: list[Take] = []
    replacing: dict[int, Take] = {}
    paid_twice = 0
    for take in takes:
        i = places.get(take.replaces.slot) if take.replaces is not None else None
        if take.replaces is not None and i is not None:
            if i not in replacing and at(i) == take.replaces.at:
                replacing[i] = take
            else:
                paid_twice += not take.is_shared
        elif take.slot.n < filled[take.slot.key]:
            paid_twice += not take.is_shared
        else:
            free.append(take)
    return Merge(tuple(free), replacing, paid_twice)


def _places(keys: Sequence[bytes]) -> dict[Slot, int]:
    indexes: defaultdict[bytes, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        indexes[key].append(i)
    return {Slot(key, n): i for key, some in indexes.items() for n, i in enumerate(some)}

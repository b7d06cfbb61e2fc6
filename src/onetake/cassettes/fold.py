"""How a take joins a cassette: a slot belongs to the first take that filled it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct

from onetake.cassettes.session import Slot
from onetake.messages import Interaction

FIRST_OF_CHILDREN = 1 << 30
"""Slots from here on are of forked children, who do not know what their parent sent."""


class Take(Struct, frozen=True):
    """One new recording and the slot that it was made for."""

    slot: Slot
    interaction: Interaction


class Merge(Struct, frozen=True):
    """What a fold adds, and how many of the take's answers another take had paid for already."""

    added: tuple[Take, ...]
    paid_twice: int


def merge(existing_keys: Iterable[bytes], takes: Sequence[Take]) -> Merge:
    """The takes that fill free slots, in order."""
    filled = Counter(existing_keys)
    free: list[Take] = []
    paid_twice = 0
    for take in takes:
        if take.slot.n < filled[take.slot.key]:
            paid_twice += 1
        else:
            free.append(take)
    return Merge(tuple(free), paid_twice)

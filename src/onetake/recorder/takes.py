"""What an opening adds to its cassette: the answers that it got, each for the slot that it was asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import count
from operator import itemgetter

from msgspec.structs import replace

from onetake.cassettes.ages import Lifetime, jitter_of
from onetake.cassettes.fold import FIRST_OF_CHILDREN, Take
from onetake.cassettes.sequence import Replaced, Sequence, Slot
from onetake.config import Settings
from onetake.matching import Active, Matcher
from onetake.messages import Interaction
from onetake.recorder.captured import Captured


class Lifetimes:
    """How old recordings of the cassette `name` may become, by the settings and the rules.

    Without a name, how old in any cassette: ages have no jitter.
    """

    def __init__(self, settings: Settings, name: str | None = None) -> None:
        jitter = 0.0 if name is None else jitter_of(name)
        ttl_s, max_age_s = settings.lifetime
        self._usual = Lifetime(ttl_s, max_age_s, settings.refresh == "soft", jitter)

    def of(self, active: Active) -> Lifetime:
        if active.ttl_s is None and active.max_age_s is None:
            return self._usual
        ttl_s = self._usual.ttl_s if active.ttl_s is None else active.ttl_s
        max_age_s = self._usual.max_age_s if active.max_age_s is None else active.max_age_s
        return replace(self._usual, ttl_s=ttl_s, max_age_s=max_age_s)


class Takes:
    """Those of one opening, by their number in the order of sending. Not thread-safe.

    `kept` are answers that it has paid for, `borrowed` those of equal calls that another opening made, and
    `shared` the numbers of all that other openings have too.
    """

    def __init__(
        self, sequence: Sequence, matcher: Matcher, captured: Captured, lifetimes: Lifetimes
    ) -> None:
        self._sequence = sequence
        self._matcher = matcher
        self._captured = captured
        self._lifetimes = lifetimes
        self.kept: dict[int, Interaction] = {}
        self.borrowed: dict[int, Interaction] = {}
        self.shared: set[int] = set()

    def of_all(self) -> list[Take]:
        """What the cassette gains: the used part of the quarantine, then this take, as sent."""
        promoted = [
            self._made(slot, recorded.interaction, replaced)
            for slot, recorded, replaced in self._sequence.taken_from_quarantine
        ]
        made = sorted([*self.kept.items(), *self.borrowed.items()], key=itemgetter(0))
        return self._side_by_side(promoted + [self._of(number, one) for number, one in made])

    def _side_by_side(self, takes: list[Take]) -> list[Take]:
        """Slots that come to nothing (a status that is not kept, a call that failed) leave no gap."""
        placed: dict[Slot, Slot] = {}
        counts: Counter[bytes] = Counter()
        for slot in sorted({take.slot for take in takes}, key=lambda one: one.n):
            first_new = self._sequence.published(slot.key)
            if slot.n >= first_new:
                placed[slot] = Slot(slot.key, first_new + counts[slot.key])
                counts[slot.key] += 1
        return [replace(take, slot=placed.get(take.slot, take.slot)) for take in takes]

    def of_children(self, interactions: Iterable[Interaction]) -> list[Take]:
        """What forked children of the opening have kept."""
        numbers = count(FIRST_OF_CHILDREN)
        key = self._matcher.key
        return [self._made(Slot(key(one.request), next(numbers)), one) for one in interactions]

    def _of(self, number: int, interaction: Interaction) -> Take:
        """What was recorded under ids of now joins the recordings that they stand for."""
        restored = self._captured.restore(interaction)
        slot = self._sequence.slots[number]
        if restored.request != interaction.request:
            key = self._matcher.key(restored.request)
            slot = Slot(key, self._sequence.next_slot(key))
        replaced = self._sequence.replaced.get(number)
        return self._made(slot, restored, replaced, is_shared=number in self.shared)

    def _made(
        self,
        slot: Slot,
        interaction: Interaction,
        replaced: Replaced | None = None,
        *,
        is_shared: bool = False,
    ) -> Take:
        lifetime = self._lifetimes.of(self._matcher.active(interaction.request))
        return Take(slot, interaction, replaced, not lifetime.is_endless, is_shared)

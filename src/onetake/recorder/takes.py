"""Additions of an opening to its cassette: the answers that it got, each for the slot that it was asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import count

from msgspec import Struct, field
from msgspec.structs import replace

from onetake.cassettes.ages import Lifetime, jitter_of
from onetake.cassettes.decisions import Replaced, Slot
from onetake.cassettes.fold import FIRST_OF_CHILDREN, Take
from onetake.cassettes.sequence import Sequence
from onetake.config import Settings
from onetake.matching import Active, Matcher
from onetake.messages import Interaction
from onetake.recorder.captured import Captured
from onetake.recorder.live_call import LiveCall


class Lifetimes:
    """The ages that recordings of the cassette `name` may reach, by the settings and the rules.

    Without a name, how old in any cassette: ages have no jitter.
    """

    def __init__(self, settings: Settings, name: str | None = None) -> None:
        jitter = 0.0 if name is None else jitter_of(name)
        ttl_s, max_age_s = settings.lifetime
        self.usual = Lifetime(ttl_s, max_age_s, settings.refresh == "soft", jitter)

    def of(self, active: Active) -> Lifetime:
        if not active.has_ages:
            return self.usual
        ttl_s = self.usual.ttl_s if active.ttl_s is None else active.ttl_s
        max_age_s = self.usual.max_age_s if active.max_age_s is None else active.max_age_s
        return replace(self.usual, ttl_s=ttl_s, max_age_s=max_age_s)


class Takes(Struct):
    """Makes takes of what one opening was answered. Not thread-safe."""

    sequence: Sequence
    matcher: Matcher
    captured: Captured
    lifetimes: Lifetimes
    _added: Counter[bytes] = field(default_factory=Counter)  # slots after all that are held, by key

    def of_all(self, answered: Iterable[LiveCall]) -> list[Take]:
        """Return what the cassette gains: the used part of the quarantine, then what was answered, as sent."""
        promoted = [
            self._made(slot, recorded.interaction, replaced)
            for slot, recorded, replaced in self.sequence.taken_from_quarantine
        ]
        return self._side_by_side(promoted + [self._of(call) for call in answered])

    def _side_by_side(self, takes: list[Take]) -> list[Take]:
        """Slots that come to nothing (a status that is not kept, a call that failed) leave no gap."""
        placed: dict[Slot, Slot] = {}
        counts: Counter[bytes] = Counter()
        for slot in sorted({take.slot for take in takes}, key=lambda slot: slot.n):
            first_new = self.sequence.finder.published(slot.key)
            if slot.n >= first_new:
                placed[slot] = Slot(slot.key, first_new + counts[slot.key])
                counts[slot.key] += 1
        return [replace(take, slot=placed.get(take.slot, take.slot)) for take in takes]

    def of_children(self, interactions: Iterable[Interaction]) -> list[Take]:
        """Return what forked children of the opening have kept."""
        numbers = count(FIRST_OF_CHILDREN)
        key = self.matcher.key
        return [
            self._made(Slot(key(interaction.request), next(numbers)), interaction)
            for interaction in interactions
        ]

    def _of(self, call: LiveCall) -> Take:
        """Make the take of a call: ids of now become those of the recordings that they stand for."""
        assert call.slot is not None
        assert call.answer is not None
        restored, slot = self.captured.restore(call.answer), call.slot
        if restored.request != call.answer.request:
            slot = self._next_slot(self.matcher.key(restored.request))
        return self._made(slot, restored, call.shortage.replaced, is_shared=call.is_shared)

    def _next_slot(self, key: bytes) -> Slot:
        """The first slot of `key` that no recording and no earlier call has."""
        slot = Slot(key, self.sequence.finder.held(key) + self._added[key])
        self._added[key] += 1
        return slot

    def _made(
        self,
        slot: Slot,
        interaction: Interaction,
        replaced: Replaced | None = None,
        *,
        is_shared: bool = False,
    ) -> Take:
        lifetime = self.lifetimes.of(self.matcher.active(interaction.request))
        return Take(slot, interaction, replaced, not lifetime.is_endless, is_shared)

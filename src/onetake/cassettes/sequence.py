"""A cassette's recordings in order, as a state machine: requests in, decisions out.

A sequence knows what the mode allows, and what of the cassette one opening has used; a `Finder` knows which
recording answers a request. What an opening records is never served to itself. Not thread-safe: its driver
holds a lock.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from typing import Protocol

from msgspec import Struct

from onetake.cassettes.ages import Age, Lifetime
from onetake.cassettes.decisions import (
    Forward,
    Found,
    Missing,
    Recorded,
    Replaced,
    Replay,
    Shortage,
    Slot,
    Vacant,
)
from onetake.config import Mode
from onetake.errors import OnetakeError
from onetake.matching import Loose
from onetake.messages import Request


class Asked(Struct, frozen=True, kw_only=True):
    """A request that a sequence is asked for, with what the rules say of it."""

    key: bytes
    request: Request  # redacted
    at: float = 0.0  # UTC seconds
    mode: Mode
    lifetime: Lifetime = Lifetime()
    repeats_last: bool = False  # the last answer of its key, again and again

    def age_of(self, recorded: Recorded) -> Age:
        """Return how old a recording is at the moment of this request. Raises `CassetteError`."""
        return Age.FRESH if self.lifetime.is_endless else self.lifetime.age_of(recorded.at, self.at)


class Hit(Struct, frozen=True, kw_only=True):
    """The recording that answers a request."""

    recorded: Recorded
    slot: Slot
    age: Age = Age.FRESH
    sent: Loose | None = None  # the request's own loose key, where only the loose keys are equal
    is_apart: bool = False  # from the quarantine
    replaced: Replaced | None = None  # the expired recording in whose place it is given


class Finder(Protocol):
    """The recordings of one cassette, by what they answer. Each is given once, unless answers repeat."""

    @property
    def exists(self) -> bool:
        """Return whether the cassette has a published recording."""

    @property
    def has_recordings(self) -> bool:
        """Return whether there is any recording, published or in quarantine."""

    @property
    def unreadable(self) -> Iterable[OnetakeError]:
        """The errors of recordings that could not be looked at for volatile values."""

    def holds(self, key: bytes) -> bool:
        """Return whether there is a recording of `key`, for whoever may still have it. Takes no lock."""

    def find(self, asked: Asked, slot: Slot, earlier: Container[bytes]) -> Hit | Shortage:
        """Give the next recording for a request, which is the one of `slot`; `earlier` has all keys asked for.

        Raises `OnetakeError` for stored data that cannot be read.
        """

    def published(self, key: bytes) -> int:
        """Return how many slots of `key` the cassette had, lost ones among them."""

    def held(self, key: bytes) -> int:
        """Return how many slots of `key` have a recording that was published, or waits in quarantine."""


class Sequence:
    """The recordings that one opening of a cassette has, and how far it has come in them."""

    def __init__(self, finder: Finder) -> None:
        self.finder = finder
        self.used: set[int] = set()  # ids of recordings
        self.outdated: set[int] = set()  # of those that were asked for, and had expired
        self.taken_from_quarantine: list[tuple[Slot, Recorded, Replaced | None]] = []
        self.closed = False
        self.behind: Callable[[], None] | None = None
        """Counts, by `give`, what was answered without asking this sequence. It is called once, before the
        first question."""
        self._asked: dict[bytes, int] = {}

    def decide(self, asked: Asked) -> Found:
        """Return what happens to the next request. Raises `OnetakeError` for unreadable stored data."""
        if self.behind is not None:
            self.catch_up()
        key, mode = asked.key, asked.mode
        slot = self.next_slot(key)
        self._asked[key] = slot.n + 1
        if mode is Mode.LIVE:
            return Forward("mode live")
        if mode is Mode.RECORD:
            return self._vacant(slot, Shortage())
        found = self.finder.find(asked, slot, self._asked)
        if isinstance(found, Hit):
            return self._replay(found, asked.request)
        if found.expired is not None:
            self.outdated.add(id(found.expired))
        if mode is Mode.AUTO or (mode is Mode.ONCE and not self.finder.exists):
            return self._vacant(slot, found)
        return Missing(found)

    def catch_up(self) -> None:
        """Count what was answered without asking this sequence. After an `OnetakeError` it may be repeated."""
        if self.behind is not None:
            self.behind()
            self.behind = None

    def replay(self, asked: Asked) -> Replay | None:
        """Return the recording of a request that is answered otherwise where there is none.

        Raises `OnetakeError` for unreadable stored data.
        """
        if asked.mode in (Mode.LIVE, Mode.RECORD):
            return None
        if self.behind is not None:
            self.catch_up()
        slot = self.next_slot(asked.key)
        found = self.finder.find(asked, slot, self._asked)
        if not isinstance(found, Hit):
            return None
        self._asked[asked.key] = slot.n + 1
        return self._replay(found, asked.request)

    def next_slot(self, key: bytes) -> Slot:
        """The slot of the next request with `key`."""
        return Slot(key, self._asked.get(key, 0))

    def give(self, recorded: Recorded, slot: Slot) -> bool:
        """Count `recorded` as the answer for the next slot of its key; whether it has answered before."""
        self._asked[slot.key] = slot.n + 1
        return self._is_again(recorded)

    def _is_again(self, recorded: Recorded) -> bool:
        """Count `recorded` as used, and return whether it was used before."""
        is_again = id(recorded) in self.used
        self.used.add(id(recorded))
        return is_again

    def _vacant(self, slot: Slot, shortage: Shortage) -> Found:
        return Forward("its cassette is closed") if self.closed else Vacant(slot, shortage)

    def _replay(self, hit: Hit, request: Request) -> Replay:
        recorded = hit.recorded
        is_again = self._is_again(recorded)
        if hit.is_apart and not is_again:
            self.taken_from_quarantine.append((hit.slot, recorded, hit.replaced))
        return Replay(
            recorded.answering(request),
            recorded,
            hit.slot,
            is_stale=hit.age is Age.STALE,
            sent=hit.sent,
            is_again=is_again,
        )

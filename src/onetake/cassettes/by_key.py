"""The finder of onetake's own cassettes: by the exact key, else by the loose one.

Each key has a queue of recordings, and its n-th request has the n-th of them. What is in quarantine comes after
what is published, and in the place of what has expired. Only where an exact key has no recording at all, the
loose key is asked for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import zip_longest
from typing import Protocol

from msgspec import Struct

from onetake.cassettes.ages import Age
from onetake.cassettes.decisions import Recorded, Replaced, Shortage, Slot
from onetake.cassettes.loose_queue import LooseQueue
from onetake.cassettes.sequence import Asked, Hit
from onetake.errors import OnetakeError
from onetake.matching import Loose
from onetake.messages import Request


class Pairs(Protocol):
    """Keys and their recordings, in recorded order. Keys may be found out when they are iterated over."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[tuple[bytes, Recorded]]: ...


class Keyed(Struct, frozen=True):
    """Recordings, and the keys of each."""

    keys: Sequence[bytes]
    recordings: Sequence[Recorded]

    def __len__(self) -> int:
        return len(self.recordings)

    def __iter__(self) -> Iterator[tuple[bytes, Recorded]]:
        return zip(self.keys, self.recordings, strict=True)


class Volatile(Protocol):
    """A reader of the volatile values of requests."""

    def loose(self, request: Request, at: float) -> Loose | None:
        """The loose key of a request made at `at`; None where it holds no volatile value."""


class ByKey:
    """The recordings of one cassette by their keys, for one opening.

    The `numbers` of the published ones, where they are given, leave out what is lost. The keys of the published
    ones are looked at when the first is asked for. `find` and `holds` raise what that raises.
    """

    def __init__(
        self,
        volatile: Volatile,
        published: Pairs,
        quarantined: Pairs = (),
        *,
        numbers: Iterable[int] = (),
    ) -> None:
        self._volatile = volatile
        self._published = published, numbers
        self._loose: dict[bytes, LooseQueue] | None = None
        self._quarantined: dict[bytes, deque[Recorded]] = {}
        self._apart: dict[int, Slot] = {}  # of what is in quarantine, by id
        for key, recorded in quarantined:
            waiting = self._quarantined.setdefault(key, deque())
            self._apart[id(recorded)] = Slot(key, self.held(key))
            waiting.append(recorded)
        self._last: dict[bytes, tuple[Recorded, Slot]] = {}
        self.exists = len(published) > 0
        self.has_recordings = self.exists or bool(self._quarantined)
        self.unreadable: list[OnetakeError] = []  # why recordings have no loose key

    @cached_property
    def _queues(self) -> dict[bytes, list[Recorded | None]]:
        """The published recordings of each key. Threads that ask at once make equal ones."""
        queues: dict[bytes, list[Recorded | None]] = {}
        for (key, recorded), number in zip_longest(*self._published):
            queue = queues.setdefault(key, [])
            queue += [None] * ((number or 0) - len(queue))
            queue.append(recorded)
        return queues

    def holds(self, key: bytes) -> bool:
        return key in self._queues or key in self._quarantined

    def published(self, key: bytes) -> int:
        return len(self._queues.get(key, ()))

    def held(self, key: bytes) -> int:
        return self.published(key) + len(self._quarantined.get(key, ()))

    def at(self, slot: Slot) -> Recorded | None:
        """The published recording of `slot`, however old it is."""
        queue = self._queues.get(slot.key, ())
        return queue[slot.n] if slot.n < len(queue) else None

    def find(self, asked: Asked, slot: Slot, earlier: Container[bytes]) -> Hit | Shortage:
        key, n = asked.key, slot.n
        queue = self._queues.get(key, ())
        recorded = self.at(slot)
        replaced = None
        if recorded is not None:
            if (age := asked.age_of(recorded)) is not Age.EXPIRED:
                return self._given(Hit(recorded=recorded, slot=slot, age=age))
            replaced = Replaced(slot, recorded.at)
        if (apart := self._next_apart(asked)) is not None:
            return self._given(Hit(recorded=apart, slot=slot, is_apart=True, replaced=replaced))
        if recorded is None and asked.repeats_last and (last := self._last.get(key)) is not None:
            return Hit(recorded=last[0], slot=last[1])
        shortage = Shortage(n if n >= len(queue) else 0, recorded, replaced)
        if queue or key in self._quarantined:
            return shortage
        if not self.has_recordings:
            return shortage
        sent = self._volatile.loose(asked.request, asked.at)
        return shortage if sent is None else self._find_loosely(asked, sent, earlier, shortage)

    def given(self, recorded: Recorded, slot: Slot) -> None:
        """Remember `recorded` as the last answer of the key of `slot`."""
        self._last[slot.key] = recorded, slot

    def _given(self, hit: Hit) -> Hit:
        self.given(hit.recorded, hit.slot)
        return hit

    def _next_apart(self, asked: Asked) -> Recorded | None:
        """The next recording in quarantine that may still be given."""
        waiting = self._quarantined.get(asked.key)
        while waiting:
            recorded = waiting.popleft()
            if asked.age_of(recorded) is not Age.EXPIRED:
                return recorded
        return None

    def _find_loosely(
        self, asked: Asked, sent: Loose, earlier: Container[bytes], shortage: Shortage
    ) -> Hit | Shortage:
        queue = self._loose_queues().get(sent.key)
        if queue is None:
            return shortage
        taken = queue.take(sent.ids, earlier, asked.age_of, repeats=asked.repeats_last)
        if taken is not None:
            key, recorded = taken
            return Hit(
                recorded=recorded,
                slot=self._slot(key, recorded),
                age=asked.age_of(recorded),
                sent=sent,
                is_apart=id(recorded) in self._apart,
            )
        key, expired = queue.oldest_expired()
        replaced = None
        if expired is not None and id(expired) not in self._apart:
            replaced = Replaced(self._slot(key, expired), expired.at)
        return Shortage(queue.spent(sent.ids), expired, replaced)

    def _slot(self, key: bytes, recorded: Recorded) -> Slot:
        """The slot of a recording, found by its own key."""
        apart = self._apart.get(id(recorded))
        if apart is not None:
            return apart
        return Slot(key, next(n for n, one in enumerate(self._queues[key]) if one is recorded))

    def _loose_queues(self) -> dict[bytes, LooseQueue]:
        if self._loose is None:
            loose: dict[bytes, LooseQueue] = {}
            for queues in (self._queues, self._quarantined):
                for key, queue in queues.items():
                    for recorded in filter(None, queue):
                        self._add_loosely(key, recorded, loose)
            self._loose = loose
        return self._loose

    def _add_loosely(self, key: bytes, recorded: Recorded, queues: dict[bytes, LooseQueue]) -> None:
        try:
            stored = self._volatile.loose(recorded.request, recorded.at)
        except OnetakeError as error:
            self.unreadable.append(error)
            return
        if stored is not None:
            queues.setdefault(stored.key, LooseQueue()).add(stored.ids, key, recorded)

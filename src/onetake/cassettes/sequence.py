"""The sequence of a cassette's recordings as a state machine: keys in, decisions out.

Cursors start at the first recording of each key and move when requests are sent; what this opening
records is never served to itself. Only where an exact key has no recording at all, the loose key is
asked for. Not thread-safe: its driver holds a lock.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Container, Iterable
from itertools import zip_longest

from msgspec import Struct

from onetake.cassettes.ages import Age
from onetake.cassettes.decisions import Decided, Forward, Record, Recorded, Refuse, Replay, Slot
from onetake.config import Mode
from onetake.errors import OnetakeError
from onetake.matching import Loose
from onetake.messages import Request

__all__ = ["Recorded", "Replaced", "Sequence", "Shortage", "Slot"]

LooseOf = Callable[[Recorded], Loose | None]
"""The loose key of a recording; None where it holds no volatile value."""

AgeOf = Callable[[Recorded], Age]

_Ids = tuple[str, ...]


class Replaced(Struct, frozen=True):
    """The recording, made at `at` (UTC seconds), that an answer of today takes the place of."""

    slot: Slot
    at: float


class Shortage(Struct, frozen=True):
    """Why there is no recording to give: `spent` equal ones were given before, `expired` is too old."""

    spent: int = 0
    expired: Recorded | None = None


class Sequence:
    """The recordings that one opening of a cassette has, and how far it has come in them.

    `published` and `quarantined` are (key, recording) in recorded order; the `numbers` of those that are
    published, where they are given, leave out what is lost. `loose_of` is asked of each,
    once, when a request first needs it. `exists` says whether the cassette has a published interaction.
    What is quarantined comes after what is published, and in the place of what has expired.
    """

    def __init__(
        self,
        mode: Mode,
        published: Iterable[tuple[bytes, Recorded]],
        quarantined: Iterable[tuple[bytes, Recorded]] = (),
        *,
        numbers: Iterable[int] = (),
        repeat_last: bool = False,
        loose_of: LooseOf | None = None,
    ) -> None:
        self._mode = mode
        self._repeat_last = repeat_last
        self._loose_of = loose_of
        self._loose: dict[bytes, _LooseQueue] | None = None
        self._queues: dict[bytes, list[Recorded | None]] = {}
        for (key, recorded), number in zip_longest(published, numbers):
            queue = self._queues.setdefault(key, [])
            queue += [None] * ((number or 0) - len(queue))
            queue.append(recorded)
        self.exists = bool(self._queues)
        self._quarantined: dict[bytes, deque[Recorded]] = {}
        self._from_quarantine: dict[int, Slot] = {}
        for key, recorded in quarantined:
            apart = self._quarantined.setdefault(key, deque())
            n = len(self._queues.get(key, ())) + len(apart)
            self._from_quarantine[id(recorded)] = Slot(key, n)
            apart.append(recorded)
        self.has_recordings = bool(self._queues or self._quarantined)
        self._asked: dict[bytes, int] = {}
        self._taken: dict[bytes, int] = {}
        self._last: dict[bytes, tuple[Recorded, Slot]] = {}
        self._seq = 0
        self.used: set[int] = set()
        self.outdated: set[int] = set()  # were asked for, and had expired
        self.taken_from_quarantine: list[tuple[Slot, Recorded, Replaced | None]] = []
        self.slots: dict[int, Slot] = {}
        self.shortages: dict[int, Shortage] = {}  # by number, where there was a recording
        self.replaced: dict[int, Replaced] = {}  # by number
        self.closed = False

    def decide(
        self,
        key: bytes,
        request: Request,
        miss: Callable[[Shortage], OnetakeError],
        *,
        loose: Callable[[], Loose | None] | None = None,
        mode: Mode | None = None,
        repeat_last: bool | None = None,
        age_of: AgeOf | None = None,
    ) -> Decided:
        """What happens to the next request with `key`; `miss` makes the error.

        `loose` gives the loose key; `mode`, `repeat_last` and `age_of` (None: nothing ages) are those of
        this request, where a rule says so.
        """
        mode = mode or self._mode
        n = self._asked.get(key, 0)
        self._asked[key] = n + 1
        if mode is Mode.LIVE:
            return Forward("mode live")
        slot = Slot(key, n)
        if mode is Mode.RECORD:
            return self._closed_or_record(slot, Shortage())
        repeats = self._repeat_last if repeat_last is None else repeat_last
        age_of = age_of or _ageless
        queue = self._queues.get(key, ())
        found = queue[n] if n < len(queue) else None
        replaced = None
        if found is not None and (age := age_of(found)) is not Age.EXPIRED:
            return self._replay(slot, found, request, age)
        if found is not None:
            replaced = Replaced(slot, found.at)
        if (apart := self._apart(key, age_of)) is not None:
            if id(apart) not in self.used:
                self.taken_from_quarantine.append((slot, apart, replaced))
            return self._replay(slot, apart, request)
        if found is None and repeats and (last := self._last.get(key)) is not None:
            return self._replay(last[1], last[0], request)
        shortage = Shortage(n if n >= len(queue) else 0, found)
        if not queue and key not in self._quarantined and loose and (sent := loose()) is not None:
            loose_queue = self._loose_queues().get(sent.key)
            if loose_queue is not None:
                taken = loose_queue.take(sent.ids, self._asked, age_of, repeats=repeats)
                if taken is not None:
                    return self._replay_loosely(*taken, request, age_of(taken[1]), sent)
                old, expired = loose_queue.oldest_expired()
                if expired is not None:
                    replaced = self._replaced(old, expired)
                shortage = Shortage(loose_queue.spent(sent.ids), expired)
        if shortage.expired is not None:
            self.outdated.add(id(shortage.expired))
        if mode is Mode.AUTO or (mode is Mode.ONCE and not self.exists):
            return self._closed_or_record(slot, shortage, replaced)
        return Refuse(miss(shortage))

    def holds(self, key: bytes) -> bool:
        """Whether there is a recording of `key`, for whoever may still have it. Takes no lock."""
        return key in self._queues or key in self._quarantined

    def observe(self) -> Record:
        """A place in the order of sending for a live call that fills no slot."""
        self._seq += 1
        return Record(self._seq)

    def published(self, key: bytes) -> int:
        """How many slots of `key` the cassette had, lost ones among them."""
        return len(self._queues.get(key, ()))

    def next_slot(self, key: bytes) -> int:
        """The number of the first slot of `key` that no recording and no earlier call of this has."""
        held = len(self._queues.get(key, ())) + len(self._quarantined.get(key, ()))
        n = self._taken.get(key, held)
        self._taken[key] = n + 1
        return n

    def _apart(self, key: bytes, age_of: AgeOf) -> Recorded | None:
        """The next recording in quarantine that may still be given."""
        waiting = self._quarantined.get(key)
        while waiting:
            recorded = waiting.popleft()
            if age_of(recorded) is not Age.EXPIRED:
                return recorded
        return None

    def _replaced(self, key: bytes, expired: Recorded) -> Replaced | None:
        for n, recorded in enumerate(self._queues.get(key, ())):
            if recorded is expired:
                return Replaced(Slot(key, n), expired.at)
        return None  # in quarantine only

    def _loose_queues(self) -> dict[bytes, _LooseQueue]:
        if self._loose is None:
            loose: dict[bytes, _LooseQueue] = {}
            for queues in (self._queues, self._quarantined):
                for key, queue in queues.items():
                    for recorded in filter(None, queue):
                        stored = self._loose_of(recorded) if self._loose_of else None
                        if stored is not None:
                            loose_queue = loose.setdefault(stored.key, _LooseQueue())
                            loose_queue.add(stored.ids, key, recorded)
            self._loose = loose
        return self._loose

    def _closed_or_record(
        self, slot: Slot, shortage: Shortage, replaced: Replaced | None = None
    ) -> Decided:
        if self.closed:
            return Forward("its cassette is closed")
        self._seq += 1
        self.slots[self._seq] = slot
        if shortage.spent or shortage.expired is not None:
            self.shortages[self._seq] = shortage
        if replaced is not None:
            self.replaced[self._seq] = replaced
        return Record(self._seq)

    def _replay(
        self, slot: Slot, recorded: Recorded, request: Request, age: Age = Age.FRESH
    ) -> Decided:
        self.used.add(id(recorded))
        self._last[slot.key] = recorded, slot
        return Replay(recorded.answering(request), is_stale=age is Age.STALE, slot=slot)

    def _replay_loosely(
        self, key: bytes, recorded: Recorded, request: Request, age: Age, sent: Loose
    ) -> Decided:
        slot = self._from_quarantine.get(id(recorded))
        if slot is not None and id(recorded) not in self.used:
            self.taken_from_quarantine.append((slot, recorded, None))
        self.used.add(id(recorded))
        if slot is None:
            equal = self._queues[key]
            slot = Slot(key, next(n for n, one in enumerate(equal) if one is recorded))
        return Replay(recorded.answering(request), recorded, sent, age is Age.STALE, slot)


class _LooseQueue:
    """The recordings that share a loose key, in groups of equal ids. Each step costs the same, however many.

    A request with other ids than recorded begins with the first group that nobody has begun with, and
    goes on with it alone whenever it comes again: what is polled under one id never gets the answers of
    another. Recordings that differ in times alone are one group.
    """

    def __init__(self) -> None:
        self._size = 0
        self._given: dict[_Ids, int] = {}
        self._fresh: OrderedDict[_Ids, deque[tuple[bytes, Recorded]]] = OrderedDict()
        self._begun: dict[_Ids, deque[tuple[bytes, Recorded]]] = {}  # by the ids that ask
        self._last: dict[_Ids, tuple[bytes, Recorded]] = {}
        self._expired: deque[tuple[bytes, Recorded]] = deque()

    def add(self, ids: _Ids, key: bytes, recorded: Recorded) -> None:
        self._size += 1
        self._fresh.setdefault(ids, deque()).append((key, recorded))

    def take(
        self, ids: _Ids, asked: Container[bytes], age_of: AgeOf, *, repeats: bool
    ) -> tuple[bytes, Recorded] | None:
        """The next recording for a request with `ids`, and its own exact key; none that was `asked` for."""
        group = self._begun.get(ids)
        if group is None:
            group = self._begin(ids, asked, age_of)
        while group:
            key, recorded = group.popleft()
            if self._may_be_given(key, recorded, asked, age_of):
                self._given[ids] = self._given.get(ids, 0) + 1
                self._last[ids] = (key, recorded)
                return key, recorded
        if repeats and ids in self._last and self._last[ids][0] not in asked:
            return self._last[ids]
        return None

    def spent(self, ids: _Ids) -> int:
        """How many a request with `ids` has had; all of them, where others have had them."""
        return self._given.get(ids, 0) or self._size

    def oldest_expired(self) -> tuple[bytes, Recorded | None]:
        """The first, with its key, that was passed over for its age and not asked for here before."""
        return self._expired.popleft() if self._expired else (b"", None)

    def _begin(
        self, ids: _Ids, asked: Container[bytes], age_of: AgeOf
    ) -> deque[tuple[bytes, Recorded]] | None:
        if ids in self._fresh:
            self._fresh.move_to_end(ids, last=False)
        while self._fresh:
            _, group = self._fresh.popitem(last=False)
            while group and not self._may_be_given(*group[0], asked, age_of):
                group.popleft()
            if group:
                self._begun[ids] = group
                return group
        return None

    def _may_be_given(
        self, key: bytes, recorded: Recorded, asked: Container[bytes], age_of: AgeOf
    ) -> bool:
        if key in asked:
            return False
        if age_of(recorded) is Age.EXPIRED:
            self._expired.append((key, recorded))
            return False
        return True


def _ageless(_: Recorded) -> Age:
    return Age.FRESH

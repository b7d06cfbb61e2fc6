"""One opening of a cassette as a state machine: keys in, decisions out.

Cursors start at the first recording of each key and move when requests are sent; what this opening
records is never served to itself. Only where an exact key has no recording at all, the loose key is
asked for. Not thread-safe: its driver holds a lock.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Container, Iterable

from msgspec import Struct

from onetake.cassettes.decisions import Decision, Forward, Record, Recorded, Refuse, Replay
from onetake.config import Mode
from onetake.errors import OnetakeError
from onetake.matching import Loose
from onetake.messages import Request

__all__ = ["Recorded", "Session", "Slot"]

LooseOf = Callable[[Recorded], Loose | None]
"""The loose key of a recording; None where it holds no volatile value."""

_Ids = tuple[str, ...]


class Slot(Struct, frozen=True):
    """The n-th (from 0) equal request of an opening."""

    key: bytes
    n: int


class Session:
    """Decides for one opening.

    `published` and `quarantined` are (key, recording) in recorded order; `loose_of` is asked of each,
    once, when a request first needs it. `exists` says whether the cassette has a published interaction.
    """

    def __init__(
        self,
        mode: Mode,
        published: Iterable[tuple[bytes, Recorded]],
        quarantined: Iterable[tuple[bytes, Recorded]] = (),
        *,
        repeat_last: bool = False,
        loose_of: LooseOf | None = None,
    ) -> None:
        self._mode = mode
        self._repeat_last = repeat_last
        self._loose_of = loose_of
        self._loose: dict[bytes, _LooseQueue] | None = None
        self._queues: dict[bytes, list[Recorded]] = {}
        for key, recorded in published:
            self._queues.setdefault(key, []).append(recorded)
        self.exists = bool(self._queues)
        self._from_quarantine: dict[int, Slot] = {}
        for key, recorded in quarantined:
            queue = self._queues.setdefault(key, [])
            self._from_quarantine[id(recorded)] = Slot(key, len(queue))
            queue.append(recorded)
        self.has_recordings = bool(self._queues)
        self._asked: dict[bytes, int] = {}
        self._taken: dict[bytes, int] = {}
        self._seq = 0
        self.used: set[int] = set()
        self.taken_from_quarantine: list[tuple[Slot, Recorded]] = []
        self.slots: dict[int, Slot] = {}
        self.spent: dict[int, int] = {}  # by number: equal recordings that had been given before
        self.closed = False

    def decide(
        self,
        key: bytes,
        request: Request,
        miss: Callable[[int], OnetakeError],
        *,
        loose: Callable[[], Loose | None] | None = None,
        mode: Mode | None = None,
        repeat_last: bool | None = None,
    ) -> Decision:
        """What happens to the next request with `key`; `miss(n)` makes the error, n recordings being spent.

        `loose` gives the loose key; `mode` and `repeat_last` are those of this request, where a rule
        says so.
        """
        mode = mode or self._mode
        n = self._asked.get(key, 0)
        self._asked[key] = n + 1
        if mode is Mode.LIVE:
            return Forward("mode live")
        if mode is Mode.RECORD:
            return self._closed_or_record(Slot(key, n))
        repeats = self._repeat_last if repeat_last is None else repeat_last
        queue = self._queues.get(key, ())
        if n < len(queue):
            return self._replay(queue[n], request)
        if queue and repeats:
            return self._replay(queue[-1], request)
        spent = len(queue)
        if not queue and loose is not None and (sent := loose()) is not None:
            loose_queue = self._loose_queues().get(sent.key)
            if loose_queue is not None:
                taken = loose_queue.take(sent.ids, self._asked, repeats=repeats)
                if taken is not None:
                    return self._replay(taken, request, sent)
                spent = loose_queue.spent(sent.ids)
        if mode is Mode.AUTO or (mode is Mode.ONCE and not self.exists):
            decision = self._closed_or_record(Slot(key, n))
            if spent and isinstance(decision, Record):
                self.spent[decision.seq] = spent
            return decision
        return Refuse(miss(spent))

    def observe(self) -> Record:
        """A place in the order of sending for a live call that fills no slot."""
        self._seq += 1
        return Record(self._seq)

    def next_slot(self, key: bytes) -> int:
        """The number of the first slot of `key` that no recording and no earlier call of this has."""
        n = self._taken.get(key, len(self._queues.get(key, ())))
        self._taken[key] = n + 1
        return n

    def _loose_queues(self) -> dict[bytes, _LooseQueue]:
        if self._loose is None:
            loose: dict[bytes, _LooseQueue] = {}
            for key, queue in self._queues.items():
                for recorded in queue:
                    stored = self._loose_of(recorded) if self._loose_of else None
                    if stored is not None:
                        loose_queue = loose.setdefault(stored.key, _LooseQueue())
                        loose_queue.add(stored.ids, key, recorded)
            self._loose = loose
        return self._loose

    def _closed_or_record(self, slot: Slot) -> Decision:
        if self.closed:
            return Forward("its cassette is closed")
        self._seq += 1
        self.slots[self._seq] = slot
        return Record(self._seq)

    def _replay(self, recorded: Recorded, request: Request, sent: Loose | None = None) -> Decision:
        slot = self._from_quarantine.get(id(recorded))
        if slot is not None and id(recorded) not in self.used:
            self.taken_from_quarantine.append((slot, recorded))
        self.used.add(id(recorded))
        loosely = None if sent is None else recorded
        return Replay(recorded.answering(request), loosely, sent)


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

    def add(self, ids: _Ids, key: bytes, recorded: Recorded) -> None:
        self._size += 1
        self._fresh.setdefault(ids, deque()).append((key, recorded))

    def take(self, ids: _Ids, asked: Container[bytes], *, repeats: bool) -> Recorded | None:
        """The next recording for a request with `ids`; none whose own exact key was `asked` for."""
        group = self._begun.get(ids)
        if group is None:
            group = self._begin(ids, asked)
        while group:
            key, recorded = group.popleft()
            if key not in asked:
                self._given[ids] = self._given.get(ids, 0) + 1
                self._last[ids] = (key, recorded)
                return recorded
        if repeats and ids in self._last and self._last[ids][0] not in asked:
            return self._last[ids][1]
        return None

    def spent(self, ids: _Ids) -> int:
        """How many a request with `ids` has had; all of them, where others have had them."""
        return self._given.get(ids, 0) or self._size

    def _begin(self, ids: _Ids, asked: Container[bytes]) -> deque[tuple[bytes, Recorded]] | None:
        if ids in self._fresh:
            self._fresh.move_to_end(ids, last=False)
        while self._fresh:
            _, group = self._fresh.popitem(last=False)
            while group and group[0][0] in asked:
                group.popleft()
            if group:
                self._begun[ids] = group
                return group
        return None

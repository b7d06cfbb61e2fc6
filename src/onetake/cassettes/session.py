"""One opening of a cassette as a state machine: keys in, decisions out.

Cursors start at the first recording of each key and move when requests are sent; what this opening
records is never served to itself. Not thread-safe: its driver holds a lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from msgspec import Struct

from onetake.cassettes.decisions import Decision, Forward, Record, Refuse, Replay
from onetake.config import Mode
from onetake.errors import OnetakeError
from onetake.messages import Interaction, Request


class Recorded(Protocol):
    """A recording whose answer is decoded at first use."""

    @property
    def interaction(self) -> Interaction: ...

    def answering(self, request: Request) -> Interaction:
        """The interaction, with the equal `request` in the place of the stored one."""


class Slot(Struct, frozen=True):
    """The n-th (from 0) equal request of an opening."""

    key: bytes
    n: int


class Session:
    """Decides for one opening.

    `published` and `quarantined` are (key, recording) in recorded order; `exists` says whether the
    cassette has a published interaction.
    """

    def __init__(
        self,
        mode: Mode,
        published: Iterable[tuple[bytes, Recorded]],
        quarantined: Iterable[tuple[bytes, Recorded]] = (),
        *,
        repeat_last: bool = False,
    ) -> None:
        self._mode = mode
        self._repeat_last = repeat_last
        self._queues: dict[bytes, list[Recorded]] = {}
        for key, recorded in published:
            self._queues.setdefault(key, []).append(recorded)
        self._exists = bool(self._queues)
        self._from_quarantine: set[int] = set()
        for key, recorded in quarantined:
            self._queues.setdefault(key, []).append(recorded)
            self._from_quarantine.add(id(recorded))
        self._asked: dict[bytes, int] = {}
        self._seq = 0
        self.used: set[int] = set()
        self.taken_from_quarantine: list[tuple[Slot, Recorded]] = []
        self.slots: dict[int, Slot] = {}
        self.closed = False

    def decide(self, key: bytes, request: Request, miss: Callable[[int], OnetakeError]) -> Decision:
        """What happens to the next request with `key`; `miss(n)` makes the error, n recordings being spent."""
        n = self._asked.get(key, 0)
        self._asked[key] = n + 1
        if self._mode is Mode.LIVE:
            return Forward("mode live")
        if self._mode is Mode.RECORD:
            return self._closed_or_record(Slot(key, n))
        queue = self._queues.get(key, ())
        if n < len(queue):
            return self._replay(Slot(key, n), queue[n], request)
        if queue and self._repeat_last:
            return self._replay(Slot(key, len(queue) - 1), queue[-1], request)
        if self._mode is Mode.AUTO or (self._mode is Mode.ONCE and not self._exists):
            return self._closed_or_record(Slot(key, n))
        return Refuse(miss(len(queue)))

    def _closed_or_record(self, slot: Slot) -> Decision:
        if self.closed:
            return Forward("its cassette is closed")
        self._seq += 1
        self.slots[self._seq] = slot
        return Record(self._seq)

    def _replay(self, slot: Slot, recorded: Recorded, request: Request) -> Decision:
        if id(recorded) in self._from_quarantine and id(recorded) not in self.used:
            self.taken_from_quarantine.append((slot, recorded))
        self.used.add(id(recorded))
        return Replay(recorded.answering(request))

"""The short way to a recording: by the bytes of a request, before anything of its body is read.

All of a request but its body is its head. Few heads occur in an opening, and each is read once: what rules say
of it, who asks, its safe URL. A body that is byte for byte that of a recording with the same head has the key
of this recording, so its answer is given without redacting, parsing and comparing anything. Whatever could make
a difference is left to the long way: `recall` gives an answer that the long way would give too, or none.

While requests come in recorded order, not even the keys of recordings are needed: the n-th request has the
bytes of the n-th recording, and all equal recordings before that one have been given. The first request that is
another one ends this. Then the keys are computed, and what was given is counted by them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from threading import Lock

from msgspec import Struct

from onetake.cassettes.ages import Lifetime
from onetake.cassettes.by_key import ByKey
from onetake.cassettes.decisions import Recorded, Slot
from onetake.cassettes.sequence import Sequence
from onetake.config import Mode, Settings
from onetake.errors import OnetakeError
from onetake.matching.raw import NO_DIGEST, Head, raw_head, with_body
from onetake.messages import Ended, Interaction, Request
from onetake.recorder.captured import Captured
from onetake.recorder.ledger import Ledger
from onetake.recorder.lookup import Lookup
from onetake.recorder.traffic import Traffic
from onetake.stores.port import Opened

_MOST_HEADS = 256  # a client that sends a new header line with each call would fill the memory


class _Known(Struct, frozen=True):
    """A head that has been read."""

    safe: Request  # without its body
    digest: Head | None  # None where only the long way knows what to do


class ShortWay:
    """The recordings of one opening by the bytes of their requests.

    Thread-safe: `lock` is that of the account.
    """

    def __init__(
        self,
        settings: Settings,
        lookup: Lookup,
        traffic: Traffic,
        sequence: Sequence,
        finder: ByKey,
        captured: Captured,
        ledger: Ledger,
        lock: Lock,
        *,
        opened: Opened,
        lifetime: Lifetime,
    ) -> None:
        """`opened` is what the cassette holds, and `lifetime` how old a recording may become."""
        self._lookup = lookup
        self._traffic = traffic
        self._sequence = sequence
        self._finder = finder
        self._captured = captured
        self._ledger = ledger
        self._lock = lock
        self._heads: dict[Hashable, _Known] = {}
        self._opened = opened
        self._keys: dict[bytes, bytes] | None = None  # by digests
        self._in_order: int | None = 0
        """How many requests have come in recorded order; None once one has not."""
        self._slots: list[Slot] = []  # of the first recordings
        self._counts: dict[bytes, int] = {}  # of their keys
        self._counting = Lock()  # the account asks for slots at any time
        self._is_open = (
            bool(opened.digests)
            and settings.mode in (Mode.REPLAY, Mode.AUTO, Mode.ONCE)
            and lifetime.is_endless
        )
        if self._is_open:
            sequence.behind = self._end_order

    def recall(
        self, head: Hashable, body: bytes, request_of: Callable[[], Request], client: str
    ) -> Interaction | None:
        """The recorded answer to a request, which is accounted for; None where the long way is to decide.

        `head` stands for all of the request but its body and its length. `request_of` makes the request.
        Nothing is raised. What is given is an answer that came to its end.
        """
        if not self._is_open or self._lookup.has_learned:
            return None
        known = self._heads.get(head)
        if known is None:
            known = self._heads[head] = self._read(request_of())
        if known.digest is None:
            return None
        digest = with_body(known.digest, body)
        with self._lock:
            try:
                found = self._find(digest)
                if found is None or not self._captured.is_empty:
                    return None
                recorded, slot = found
                safe = known.safe.replace(body=body)
                answer = recorded.answering(safe)
            except OnetakeError:  # the long way says so
                return None
            if answer.response is None or answer.ended is not Ended.COMPLETE:
                return None  # how such a call ends is for the long way
            is_again = self._given(recorded, slot)
            self._ledger.add_replay(
                safe,
                client,
                answer,
                recorded=recorded,
                slot=slot or partial(self._slot, (self._in_order or 1) - 1),
                is_again=is_again,
            )
        return answer

    def _find(self, digest: bytes) -> tuple[Recorded, Slot | None] | None:
        """Return the recording for a request of this digest, and its slot where keys are known."""
        place, entries = self._in_order, self._opened.entries
        if place is not None and place < len(entries) and self._opened.digests[place] == digest:
            return entries[place], None
        if self._keys is None:
            self._keys = dict(zip(self._opened.digests, self._opened.keys, strict=True))
            self._keys.pop(NO_DIGEST, None)
        key = self._keys.get(digest)
        if key is None:
            return None
        self._sequence.catch_up()
        slot = self._sequence.next_slot(key)
        recorded = self._finder.at(slot)
        return None if recorded is None else (recorded, slot)

    def _given(self, recorded: Recorded, slot: Slot | None) -> bool:
        """Count `recorded` as given; whether it has answered before."""
        if slot is None:
            assert self._in_order is not None
            self._in_order += 1
            self._sequence.used.add(id(recorded))
            return False
        is_again = self._sequence.give(recorded, slot)
        self._finder.given(recorded, slot)
        return is_again

    def _end_order(self) -> None:
        """Count what was given in recorded order by its keys. Raises `OnetakeError`."""
        for place in range(self._in_order or 0):
            recorded, slot = self._opened.entries[place], self._slot(place)
            self._sequence.give(recorded, slot)
            self._finder.given(recorded, slot)
        self._in_order = None

    def _slot(self, place: int) -> Slot:
        """Return the slot of a recording, by the keys of those before it. Raises `OnetakeError`."""
        with self._counting:
            while len(self._slots) <= place:
                key = self._opened.keys[len(self._slots)]
                n = self._counts.get(key, 0)
                self._slots.append(Slot(key, n))
                self._counts[key] = n + 1
            return self._slots[place]

    def _read(self, request: Request) -> _Known:
        if len(self._heads) >= _MOST_HEADS:
            self._heads.clear()
        bare = request.replace(body=b"")
        try:
            heads = self._lookup.head(bare) if self._traffic.is_ordinary(bare) else None
        except OnetakeError:  # the long way says so
            heads = None
        if heads is None:
            return _Known(bare, None)
        safe, told = heads
        return _Known(told, raw_head(safe))

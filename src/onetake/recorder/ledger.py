"""The account of an owner: an entry for each call, and what its answer says that it used.

While a call is made an entry is added, and nothing else. A live answer is read when it is there. That of a
recording is read when somebody asks, from the recording, which is in memory anyway. So an entry is small: it
holds no body, and what is answered by one recording again and again has one entry.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from typing import TYPE_CHECKING

from msgspec import Struct

from onetake.cassettes.calls import Call, LooseHit
from onetake.errors import CassetteError
from onetake.messages import Interaction, Request, read_url
from onetake.recorder.readings import BILLED, NOTHING, Reading, is_unsent, reading_of
from onetake.stores import diary

if TYPE_CHECKING:
    from onetake.cassettes.decisions import Recorded, Slot

_LIVE = ("recorded", "live", "exchanged")
_UNREAD = 8 << 20  # bytes of requests and answers that an account holds until they are read

_numbers = count(1)

Late = Callable[[Call, int], None]
"""Told of a call that was made after its account was closed, with the number of an account of its own."""


class Entry(Struct, kw_only=True, eq=False):
    """A call as it is known so far."""

    method: str
    url: str
    client: str
    outcome: str
    reason: str = ""
    loose: tuple[LooseHit, ...] = ()
    slot: Slot | Callable[[], Slot] | None = None  # or what finds it out
    sent: int = 0
    reading: Reading | None = None  # None until the answer is read
    recorded: Recorded | None = None  # where the answer is to be read
    answer: tuple[Request, Interaction] | None = None  # what was decoded of it, while few wait

    def read(self) -> Reading:
        """Return what the answer came to: nothing yet, where it is not there."""
        if self.reading is None and (self.recorded is not None or self.answer is not None):
            self.reading = self._read()
            self.recorded = self.answer = None
        return self.reading or NOTHING

    def replayed(self) -> tuple[Request, Interaction] | None:
        """The request and the answer of a replay that nobody has read yet."""
        if self.answer is not None or self.recorded is None:
            return self.answer
        try:
            request = self.recorded.request
            return request, self.recorded.answering(request)
        except CassetteError:  # a blob is gone since it was replayed
            return None

    def _read(self) -> Reading:
        found = self.replayed()
        return NOTHING if found is None else reading_of(*found, self.outcome)

    def to_call(self) -> Call:
        read, slot = self.read(), self.slot
        if callable(slot):
            slot = self.slot = slot()
        return Call(
            method=self.method,
            url=self.url,
            client=self.client,
            outcome=self.outcome,
            reason=self.reason,
            loose=self.loose,
            status=read.status,
            ms=read.ms,
            sent=self.sent,
            received=read.received,
            failed=read.failed,
            interaction="" if slot is None else f"{slot.key.hex()[:12]}.{slot.n}",
            usage=read.usage,
        )


class Ledger:
    """The account of `test`. Not thread-safe: its owner holds a lock.

    `counts` are the sums by outcome, and what owners add. `number` is that of the account in this process.
    Once it is closed it stays as it is: each call is an account of its own, the `late_number`.
    """

    def __init__(self, test: str, *, is_marked: bool = True) -> None:
        self.test = test
        self.number = next(_numbers)
        self.late_number = 0
        self.counts: Counter[str] = Counter()
        self._late: Late | None = None
        self._is_marked = is_marked
        self._entries: list[Entry] = []
        self._again: dict[tuple[object, ...], Entry] = {}
        self._unread = 0
        self._end: int | None = None  # once closed, how many are its own

    def close(self, late: Late | None = None) -> None:
        """End the account: each later call is told to `late`."""
        self._end = len(self._entries)
        self._late = late

    @property
    def is_closed(self) -> bool:
        return self._end is not None

    def add(
        self,
        request: Request,
        client: str,
        outcome: str,
        reason: str = "",
        *,
        slot: Slot | None = None,
        sent: int | None = None,
        answer: Interaction | None = None,
        is_counted: bool = True,
    ) -> Entry:
        """A new entry of `request`, which is safe; `answer` is that of a call which has one already.

        `sent` is the size of a body that `request` lacks.
        """
        entry = Entry(
            method=request.method,
            url=request.url,
            client=client,
            outcome=outcome,
            reason=reason,
            slot=slot,
            sent=len(request.body) if sent is None else sent,
        )
        if answer is not None:
            entry.reading = reading_of(request, answer, outcome)
        return self._added(entry, is_counted=is_counted)

    def add_replay(
        self,
        request: Request,
        client: str,
        answer: Interaction,
        *,
        recorded: Recorded,
        slot: Slot | Callable[[], Slot] | None,
        is_again: bool,
        reason: str = "",
        loose: tuple[LooseHit, ...] = (),
    ) -> None:
        """A request, which is safe, was answered from a recording.

        `is_again` says that the recording has answered before.
        """
        entry = None
        same = (id(recorded), client, request.url, reason, loose, len(request.body))
        if is_again:
            entry = self._again.get(same)
        if entry is None:
            entry = Entry(
                method=request.method,
                url=request.url,
                client=client,
                outcome="replayed",
                reason=reason,
                loose=loose,
                slot=slot,
                sent=len(request.body),
                recorded=recorded,
            )
            if is_again:
                self._again[same] = entry
            else:
                self._hold(entry, request, answer)
        self._added(entry)

    def _hold(self, entry: Entry, request: Request, answer: Interaction) -> None:
        """Spare the one who reads the answer from decoding it again."""
        response = answer.response
        self._unread += len(request.body) + (0 if response is None else len(response.body.data))
        if self._unread < _UNREAD:
            entry.answer = request, answer

    def _added(self, entry: Entry, *, is_counted: bool = True) -> Entry:
        if self.is_closed:
            self.late_number = next(_numbers)
        if is_counted:
            if not self.is_closed:
                self.counts[entry.outcome] += 1
            self._tell(entry)
        self._entries.append(entry)
        if self._late is not None:
            self._late(entry.to_call(), self.late_number)
        return entry

    def answered(self, entry: Entry, request: Request, answer: Interaction) -> None:
        """A live call has ended: it is read at once, as nobody holds what was only read."""
        entry.reading = reading_of(request, answer, entry.outcome)
        if self.is_closed or entry.outcome not in BILLED:
            return
        if is_unsent(entry.reading.failed):
            self.counts["unsent"] += 1

    def change(self, entry: Entry, outcome: str, reason: str) -> None:
        """A call came to something else than it was taken for."""
        was = entry.outcome
        self.counts[was] -= 1
        self.counts[outcome] += 1
        entry.outcome, entry.reason = outcome, reason
        self._tell(entry, was)

    def _tell(self, entry: Entry, was: str = "") -> None:
        own = diary.current()
        if own is not None:
            host = read_url(entry.url).netloc if entry.outcome in _LIVE else ""
            number = self.late_number or self.number
            own.add(diary.Line(number, self.test, self._is_marked, entry.outcome, was, host))

    def replays(self) -> Iterator[tuple[Request, Interaction]]:
        """The requests and answers of replayed calls, each recording once."""
        for entry in dict.fromkeys(self._entries):
            if entry.outcome == "replayed" and (found := entry.replayed()) is not None:
                yield found

    @property
    def calls(self) -> list[Call]:
        """The calls in the order of sending, without late ones. A live call under way has no status yet."""
        calls: dict[Entry, Call] = {}
        own = self._entries[: self._end]
        for entry in own:
            if entry not in calls:
                calls[entry] = entry.to_call()
        return [calls[entry] for entry in own]

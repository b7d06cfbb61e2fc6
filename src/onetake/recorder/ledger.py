"""The account of an owner: an entry for each call, and what its answer says that it used.

While a call is made an entry is added, and nothing else; answers are read when somebody asks, at the latest
when their scope has ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import count

from msgspec import Struct

from onetake.cassettes.sequence import Slot
from onetake.messages import Interaction, Request, read_url
from onetake.recorder.calls import Call, LooseHit
from onetake.recorder.traffic import is_own_server
from onetake.spend import NEVER_SENT, Spent, Usage, is_free, usage_of
from onetake.stores import diary

_BILLED = ("replayed", "recorded", "live")
_LIVE = ("recorded", "live", "exchanged")

_numbers = count(1)


class _Entry(Struct, kw_only=True):
    """A call as it is known so far: `answer` is None until it is there, and where nobody reads it.

    Once the answer is read neither it nor the body of the request is held any longer.
    """

    request: Request  # redacted
    client: str
    outcome: str
    reason: str = ""
    loose: tuple[LooseHit, ...] = ()
    slot: Slot | None = None
    sent: int = 0
    answer: Interaction | None = None
    read: _Read | None = None


class _Read(Struct, frozen=True):
    """What an answer came to."""

    status: int = 0
    ms: int = 0
    received: int = 0
    failed: str = ""
    usage: Usage | None = None


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
        self._is_marked = is_marked
        self._entries: list[_Entry] = []
        self._end: int | None = None  # once closed, how many are its own

    def close(self) -> None:
        """What comes from now on is late."""
        self._end = len(self._entries)

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
        loose: tuple[LooseHit, ...] = (),
        slot: Slot | None = None,
        sent: int | None = None,
        answer: Interaction | None = None,
        is_counted: bool = True,
    ) -> int:
        """The number of the new entry.

        `answer` is that of a call which has one already, `sent` the size of a body that `request` lacks.
        """
        if self.is_closed:
            self.late_number = next(_numbers)
        if is_counted:
            if not self.is_closed:
                self.counts[outcome] += 1
            self._tell(request, outcome)
        entry = _Entry(
            request=request,
            client=client,
            outcome=outcome,
            reason=reason,
            loose=loose,
            slot=slot,
            sent=len(request.body) if sent is None else sent,
            answer=answer,
        )
        self._entries.append(entry)
        return len(self._entries) - 1

    def answered(self, number: int, answer: Interaction) -> None:
        """A live call has ended: it is read at once, as nobody else holds what was only read."""
        entry = self._entries[number]
        entry.answer = answer
        if _read(entry).failed in NEVER_SENT and not self.is_closed:
            self.counts["unsent"] += 1

    def change(self, number: int, outcome: str, reason: str) -> None:
        """A call came to something else than it was taken for."""
        entry = self._entries[number]
        self.counts[entry.outcome] -= 1
        self.counts[outcome] += 1
        self._tell(entry.request, outcome, entry.outcome)
        entry.outcome, entry.reason = outcome, reason

    def _tell(self, request: Request, outcome: str, was: str = "") -> None:
        own = diary.current()
        if own is not None:
            host = read_url(request.url).netloc if outcome in _LIVE else ""
            number = self.late_number or self.number
            own.add(diary.Line(number, self.test, self._is_marked, outcome, was, host))

    def replays(self) -> Iterator[tuple[Request, Interaction]]:
        """Of replayed calls the request and the answer, as long as nobody has read it."""
        for entry in self._entries:
            if entry.outcome == "replayed" and entry.answer is not None:
                yield entry.request, entry.answer

    @property
    def last(self) -> Call:
        """The newest entry."""
        return _call_of(self._entries[-1])

    @property
    def calls(self) -> list[Call]:
        """In the order of sending, without late ones. A live call under way has no status yet."""
        return [_call_of(entry) for entry in self._entries[: self._end]]


def spent(calls: Iterable[Call]) -> Iterator[Spent]:
    """What of `calls` was, or would have been, paid for.

    A call that failed costs nothing, nor does one to a server near by that is no gateway to a paid API.
    """
    for call in calls:
        if call.outcome not in _BILLED or is_free(call.method) or call.failed in NEVER_SENT:
            continue
        if call.status and not 200 <= call.status < 300:
            continue
        request = Request(method=call.method, url=call.url)
        if call.usage is not None or not is_own_server(request):
            yield Spent(outcome=call.outcome, host=read_url(call.url).netloc, usage=call.usage)


def _call_of(entry: _Entry) -> Call:
    read = entry.read or _read(entry)
    return Call(
        method=entry.request.method,
        url=entry.request.url,
        client=entry.client,
        outcome=entry.outcome,
        reason=entry.reason,
        loose=entry.loose,
        status=read.status,
        ms=read.ms,
        sent=entry.sent,
        received=read.received,
        failed=read.failed,
        interaction="" if entry.slot is None else f"{entry.slot.key.hex()[:12]}.{entry.slot.n}",
        usage=read.usage,
    )


def _read(entry: _Entry) -> _Read:
    """What its answer came to; nothing yet of one that is not there."""
    answer = entry.answer
    if answer is None:
        return _NOTHING
    response = answer.response
    if response is None:
        failed = answer.failure.kind if answer.failure is not None else answer.ended.value
        entry.read = _Read(ms=answer.ms, failed=failed)
    else:
        is_billed = entry.outcome in _BILLED
        entry.read = _Read(
            status=response.status,
            ms=_ms(answer),
            received=len(response.body.data),
            usage=usage_of(entry.request, response) if is_billed else None,
        )
    entry.answer = None
    entry.request = Request(method=entry.request.method, url=entry.request.url)
    return entry.read


_NOTHING = _Read()


def _ms(answer: Interaction) -> int:
    """Until the last byte, where its time is known."""
    chunks = answer.response.body.chunks if answer.response is not None else ()
    return max(answer.ms, chunks[-1].ms) if chunks else answer.ms

"""The account of an owner: an entry for each call, and what its answer says that it used.

While a call is made an entry is added, and nothing else; answers are read when somebody asks, at the latest
when their scope has ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import count

from msgspec import Struct

from onetake.cassettes.session import Slot
from onetake.messages import Interaction, Request, read_url
from onetake.recorder.calls import Call, LooseHit
from onetake.recorder.traffic import is_own_server
from onetake.spend import Spent, Usage, is_free, usage_of
from onetake.stores import diary

_BILLED = ("replayed", "recorded", "live")
_LIVE = ("recorded", "live", "exchanged")

_numbers = count(1)


class _Entry(Struct, kw_only=True):
    """A call as it is known so far: `answer` is None until it is there, and where nobody reads it."""

    request: Request  # redacted
    client: str
    outcome: str
    reason: str = ""
    loose: tuple[LooseHit, ...] = ()
    slot: Slot | None = None
    answer: Interaction | None = None
    call: Call | None = None


class Ledger:
    """The account of `test`. Not thread-safe: its owner holds a lock.

    `counts` are the sums by outcome, and what owners add. `number` is that of the account in this process;
    once it `is_closed` each call is an account of its own.
    """

    def __init__(self, test: str, *, is_marked: bool = True) -> None:
        self.test = test
        self.number = next(_numbers)
        self.is_closed = False
        self.counts: Counter[str] = Counter()
        self._is_marked = is_marked
        self._entries: list[_Entry] = []

    def add(
        self,
        request: Request,
        client: str,
        outcome: str,
        reason: str = "",
        *,
        loose: tuple[LooseHit, ...] = (),
        slot: Slot | None = None,
        answer: Interaction | None = None,
        is_counted: bool = True,
    ) -> int:
        """The number of the new entry. `answer` is that of a call which has one already."""
        if self.is_closed:
            self.number = next(_numbers)
        if is_counted:
            self.counts[outcome] += 1
            self._tell(request, outcome)
        entry = _Entry(
            request=request,
            client=client,
            outcome=outcome,
            reason=reason,
            loose=loose,
            slot=slot,
            answer=answer,
        )
        self._entries.append(entry)
        return len(self._entries) - 1

    def answered(self, number: int, answer: Interaction) -> None:
        """A live call has ended."""
        entry = self._entries[number]
        entry.answer, entry.call = answer, None

    def change(self, number: int, outcome: str, reason: str) -> None:
        """A call came to something else than it was taken for."""
        entry = self._entries[number]
        self.counts[entry.outcome] -= 1
        self.counts[outcome] += 1
        self._tell(entry.request, outcome, entry.outcome)
        entry.outcome, entry.reason, entry.call = outcome, reason, None

    def _tell(self, request: Request, outcome: str, was: str = "") -> None:
        own = diary.current()
        if own is not None:
            host = read_url(request.url).netloc if outcome in _LIVE else ""
            own.add(diary.Line(self.number, self.test, self._is_marked, outcome, was, host))

    @property
    def last(self) -> Call:
        """The newest entry."""
        return _settled(self._entries[-1])

    @property
    def calls(self) -> list[Call]:
        """In the order of sending. A live call that is under way has no status yet."""
        return [_settled(entry) for entry in self._entries]

    def __len__(self) -> int:
        return len(self._entries)


def spent(calls: Iterable[Call]) -> Iterator[Spent]:
    """What of `calls` was, or would have been, paid for.

    A call that failed costs nothing, nor does one to a server near by that is no gateway to a paid API.
    """
    for call in calls:
        is_billed = call.outcome in _BILLED and not is_free(call.method)
        if not is_billed or not (call.status == 0 or 200 <= call.status < 300):
            continue
        request = Request(method=call.method, url=call.url)
        if call.usage is not None or not is_own_server(request):
            yield Spent(outcome=call.outcome, host=read_url(call.url).netloc, usage=call.usage)


def _settled(entry: _Entry) -> Call:
    if entry.call is None:
        entry.call = _call_of(entry)
        if entry.call.status:
            entry.answer = None  # read once, and not held any longer
    return entry.call


def _call_of(entry: _Entry) -> Call:
    request, answer = entry.request, entry.answer
    response = None if answer is None else answer.response
    usage: Usage | None = None
    if response is not None and entry.outcome in _BILLED:
        usage = usage_of(request, response)
    return Call(
        method=request.method,
        url=request.url,
        client=entry.client,
        outcome=entry.outcome,
        reason=entry.reason,
        loose=entry.loose,
        status=0 if response is None else response.status,
        ms=0 if answer is None else _ms(answer),
        sent=len(request.body),
        received=0 if response is None else len(response.body.data),
        interaction="" if entry.slot is None else f"{entry.slot.key.hex()[:12]}.{entry.slot.n}",
        usage=usage,
    )


def _ms(answer: Interaction) -> int:
    """Until the last byte, where its time is known."""
    chunks = answer.response.body.chunks if answer.response is not None else ()
    return max(answer.ms, chunks[-1].ms) if chunks else answer.ms

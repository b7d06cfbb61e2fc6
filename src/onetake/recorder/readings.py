"""Readings of answers: their sizes and times, the usage that they state, and what was paid for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from onetake.cassettes.calls import Call
from onetake.messages import Interaction, Request, read_url
from onetake.recorder.traffic import is_own_server

if TYPE_CHECKING:
    from onetake.spend import Spent, Usage

# `spend` is imported late: a test without calls has nothing to count.

BILLED = ("replayed", "recorded", "live")
"""Outcomes of calls that are paid for, or would have been."""


class Reading(Struct, frozen=True):
    """The facts of an answer that an account keeps."""

    status: int = 0
    ms: int = 0
    received: int = 0
    failed: str = ""
    usage: Usage | None = None


NOTHING = Reading()


def spent(calls: Iterable[Call]) -> Iterator[Spent]:
    """Yield the calls that were, or would have been, paid for: equal ones as one.

    A call that failed costs nothing, nor does one to a server near by that is no gateway to a paid API.
    """
    from onetake.spend import NEVER_SENT, Spent, is_free

    counts: Counter[Spent] = Counter()
    for call in calls:
        if call.outcome not in BILLED or is_free(call.method) or call.failed in NEVER_SENT:
            continue
        if call.status and not 200 <= call.status < 300:
            continue
        request = Request(method=call.method, url=call.url)
        if call.usage is not None or not is_own_server(request):
            host = read_url(call.url).netloc
            counts[Spent(outcome=call.outcome, host=host, usage=call.usage)] += 1
    for one, count in counts.items():
        yield one if count == 1 else replace(one, calls=count)


def reading_of(request: Request, answer: Interaction, outcome: str) -> Reading:
    """Read the answer to a call; its usage only where a call with this outcome is billed."""
    from onetake.spend import usage_of

    response = answer.response
    if response is None:
        failed = answer.failure.kind if answer.failure is not None else answer.ended.value
        return Reading(ms=answer.ms, failed=failed)
    return Reading(
        status=response.status,
        ms=_ms(answer),
        received=len(response.body.data),
        usage=usage_of(request, response) if outcome in BILLED else None,
    )


def _ms(answer: Interaction) -> int:
    """Until the last byte, where its time is known."""
    chunks = answer.response.body.chunks if answer.response is not None else ()
    return max(answer.ms, chunks[-1].ms) if chunks else answer.ms


def is_unsent(failed: str) -> bool:
    """Return whether a call that failed so was never sent, so that nobody is billed for it."""
    from onetake.spend import NEVER_SENT

    return failed in NEVER_SENT

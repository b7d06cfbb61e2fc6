"""Two interactions, or two cassettes, compared by meaning: what each path says in the one and in the other.

Paths of requests are those of rules; those of answers begin with `answer`. What changes from answer to
answer and says nothing (dates, request ids, timings) is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from onetake.config.paths import path_text
from onetake.content import Kind, Meaning, meaning_of, read_response
from onetake.diagnosis.differences import (
    Change,
    changes,
    meaning_changes,
    to_difference,
)
from onetake.diagnosis.excerpts import likeness, line_of
from onetake.diagnosis.facts import Difference
from onetake.diagnosis.kinds import MISSING
from onetake.formats.volatile import is_volatile_header
from onetake.matching import DEFAULT_HEADERS, Matcher
from onetake.messages import Interaction, Request, Response

_MOST_PAIRED = 400  # of one place, by likeness


class Counterparts(Struct, frozen=True, kw_only=True):
    """An interaction of one cassette and its counterpart in the other, by their numbers from 1; None where
    there is none."""

    line: str
    one: int | None = None
    other: int | None = None
    differences: tuple[Difference, ...] = ()


def compare(one: Interaction, other: Interaction) -> tuple[Difference, ...]:
    """What differs, the request first. Never raises."""
    moments = (float(one.at), float(other.at))
    found = [*changes(one.request, other.request, DEFAULT_HEADERS), *_answers(one, other)]
    return tuple(to_difference(change, moments) for change in found)


def compare_cassettes(
    ones: Sequence[Interaction], others: Sequence[Interaction], matcher: Matcher
) -> tuple[Counterparts, ...]:
    """The interactions that differ, in the order of `ones`, then those that only `others` has.

    Requests of one key belong together in order; of the rest, those of the same method, host and path
    that are most alike.
    """
    partner = _by_key(ones, others, matcher)
    taken = set(partner.values())
    partner |= _by_likeness(
        ones,
        others,
        [i for i in range(len(ones)) if i not in partner],
        [j for j in range(len(others)) if j not in taken],
    )
    pairs: list[Counterparts] = []
    for i, one in enumerate(ones):
        j = partner.get(i)
        found = compare(one, others[j]) if j is not None else ()
        if j is None or found:
            number = None if j is None else j + 1
            line = line_of(one.request)
            pairs.append(Counterparts(line=line, one=i + 1, other=number, differences=found))
    taken = set(partner.values())
    pairs += [
        Counterparts(line=line_of(other.request), other=j + 1)
        for j, other in enumerate(others)
        if j not in taken
    ]
    return tuple(pairs)


def _by_key(
    ones: Sequence[Interaction], others: Sequence[Interaction], matcher: Matcher
) -> dict[int, int]:
    waiting: dict[bytes, list[int]] = {}
    for j, other in enumerate(others):
        waiting.setdefault(matcher.key(other.request), []).append(j)
    found: dict[int, int] = {}
    for i, one in enumerate(ones):
        queue = waiting.get(matcher.key(one.request))
        if queue:
            found[i] = queue.pop(0)
    return found


def _by_likeness(
    ones: Sequence[Interaction],
    others: Sequence[Interaction],
    left: Sequence[int],
    right: Sequence[int],
) -> dict[int, int]:
    by_place: dict[tuple[str, str], list[int]] = {}
    for j in right:
        by_place.setdefault(_place(others[j].request), []).append(j)
    scored = [
        (likeness(ones[i].request.body, others[j].request.body), -i, -j)
        for i in left
        for j in by_place.get(_place(ones[i].request), [])[:_MOST_PAIRED]
    ]
    found: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in sorted(scored, reverse=True):
        if -i not in found and -j not in taken:
            found[-i] = -j
            taken.add(-j)
    return found


def _place(request: Request) -> tuple[str, str]:
    return request.method.upper(), request.url.partition("?")[0]


def _answers(one: Interaction, other: Interaction) -> Iterator[Change]:
    if one.ended is not other.ended:
        yield Change("answer.ended", one.ended.value, other.ended.value)
    failures = [None if it.failure is None else it.failure.kind for it in (one, other)]
    if failures[0] != failures[1]:
        yield Change("answer.failure", *(MISSING if it is None else it for it in failures))
    if one.response is None or other.response is None:
        if one.response is not other.response:
            statuses = [
                MISSING if it.response is None else it.response.status for it in (one, other)
            ]
            yield Change("answer.status", statuses[0], statuses[1])
        return
    yield from _responses(one.response, other.response)


def _responses(one: Response, other: Response) -> Iterator[Change]:
    if one.status != other.status:
        yield Change("answer.status", one.status, other.status)
    names = dict.fromkeys(name.lower() for name, _ in (*one.headers, *other.headers))
    for name in names:
        if name == "content-length" or is_volatile_header(name):
            continue
        values = [", ".join(it.headers.get_all(name)) or MISSING for it in (one, other)]
        if values[0] != values[1]:
            yield Change(path_text("answer.header", (name,)), values[0], values[1])
    for change in meaning_changes(_meaning(one), _meaning(other)):
        yield Change(f"answer.{change.path}", change.recorded, change.sent)


def _meaning(response: Response) -> Meaning:
    """Return what the body of an answer says; events are compared one by one."""
    content = read_response(response)
    if content.kind in (Kind.SSE, Kind.EVENTS):
        return Meaning(Kind.LINES, content.value)
    return meaning_of(content)

"""A miss explained: which recording came nearest, what differs, what to do."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from msgspec import Struct

from onetake.diagnosis.differences import Difference, differences
from onetake.diagnosis.excerpts import likeness
from onetake.diagnosis.uploads import empty_uploads
from onetake.messages import Request, Url, read_url
from onetake.redaction import safe_url

_MOST_COMPARED = 200
_MOST_SHOWN = 8
_WIDTH = 80


class Candidate(Struct, frozen=True, kw_only=True):
    """A recorded request: its key, and whether this opening has used it."""

    request: Request
    key: bytes = b""
    used: bool = False


class Miss(Struct, frozen=True, kw_only=True):
    """Why no recording answers a request.

    `reason` is `no-recording` (nothing of that method, host and path), `exhausted` (every equal
    recording is used already) or `changed` (one came near; `differences` say how).
    """

    request_line: str
    reason: str
    nearest_line: str = ""
    differences: tuple[Difference, ...] = ()
    advice: str = ""


def explain_miss(
    request: Request,
    candidates: Sequence[Candidate],
    *,
    key: bytes | None = None,
    spent: int = 0,
) -> Miss:
    """Why `request`, redacted and with match key `key`, has no answer among `candidates`.

    `spent` is how many equal recordings this opening has used. The work is bounded: at most 200
    recordings are compared, those of the same host and path first.
    """
    line = f"{request.method} {safe_url(request.url)}"
    if not candidates:
        advice = "The cassette is empty or does not exist. " + _RECORD
        return Miss(request_line=line, reason="no-recording", advice=advice)
    equal = sum(candidate.key == key for candidate in candidates) if key else 0
    if spent or equal:
        count = spent or equal
        equals = "1 equal recording" if count == 1 else f"{count} equal recordings"
        return Miss(
            request_line=line,
            reason="exhausted",
            nearest_line=f"{equals}, used already",
            advice=(
                f"The program now sends this request more often than the {count} "
                f"time{'' if count == 1 else 's'} recorded. {_RECORD} "
                'To serve the last answer again, set repeats = "last".'
            ),
        )
    return _nearest(request, line, candidates)


def _nearest(request: Request, line: str, candidates: Sequence[Candidate]) -> Miss:
    sent = read_url(request.url)
    ranked = sorted(
        ((_rank(request, sent, candidate), -i) for i, candidate in enumerate(candidates)),
        reverse=True,
    )[:_MOST_COMPARED]
    close = max(ranked, key=lambda one: (one[0], _likeness(request, candidates[-one[1]].request)))
    rank, index = close[0], -close[1]
    nearest = candidates[index]
    if not rank[0] and not (rank[1] and sent.path != "/"):
        hosts = sorted({read_url(one.request.url).netloc for one in candidates})
        named = ", ".join(hosts[:5]) + (", ..." if len(hosts) > 5 else "")
        return Miss(
            request_line=line,
            reason="no-recording",
            advice=f"The cassette has no recording for this host; it has {named}. {_RECORD}",
        )
    near = f"{nearest.request.method} {safe_url(nearest.request.url)}"
    state = "used already" if nearest.used else "unused"
    found = differences(nearest.request, request)
    return Miss(
        request_line=line,
        reason="changed" if all(rank[:3]) else "no-recording",
        nearest_line=f"no. {index + 1} of {len(candidates)} ({state}): {near}",
        differences=found,
        advice=_advice(request, nearest, found),
    )


_Rank = tuple[bool, bool, bool, bool]


def _rank(request: Request, sent: Url, candidate: Candidate) -> _Rank:
    """Same host, same path, same method, unused: the cheap part of nearness."""
    url = read_url(candidate.request.url)
    return (
        url.netloc == sent.netloc,
        url.path == sent.path,
        candidate.request.method.upper() == request.method.upper(),
        not candidate.used,
    )


def _likeness(request: Request, other: Request) -> float:
    """How much of the longer body is common at both ends, and the same for the URL."""
    return likeness(request.url, other.url) + 2 * likeness(request.body, other.body)


_RECORD = "To record it, run once with --onetake-mode=auto or ONETAKE_MODE=auto."


def _advice(request: Request, nearest: Candidate, found: Sequence[Difference]) -> str:
    empty = empty_uploads(request)
    if empty and not empty_uploads(nearest.request):
        return (
            f"The upload {empty[0]!r} is empty: its file was probably read by an earlier request. "
            "Open it anew, or seek(0), before each call."
        )
    if not found:
        return (
            "Method, URL and body are equal: what differs is a header or a function named in "
            f"match_on. {_RECORD}"
        )
    return f"If the change is meant, record it anew: {_RECORD[14:]}"


_TITLES = {
    "no-recording": "No recording answers this request.",
    "exhausted": "Every recording of this request is used already.",
    "changed": "No recording answers this request: it differs from what was recorded.",
}


def render(miss: Miss, cassette: str, mode: str) -> str:
    """`miss` as a text of several lines, made for 80 columns."""
    lines = [
        _TITLES.get(miss.reason, _TITLES["no-recording"]),
        f"  request   {miss.request_line}",
        f"  cassette  {cassette}",
        f"  mode      {mode}",
    ]
    if miss.nearest_line:
        lines.append(f"  nearest   {miss.nearest_line}")
    if miss.differences:
        lines.append("What differs:")
    for difference in miss.differences[:_MOST_SHOWN]:
        lines += [
            f"  {difference.path}",
            f"    recorded  {difference.recorded}",
            f"    sent      {difference.sent}",
        ]
    if len(miss.differences) > _MOST_SHOWN:
        lines.append(f"  and {len(miss.differences) - _MOST_SHOWN} more")
    if miss.advice:
        lines += textwrap.wrap(miss.advice, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines)

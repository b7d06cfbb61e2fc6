"""A miss explained: which recording came nearest, what differs, and the one thing to do."""

from __future__ import annotations

from collections.abc import Container, Sequence

from onetake.config.durations import duration_text
from onetake.diagnosis.differences import Change, Moments, changes, to_difference
from onetake.diagnosis.excerpts import line_of, wrapped
from onetake.diagnosis.facts import Difference, Miss
from onetake.diagnosis.kinds import kind_of
from onetake.diagnosis.nearest import Place, Recording, nearest
from onetake.diagnosis.remedies import of_every_item, rule_for, to_toml
from onetake.diagnosis.uploads import empty_uploads
from onetake.matching import Matcher
from onetake.messages import Request, read_url

_MOST_SHOWN = 8
_MOST_KEPT = 50


def explain_miss(
    request: Request,
    recordings: Sequence[Recording],
    matcher: Matcher,
    *,
    spent: int = 0,
    used: Container[int] = (),
    at: float = 0.0,
    among: Sequence[int] | None = None,
) -> Miss:
    """Why `request`, redacted and made at `at` (UTC seconds), has no answer among `recordings`.

    `spent` is how many recordings that answer it this opening has used; `used` holds the indexes of all
    that it has; `among`, where given, those that may be the nearest. Never raises.
    """
    line = line_of(request)
    try:
        return _explained(request, line, recordings, matcher, spent, used, at, among)
    except RecursionError:
        return Miss(
            request_line=line,
            reason="no-recording",
            cause="the body is nested too deeply to be compared",
            advice=f"Its JSON is nested too deeply to be compared value by value. {_RECORD}",
        )


def _explained(
    request: Request,
    line: str,
    recordings: Sequence[Recording],
    matcher: Matcher,
    spent: int,
    used: Container[int],
    at: float,
    among: Sequence[int] | None,
) -> Miss:
    if spent:
        equals = "1 equal recording" if spent == 1 else f"{spent} equal recordings"
        return Miss(
            request_line=line,
            reason="exhausted",
            nearest_line=f"{equals}, used already",
            cause=f"{_place(request)} is sent more often than recorded",
            advice=(
                f"The program now sends this request more often than the {spent} "
                f"time{'' if spent == 1 else 's'} recorded. {_RECORD} "
                'To serve the last answer again, set repeats = "last".'
            ),
        )
    if not recordings:
        return Miss(
            request_line=line,
            reason="no-recording",
            cause="nothing is recorded yet",
            advice="The cassette is empty or does not exist. " + _RECORD,
        )
    found = nearest(request, recordings, used, among)
    if found is None or not _is_near(found[1], request):
        lines = {one.line for one in recordings}
        hosts = {read_url(line[1]).netloc for line in lines if line is not None}
        named = ", ".join(sorted(hosts)[:5]) + (", ..." if len(hosts) > 5 else "")
        return Miss(
            request_line=line,
            reason="no-recording",
            cause=f"nothing is recorded for {read_url(request.url).netloc}",
            advice=f"The cassette has no recording for this host; it has {named}. {_RECORD}",
        )
    index, place = found
    state = "used already" if index in used else "unused"
    where = f"no. {index + 1} of {len(recordings)} ({state}): {line_of(recordings[index].request)}"
    return _compared(request, recordings[index], matcher, line, where, place, at)


def expired_miss(request: Request, age_s: float, setting: str, limit_s: float) -> Miss:
    """An equal recording is `age_s` old, and `setting` (`ttl` or `max_age`) says `limit_s`."""
    limit = duration_text(limit_s)
    advice = f"A recording is good for {limit} here ({setting}). {_RECORD}"
    if setting == "ttl":
        advice += ' To replay what is past its ttl, set refresh = "soft".'
    return Miss(
        request_line=line_of(request),
        reason="expired",
        nearest_line=f"an equal recording, {duration_text(age_s)} old",
        cause=f"recordings of {_place(request)} are older than {setting} = {limit}",
        advice=advice,
    )


def _is_near(place: Place, request: Request) -> bool:
    return place[0] or (place[1] and read_url(request.url).path != "/")


def _compared(
    request: Request,
    recording: Recording,
    matcher: Matcher,
    line: str,
    where: str,
    place: Place,
    at: float,
) -> Miss:
    near = recording.request
    moments = (recording.at, at)
    parts = matcher.differing(near, request)
    found = _significant_first(near, request, parts, matcher, moments)
    shown = tuple(to_difference(change, moments) for change in found)
    reason = "changed" if all(place) else "no-recording"
    rule = None
    empty = empty_uploads(request)
    if empty and not empty_uploads(near):
        reason = "upload"
        cause = f"multipart part `{empty[0]}` empty"
        advice = (
            f"The upload {empty[0]!r} is empty: its file was probably read by an earlier request. "
            "Open it anew, or seek(0), before each call."
        )
    elif parts == ("credential",):
        reason = "credential"
        cause = "recorded under another credential"
        advice = (
            "All else is equal: it was recorded for another credential. Use credentials in the "
            'order in which they were recorded, or take "credential" out of match_on.'
        )
        shown = ()
    elif not shown:
        names = ", ".join(f'"{name}"' for name in parts)
        cause = f"{names} of match_on differs" if parts else "nothing differs any more"
        advice = (
            f"Method, URL and body are equal: what differs is {names or 'nothing'}, which match_on names. "
            f"{_RECORD}"
        )
    else:
        rule = rule_for(near, request, found, moments, matcher)
        cause = _cause(shown, is_mended=rule is not None)
        advice = f"If the change is meant, record it anew: {_RECORD[14:]}"
        if rule is None:
            advice += (
                " If it changes with each run, take it out of the request, or say what it is: in ignore "
                "of a rule, or as one of volatile_patterns."
            )
    return Miss(
        request_line=line,
        reason=reason,
        nearest_line=where,
        differences=shown[:_MOST_KEPT],
        cause=cause,
        offset=shown[0].offset if shown and cause.startswith("`") else None,
        advice=advice,
        rule=to_toml(rule) if rule is not None else "",
    )


def _significant_first(
    near: Request, request: Request, parts: Sequence[str], matcher: Matcher, moments: Moments
) -> list[Change]:
    """What differs and is compared; values that the loose tier forgives come last."""
    active = matcher.active(request)
    found = changes(near, request, matcher.headers if "headers" in parts else ())
    compared = [change for change in found if not active.ignores(change.path)]

    def is_forgiven(change: Change) -> bool:
        kinds = kind_of(change.recorded, change.sent, moments).split("+")
        return all(kind in active.volatile.kinds for kind in kinds)

    return sorted(compared, key=is_forgiven)


def _cause(shown: Sequence[Difference], *, is_mended: bool) -> str:
    """The first thing that differs, in words that other misses of the same cause share."""
    first = shown[0]
    path = of_every_item(first.path) if len(shown) > 1 else first.path
    others = len({of_every_item(one.path) for one in shown}) - 1
    what = {
        "text": "changed",
        "added": "is new",
        "removed": "is gone",
        "type": "is of another type",
        "bytes": "changed",
        "number": "is another number",
        "image": "is another image",
        "random": "looks random",
    }.get(first.kind, f"changes with each run ({first.kind})")
    if first.kind == "counter" and not is_mended:
        what = "changed"  # a number in a prompt may mean something
    more = f", and {others} more" if others > 0 else ""
    return f"`{path}` {what}{more}"


def _place(request: Request) -> str:
    url = read_url(request.url)
    return f"{request.method.upper()} {url.netloc}{url.path}"


_RECORD = "To record it, run once with --onetake-mode=auto or ONETAKE_MODE=auto."

_TITLES = {
    "no-recording": "No recording answers this request.",
    "expired": "The recording of this request has expired.",
    "exhausted": "Every recording of this request is used already.",
    "changed": "No recording answers this request: it differs from what was recorded.",
    "credential": "No recording answers this request: it was recorded for another credential.",
    "upload": "No recording answers this request: one of its uploads is empty.",
}


def render(miss: Miss, cassette: str, mode: str, *, verbose: bool = False) -> str:
    """`miss` as a text of several lines, made for 80 columns; `verbose` shows bytes around differences."""
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
    shown = miss.differences if verbose else miss.differences[:_MOST_SHOWN]
    for difference in shown:
        lines += [
            f"  {difference.path}{_remark(difference)}",
            f"    recorded  {difference.recorded}",
            f"    sent      {difference.sent}",
        ]
        if verbose and difference.recorded_window:
            lines += [
                f"    around byte {difference.offset}:",
                f"    recorded  {difference.recorded_window}",
                f"    sent      {difference.sent_window}",
            ]
    if len(miss.differences) > len(shown):
        lines.append(f"  and {len(miss.differences) - len(shown)} more")
    if miss.rule:
        lines.append(f"This rule makes them equal (in {settings_file(miss.rule)}):")
        lines += [f"  {line}" for line in miss.rule.split("\n")]
    if miss.advice:
        lines += wrapped(miss.advice)
    return "\n".join(lines)


def settings_file(rule: str) -> str:
    """The file that a rule is written for, by how its table begins."""
    return "onetake.toml" if rule.startswith("[[rules]]") else "pyproject.toml"


def _remark(difference: Difference) -> str:
    remarks = [difference.kind] if difference.kind not in ("text", "bytes") else []
    if difference.offset is not None and difference.offset > 16:
        unit = "byte" if difference.recorded_window or difference.sent_window else "character"
        remarks.append(f"from {unit} {difference.offset} on")
    return f"  ({', '.join(remarks)})" if remarks else ""

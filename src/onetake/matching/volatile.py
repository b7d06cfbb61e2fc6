"""Values that are new on each run and mean nothing: uuids, random hex, the time of day.

A time is volatile only within a day of the moment its own request was made, so that a time stamp of
*now* is, and a date or an order number in a prompt is not. Formats: RFC 9562 (uuid), ISO 8601 (extended
with a time of day, and basic as in SigV4), Unix seconds (10 digits) and milliseconds (13). Hex is 16 or
more digits of one case, a word of its own, with both letters and figures among them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from onetake.config import VOLATILE
from onetake.wire.late import late_pattern

KINDS = VOLATILE
TIMES = ("iso-time", "epoch")
"""Kinds that tell when; all others name something."""
DAY_S = 86_400.0

_OFFSET = r"(?:[Zz]|UTC|[+-]\d\d:?\d\d)"
_EXPRESSIONS = {
    # Also within a word (`run3f2b...`): nothing else has its dashes.
    "uuid": r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}",
    "iso-time": (
        r"(?<!\d)(?:\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?"
        rf"(?: ?{_OFFSET}|[+-]\d\d)?"
        rf"|\d{{8}}T\d{{6}}(?:[.,]\d{{1,9}})?(?:{_OFFSET}|[+-]\d\d)?)(?!\d)"
    ),
    "epoch": r"(?<![\d.])(?:\d{13}|\d{10})(?:\.\d{1,9})?(?!\d)",
    # 64 digits are a SHA-256 or a token of 32 bytes; what is longer is rather a document.
    "hex": r"(?<![0-9A-Za-z])(?:[0-9a-f]{16,64}+|[0-9A-F]{16,64}+)(?![0-9A-Za-z])",
}
# In this order: what begins at one place is the first of these that fits.
_BUILT_IN = ("uuid", "iso-time", "hex", "epoch")
_DIGIT = late_pattern("[0-9]")
_LETTER = late_pattern("[A-Za-z]")
_RUN_OF_DIGITS = late_pattern("(?<![0-9])[0-9]")
# Both kinds of beginnings in one branch, which the engine searches three times as fast.
_CANDIDATES = late_pattern(
    r"[0-9a-fA-F][0-9a-fA-F]{3}(?:[0-9a-fA-F]{4,}|-\d\d-\d\d[Tt ])", re.ASCII
)
_ISO = late_pattern(
    r"(\d{4})-?(\d\d)-?(\d\d)[Tt ](\d\d):?(\d\d):?(\d\d)?(?:[.,]\d+)?"
    r"(?: ?([Zz]|UTC|[+-]\d\d(?::?\d\d)?))?",
    re.ASCII,
)
# What stands after the point of `1.2345678901234567e-05`.
_END_OF_FLOAT = late_pattern("[0-9]+[eE][0-9]*")


class Found(Struct, frozen=True):
    """`text[start:end]` is a volatile value of `kind`."""

    start: int
    end: int
    kind: str


class Volatile:
    """Finds volatile values. `kinds` names built-in kinds and those of `patterns` (regular expressions).

    `window_s` is how far from its request a time may lie. Thread-safe.
    """

    def __init__(
        self,
        kinds: Sequence[str] = KINDS,
        patterns: Mapping[str, str] | None = None,
        window_s: float = DAY_S,
    ) -> None:
        self.kinds = tuple(kinds)
        self._window_s = window_s
        own = {name: text for name, text in (patterns or {}).items() if name in kinds}
        self._own = [(name, re.compile(text)) for name, text in own.items()]
        built_in = [kind for kind in _BUILT_IN if kind in kinds]
        self._built_in = late_pattern(
            "|".join(f"(?P<{kind.replace('-', '_')}>{_EXPRESSIONS[kind]})" for kind in built_in),
            re.ASCII,
        )
        self._candidates = _CANDIDATES if built_in else None

    def find(self, text: str, at: float) -> Iterator[Found]:
        """Every volatile value in `text`, of a request made at `at` (UTC seconds; 0 if not known)."""
        if not self._own:
            yield from self._find_built_in(text, 0, len(text), at)
            return
        done = 0
        for own in self._find_own(text):
            yield from self._find_built_in(text, done, own.start, at)
            yield own
            done = own.end
        yield from self._find_built_in(text, done, len(text), at)

    def _find_own(self, text: str) -> Iterator[Found]:
        found = [
            Found(match.start(), match.end(), name)
            for name, expression in self._own
            for match in expression.finditer(text)
            if match.end() > match.start()
        ]
        done = 0
        for one in sorted(found, key=lambda one: (one.start, -one.end)):
            if one.start >= done:
                yield one
                done = one.end

    def _find_built_in(self, text: str, start: int, end: int, at: float) -> Iterator[Found]:
        # Every value has a digit among its first characters; a cheap search finds where one can be, and
        # the dear one looks at those places only. No character is looked at more than a few times.
        digit = _DIGIT.search(text, start, end) if self._candidates is not None else None
        if digit is None or self._candidates is None:
            return
        start = max(start, digit.start() - 64)
        while candidate := self._candidates.search(text, start, end):
            start = candidate.end()
            for place in _places(text, *candidate.span()):
                found = self._built_in.match(text, place, end)
                if found is not None:
                    kind = (found.lastgroup or "").replace("_", "-")
                    start = found.end()
                    if self._holds(kind, found[0], at):
                        yield Found(found.start(), start, kind)
                    break

    def kind_of(self, text: str, at: float) -> str:
        """The kind of which all of `text` is one value, else ""."""
        for found in self.find(text, at):
            if found.start == 0 and found.end == len(text):
                return found.kind
        return ""

    def kind_of_number(self, text: str, at: float) -> str:
        """Return the kind of a JSON number, given as its text: an epoch, or a kind of a user's own."""
        if not self._own and not (len(text) >= 10 and text[:10].isdigit()):
            return ""
        return self.kind_of(text, at)

    def _holds(self, kind: str, text: str, at: float) -> bool:
        match kind:
            case "hex":
                is_mixed = _DIGIT.search(text) is not None and _LETTER.search(text) is not None
                return is_mixed and _END_OF_FLOAT.fullmatch(text) is None
            case "epoch":
                return self._is_near(epoch_s(text), at)
            case "iso-time":
                return self._is_near(iso_s(text), at)
        return True

    def _is_near(self, moment_s: float | None, at: float) -> bool:
        return moment_s is not None and at > 0 and abs(moment_s - at) <= self._window_s


def _places(text: str, start: int, end: int) -> Iterator[int]:
    """Where in a candidate a value can begin: with it, with a run of digits, or 8 before a dash (a uuid)."""
    yield start
    places = {run.start() for run in _RUN_OF_DIGITS.finditer(text, start + 1, end)}
    if text[end : end + 1] == "-" and end - 8 > start:
        places.add(end - 8)
    yield from sorted(places)


def epoch_s(text: str) -> float:
    """Seconds of an epoch in seconds or milliseconds."""
    whole = text.partition(".")[0]
    return float(text) / 1000 if len(whole) == 13 else float(text)


def iso_s(text: str) -> float | None:
    """Seconds since 1970 of an ISO time, UTC where it names no zone; None for no such moment."""
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour <= 24 and minute <= 59 and second <= 60):
        return None
    zone = found[7] or ""
    offset = 0
    if zone[:1] in ("+", "-"):
        digits = zone[1:].replace(":", "")
        offset = (int(digits[:2]) * 60 + int(digits[2:] or 0)) * (60 if zone[0] == "+" else -60)
    return float(_days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset)


def _days(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 in the proleptic Gregorian calendar: years counted from March."""
    year -= month <= 2
    from_march = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + from_march - 719_468

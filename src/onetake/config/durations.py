"""Durations as people write them: `"90s"`, `"15m"`, `"24h"`, `"7d"`, `"2w"`, `"1d12h"`, `"inf"`, or seconds."""

from __future__ import annotations

import math
import re

from onetake.errors import UsageError
from onetake.wire.late import late_pattern

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_ENDLESS = 1e300
_PIECE = late_pattern(r"(\d+(?:\.\d+)?)\s*(ms|[smhdw])\s*")
_PIECES = late_pattern(rf"(?:{_PIECE.pattern})+")


def parse_duration(value: object, place: str) -> float:
    """Seconds, `math.inf` for `"inf"`. Raises `UsageError` naming `place`."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value) if value < _ENDLESS else math.inf
    if isinstance(value, str):
        text = value.strip().lower()
        if text in ("inf", "infinite", "never"):
            return math.inf
        if re.fullmatch(r"\d+(?:\.\d+)?", text):
            return float(text)
        if _PIECES.fullmatch(text):
            return sum(float(number) * _UNITS[unit] for number, unit in _PIECE.findall(text))
    raise UsageError(
        f"{place} is {value!r:.80}, which is no duration.",
        remedy='Write "90s", "15m", "24h", "7d" or "inf".',
    )


def duration_text(seconds: float) -> str:
    """Return a duration as people write it, in its two largest units: `8d3h`, `15m`, `0s`."""
    if math.isinf(seconds):
        return "inf"
    words: list[str] = []
    rest = int(seconds)
    for unit in ("w", "d", "h", "m", "s"):
        size = int(_UNITS[unit])
        if unit == "w" and rest % size:
            continue  # 8d says more than 1w1d
        number, rest = divmod(rest, size)
        if number:
            words.append(f"{number}{unit}")
    return "".join(words[:2]) or "0s"

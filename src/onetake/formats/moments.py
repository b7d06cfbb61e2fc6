"""Moments as other programs write them."""

from __future__ import annotations

from datetime import UTC, datetime

_LAST = 253_402_300_799  # the end of the year 9999


def to_seconds(text: object) -> int:
    """UTC seconds of an ISO 8601 or RFC 5322 date, in UTC where it names no zone; 0 for anything else."""
    if not isinstance(text, str):
        return 0
    from email.utils import parsedate_to_datetime  # late: few files are of Ruby

    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = parse(text.strip())
            moment = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
            return min(max(0, int(moment.timestamp())), _LAST)
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
    return 0


def to_iso(at_s: float) -> str:
    """`2026-11-26T13:50:00.000Z`, as browsers write it."""
    moment = datetime.fromtimestamp(at_s, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"

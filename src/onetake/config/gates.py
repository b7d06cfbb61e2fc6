"""What may make a run fail at its end, by name."""

from __future__ import annotations

import math

from onetake.errors import UsageError, did_you_mean

GATES = ("leak", "overflow", "unused", "stale", "degraded", "paid-twice", "empty", "egress")
"""What `fail_on` may name."""


def parse_gates(value: object, place: str) -> tuple[str, ...]:
    """The names in a list, or in a text with commas; `none` is no gate. Raises `UsageError` naming `place`."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list | tuple):
        raise UsageError(f"{place} is {value!r}, which is no list.", remedy=_KNOWN)
    for name in value:
        if name == "drift":
            raise UsageError(
                f"{place} names 'drift', which comes with mode 'verify' in a later version of onetake.",
                remedy="Leave it out until then.",
            )
        if name not in (*GATES, "none"):
            hint = did_you_mean(name, (*GATES, "none"))
            raise UsageError(
                f"{place} names {name!r}, which is unknown.", remedy=f"{hint} {_KNOWN}".lstrip()
            )
    if "none" in value and len(value) > 1:
        raise UsageError(
            f"{place} names 'none' beside others.", remedy="Leave out 'none', or the others."
        )
    return tuple(dict.fromkeys(name for name in value if name != "none"))


def parse_limit(value: object, place: str) -> int:
    """A number of calls. Raises `UsageError` naming `place`."""
    text = str(value).strip() if isinstance(value, int | str) else ""
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()):
        raise UsageError(
            f"{place} is {value!r}, which is no number of calls.", remedy="Write 0 or more."
        )
    return int(text)


def parse_usd(value: object, place: str) -> float:
    """An amount of dollars. Raises `UsageError` naming `place`."""
    usd = math.nan
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            usd = float(value)
        except ValueError:
            pass
    if not (math.isfinite(usd) and usd >= 0):
        raise UsageError(
            f"{place} is {value!r}, which is no amount of dollars.",
            remedy="Write a number, 0 or more, such as 2.50.",
        )
    return usd


_KNOWN = f"Known: {', '.join(GATES)}, or none."

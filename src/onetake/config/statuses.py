"""HTTP statuses as people name them: `200`, `"2xx"`, `"400-499"`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from onetake.errors import UsageError

_FORM = re.compile(r"[1-5](\d\d|xx)|[1-5]\d\d-[1-5]\d\d", re.IGNORECASE)


def parse_statuses(values: object, place: str) -> tuple[str, ...]:
    """Return the statuses of a setting as texts. Raises `UsageError` naming `place`."""
    listed = values if isinstance(values, Sequence) and not isinstance(values, str) else [values]
    for value in listed:
        text = str(value).strip()
        first, _, last = text.partition("-")
        is_backwards = bool(last) and first > last
        if isinstance(value, bool) or not _FORM.fullmatch(text) or is_backwards:
            raise UsageError(
                f"{place} has {value!r}, which is no status.",
                remedy='Write 200, "2xx" or "400-499".',
            )
    return tuple(str(value).strip().lower() for value in listed)


def holds(statuses: Sequence[str], status: int) -> bool:
    """Whether `status` is one of them; of none, every one is."""
    return not statuses or any(_fits(one, status) for one in statuses)


def _fits(text: str, status: int) -> bool:
    first, _, last = text.replace("xx", "00").partition("-")
    if text.endswith("xx"):
        last = f"{first[0]}99"
    return int(first) <= status <= int(last or first)

"""The remedy for a request that a suite of vcrpy pays for in each run: what the suite itself can set.

Rules of onetake have no effect on a suite's matchers; its filters, its hooks and its choice of matchers have.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence

from msgspec.structs import replace

from onetake.diagnosis.facts import Difference, Miss

_COMPARED = {
    **dict.fromkeys(("method", "uri", "scheme", "host", "port", "path", "query"), "line"),
    **dict.fromkeys(("body", "raw_body"), "body"),
    "headers": "header",
}
_PART_OF = {"method": "line", "url": "line", "query": "line", "header": "header"}
_FILTERS = {
    "query": "filter_query_parameters",
    "form": "filter_post_data_parameters",
    "body": "filter_post_data_parameters",
    "header": "filter_headers",
}
_FIELD = re.compile(r"(query|form|body|header)\.([\w-]+)")
_HOOK = "make it always the same in before_record_request"


def with_vcr_remedy(match_on: Iterable[Callable[..., object]], miss: Miss) -> Miss:
    """Return `miss` without a rule, and with a remedy for a suite with the matchers `match_on`."""
    if miss.reason == "exhausted":
        advice = (
            "It was sent more often than before, and recorded. Where the number of calls changes from run to "
            "run, set allow_playback_repeats=True."
        )
    elif miss.reason == "upload":
        advice = miss.advice
    else:
        advice = (
            f"If it changes with each run, {_remedy([*map(_name, match_on)], miss.differences)}."
        )
    return replace(miss, rule="", advice=advice)


def _name(matcher: Callable[..., object]) -> str:
    """Return the name of a matcher of vcrpy's; "" for one of a suite's own."""
    is_known = getattr(matcher, "__module__", "") == "vcr.matchers"
    return getattr(matcher, "__name__", "") if is_known else ""


def _remedy(match_on: Collection[str], found: Sequence[Difference]) -> str:
    compared = [one.path for one in found if _is_compared(one.path, match_on)]
    paths = list(dict.fromkeys(compared or [one.path for one in found]))
    fields = [_FIELD.fullmatch(path) for path in paths]
    filters: dict[str, list[str]] = {}
    for field in fields:
        if field is not None:
            filters.setdefault(_FILTERS[field[1]], []).append(field[2])
    if not filters or None in fields:
        where = f"{' and '.join(paths[:2])}: " if paths else ""
        return f"{where}{_HOOK}, or compare less of it: with other names in match_on, or a matcher of your own"
    said = " and ".join(f"{name}={names!r}" for name, names in filters.items())
    return f"take it out: {said} (or {_HOOK})"


def _is_compared(path: str, match_on: Collection[str]) -> bool:
    """Tell whether one of the matchers looks at what is at `path`; of a suite's own nobody knows."""
    root = re.split(r"[.\[]", path, maxsplit=1)[0]
    part = _PART_OF.get(root, "body")
    return any(_COMPARED.get(name, part) == part for name in match_on)

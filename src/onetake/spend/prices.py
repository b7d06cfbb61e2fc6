"""Dollars of what was used: by the caller's own prices, by the answer's own word, else by `genai-prices`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from onetake.config.prices import Price
from onetake.messages import glob
from onetake.spend.dollars import dollars_by
from onetake.spend.facts import Usage
from onetake.spend.package import package_price

_DATE = re.compile(r"[-@](?:20\d{6}|20\d\d-\d\d-\d\d)\Z")


def price_of(
    usage: Usage, *, table: Mapping[str, Price] = {}, at_s: int | None = None
) -> float | None:
    """Dollars, or None where a price is not known (or `genai-prices` is not there). Never raises.

    `table` wins: its names are of models (`gpt-4o` is also every dated `gpt-4o`), may be
    `provider/model`, and may be globs. `at_s` (UTC seconds) asks for what it cost then; without it the
    package takes the prices of today. Of a usage that is not `complete` this is the lower bound.
    """
    if table:
        name = name_in(tuple(table), usage.provider, usage.model)
        if name is not None:
            return dollars_by(table[name], usage)
    if usage.billed_usd is not None:
        return usage.billed_usd
    return package_price(usage, at_s)


@lru_cache(maxsize=1024)
def name_in(table: tuple[str, ...], provider: str, model: str) -> str | None:
    """The name in a price table that is closest to the model."""
    model = model.lower()
    undated = _DATE.sub("", model)
    names = [f"{provider}/{model}", model, f"{provider}/{undated}", undated]
    known = {name.lower(): name for name in table}
    for name in names:
        if name in known:
            return known[name]
    patterns = [name for name in known if "*" in name]
    for pattern in sorted(patterns, key=len, reverse=True):
        if any(glob(pattern).fullmatch(name) for name in names):
            return known[pattern]
    return None

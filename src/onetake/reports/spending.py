"""What calls cost, and what replays saved: from accounts to dollars, by test and in all.

A sum holds what has a known price; what has none is counted by name beside it, never taken for zero.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import msgspec

from onetake.reports.accounts import Account
from onetake.reports.dollars import Dollars, Spending
from onetake.spend import Spent, Usage

PriceOf = Callable[[Usage], float | None]

_CLASSES = (
    *("input_tokens", "cache_read_tokens", "cache_write_tokens", "input_audio_tokens"),
    *("input_image_tokens", "output_tokens", "reasoning_tokens", "output_audio_tokens"),
    *("output_image_tokens",),
)


def spending_of(
    accounts: Iterable[Account], is_leak: Callable[[Account, str, str], bool], price_of: PriceOf
) -> Spending:
    """`is_leak` is asked of each paid call, with its outcome and host."""
    tests: dict[str, Dollars] = {}
    tokens: Counter[str] = Counter()
    saved: Counter[str] = Counter()
    for account in accounts:
        if not account.spent:
            continue
        dollars = tests.setdefault(account.test, Dollars())
        for one in msgspec.convert(account.spent, tuple[Spent, ...]):
            _add(dollars, one, price_of, is_leak=is_leak(account, one.outcome, one.host))
            if one.usage is not None:
                (saved if one.outcome == "replayed" else tokens).update(_tokens(one))
    return Spending(
        total=total_of(list(tests.values())),
        tests=tests,
        tokens=dict(tokens),
        saved_tokens=dict(saved),
    )


def total_of(parts: Sequence[Dollars]) -> Dollars:
    """The sums of `parts`."""
    unpriced: Counter[str] = Counter()
    unpriced_saved: Counter[str] = Counter()
    for one in parts:
        unpriced.update(one.unpriced)
        unpriced_saved.update(one.unpriced_saved)
    return Dollars(
        recorded=sum(one.recorded for one in parts),
        live=sum(one.live for one in parts),
        leaked=sum(one.leaked for one in parts),
        saved=sum(one.saved for one in parts),
        unpriced=dict(unpriced.most_common()),
        unpriced_saved=dict(unpriced_saved.most_common()),
    )


def _add(dollars: Dollars, one: Spent, price_of: PriceOf, *, is_leak: bool) -> None:
    price = None if one.usage is None else price_of(one.usage)
    if price is None:
        is_saved = one.outcome == "replayed"
        counts = dollars.unpriced_saved if is_saved else dollars.unpriced
        name = one.host if one.usage is None else one.usage.model
        counts = counts | {name: counts.get(name, 0) + one.calls}
        if is_saved:
            dollars.unpriced_saved = counts
        else:
            dollars.unpriced = counts
        return
    price *= one.calls
    match one.outcome:
        case "replayed":
            dollars.saved += price
        case "recorded":
            dollars.recorded += price
        case _:
            dollars.live += price
    if is_leak and one.outcome != "replayed":
        dollars.leaked += price


def _tokens(one: Spent) -> dict[str, int]:
    return {name: (getattr(one.usage, name) or 0) * one.calls for name in _CLASSES}

"""Work on many cassettes of a store that is far away: some at once, told in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


def side_by_side(
    work: Callable[[_Item], _Made], items: Iterable[_Item], at_once: int
) -> Iterator[_Made]:
    """What `work` makes of each item, in order; the first error ends it all."""
    if at_once < 2:
        yield from map(work, items)
        return
    pool = ThreadPoolExecutor(at_once)
    try:
        yield from pool.map(work, items)
    finally:
        pool.shutdown(cancel_futures=True)

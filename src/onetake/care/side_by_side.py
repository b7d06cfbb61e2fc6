"""Work on many cassettes of a store that is far away: some at once, told in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


class Showing(Protocol):
    """Give on what `steps` give, of which there will be `count`, and show meanwhile how far they have come."""

    def __call__(self, steps: Iterator[_Made], count: int, label: str) -> Iterator[_Made]: ...


def in_silence(steps: Iterator[_Made], count: int, label: str) -> Iterator[_Made]:  # noqa: ARG001
    """Give on what `steps` give, and show nothing."""
    return steps


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

"""What each opening used of its cassette, collected in a process where somebody asks for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from onetake.stores.files import is_file_name
from onetake.stores.usage import Usage, digests

if TYPE_CHECKING:
    from onetake.recorder.cassette import Cassette
    from onetake.recorder.opening import Opening

_collected: deque[Usage] = deque()  # threads may add
_is_wanted = False


def collect() -> None:
    """From now on, keep the usage of each opening that ends until it is drained."""
    global _is_wanted
    _is_wanted = True


def drain() -> Iterator[Usage]:
    """What came since the last time."""
    while _collected:
        yield _collected.popleft()


def add_closed(cassette: Cassette, *, passed: bool, is_own: bool) -> None:
    """Of an opening that has ended; `passed` where it came to all of its calls."""
    if _is_wanted:
        opening = cassette.opening
        unopened = _of_cassette(cassette.name, opening.place, cassette.folder, opening.test_id)
        _collected.append(
            replace(
                unopened,
                passed=passed,
                is_own=is_own,
                held=len(opening.entries),
                unused=_unused(opening) if passed else (),
            )
        )


def add_unopened(name: str, place: str, folder: Path | None, test: str) -> None:
    """Of a test that did not come to open its cassette: it is its owner all the same."""
    if _is_wanted:
        _collected.append(_of_cassette(name, place, folder, test))


def _of_cassette(name: str, place: str, folder: Path | None, test: str) -> Usage:
    """A usage of nothing."""
    if folder is None:
        store, _, name = place.partition("#")
    else:
        store = "" if is_file_name(name) else f"files:{folder}"
    return Usage(place=place, cassette=name, store=store, test=test, passed=False)


def _unused(opening: Opening) -> tuple[str, ...]:
    entries, spoken_for = opening.entries, opening.spoken_for
    if all(id(entry) in spoken_for for entry in entries):
        return ()  # nothing is digested where all was used
    pairs = zip(digests(entry.raw for entry in entries), entries, strict=True)
    return tuple(name for name, entry in pairs if id(entry) not in spoken_for)

"""What each opening used of its cassette, collected in a process where somebody asks for it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from onetake.errors import CassetteError
from onetake.recorder.forks import count_from_now
from onetake.stores.file_names import is_file_name
from onetake.stores.names import digest_in_order

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from onetake.formats.document import Stored
    from onetake.stores.usage import Usage

_Ends = tuple[int, bytes, bytes]

_lock = Lock()
_collected: dict[str, Usage] = {}  # by place
_names: dict[str, tuple[_Ends, tuple[str, ...]]] = {}  # the digests of cassettes that tests share
_digests: dict[str, tuple[_Ends, str]] = {}  # and those of all their recordings together
_is_wanted = False


def collect() -> None:
    """Keep, from now on, the usage of each opening that ends until it is drained."""
    global _is_wanted
    count_from_now()
    _is_wanted = True


class Ended(Struct, frozen=True):
    """An opening that has ended: what it was asked for, of what it held."""

    name: str
    place: str
    folder: Path | None
    test: str
    entries: Sequence[Stored]
    spoken_for: Container[int]  # ids of entries that answered, or had expired
    is_foreign: bool = False  # opened through another program's interface


def is_wanted() -> bool:
    """Return whether somebody asks for usage in this process."""
    return _is_wanted


def drain() -> list[Usage]:
    """What came since the last time, each cassette once."""
    with _lock:
        found = list(_collected.values())
        _collected.clear()
        _names.clear()
        _digests.clear()
    return found


def add_closed(ended: Ended, *, passed: bool, is_own: bool) -> None:
    """Add the usage of an opening that has ended; `passed` where it came to all of its calls."""
    digest, unused = "", None
    with suppress(CassetteError):
        digest = _digest(ended, is_remembered=not is_own)
    if passed:
        with suppress(CassetteError):  # what cannot be read is not called unused
            unused = _unused(ended, is_own=is_own)
    usage = _of_cassette(ended.name, ended.place, ended.folder, ended.test)
    _add(
        replace(
            usage,
            is_own=is_own,
            is_foreign=ended.is_foreign,
            held=len(ended.entries),
            digest=digest,
            passed=unused is not None,
            unused=unused or (),
        )
    )


def add_unopened(
    name: str, place: str, folder: Path | None, test: str, *, is_foreign: bool = False
) -> None:
    """Add the usage of a test that did not come to open its cassette: it is its owner all the same."""
    if _is_wanted:
        _add(replace(_of_cassette(name, place, folder, test), is_foreign=is_foreign))


def _add(usage: Usage) -> None:
    with _lock:
        before = _collected.get(usage.place)
        _collected[usage.place] = usage if before is None else before.with_another(usage)


def _of_cassette(name: str, place: str, folder: Path | None, test: str) -> Usage:
    """A usage of nothing."""
    from onetake.stores.usage import Usage

    if folder is None:
        store, _, name = place.partition("#")
    else:
        store = "" if is_file_name(name) else f"files:{folder}"
    tests = (test,) if test else ()
    return Usage(place=place, cassette=name, store=store, tests=tests, passed=False)


def _digest(ended: Ended, *, is_remembered: bool) -> str:
    """Return a digest of all that the cassette held: 1.5 microseconds for a recording of 2 kB."""
    entries = ended.entries
    if not entries or ended.is_foreign:  # these take long to be written in our format
        return ""
    ends = len(entries), entries[0].raw, entries[-1].raw
    known = _digests.get(ended.place)
    if known is not None and known[0] == ends:
        return known[1]
    found = digest_in_order(entry.raw for entry in entries)
    if is_remembered:
        _digests[ended.place] = ends, found
    return found


def _unused(ended: Ended, *, is_own: bool) -> tuple[str, ...]:
    entries, spoken_for = ended.entries, ended.spoken_for
    if all(id(entry) in spoken_for for entry in entries):
        return ()  # nothing is digested where all was used
    names = _named(ended, is_remembered=not is_own)
    pairs = zip(names, entries, strict=True)
    return tuple(name for name, entry in pairs if id(entry) not in spoken_for)


def _named(ended: Ended, *, is_remembered: bool) -> tuple[str, ...]:
    """The digests; where many tests share a cassette, they are those of before if its ends are."""
    from onetake.stores.usage import digests

    entries = ended.entries
    ends = len(entries), entries[0].raw, entries[-1].raw
    known = _names.get(ended.place)
    if known is not None and known[0] == ends:
        return known[1]
    names = tuple(digests(entry.raw for entry in entries))
    if is_remembered:
        _names[ended.place] = ends, names
    return names

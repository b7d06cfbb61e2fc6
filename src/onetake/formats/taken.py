"""What can be taken from a file of another program, and what cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct

from onetake.errors import CassetteError
from onetake.messages import Interaction


class Taken(Struct, frozen=True):
    """The interactions in their order, and of each entry that was left its number (from 1) and why."""

    interactions: tuple[Interaction, ...]
    left: tuple[tuple[int, str], ...] = ()


def take(entries: Iterable[object], read: Callable[[object], Interaction]) -> Taken:
    """Each entry as `read` gives it, but for those of which it raises `CassetteError`, or what broken values
    make the standard library raise."""
    found: list[Interaction] = []
    left: list[tuple[int, str]] = []
    for number, entry in enumerate(entries, 1):
        try:
            found.append(read(entry))
        except CassetteError as error:
            left.append((number, error.message))
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            left.append((number, f"A value in it cannot be read: {error}."))
    return Taken(tuple(found), tuple(left))

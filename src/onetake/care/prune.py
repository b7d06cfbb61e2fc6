"""What no run will use again: expired, unused and orphaned recordings, blobs without a name, old quarantine."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from onetake.care.expiry import Expiry, expiry_of
from onetake.care.removal import Removal, removal_of, together
from onetake.care.selection import Found, Selection, search
from onetake.care.side_by_side import Showing
from onetake.care.workplace import Workplace
from onetake.errors import CassetteError, UsageError
from onetake.stores.journal import Apart, all_apart
from onetake.stores.usage import digests as digests_of
from onetake.stores.usage import is_near, last_usage, orphans, read_usage


class Prunable(Struct, frozen=True):
    """What would go: recordings, files of the quarantine and blobs; `problems` is what cannot be read."""

    removals: list[Removal]
    apart: list[Apart]
    blobs: list[str]
    problems: list[str]


class Needless(Struct, frozen=True):
    """What no test of a whole run used: digests of recordings by the place of their cassette, and places.

    Places are as `Found.where` has them; the second of equal recordings has `.2` behind its own digest.
    """

    unused: Mapping[str, Collection[str]] = {}
    orphans: Collection[str] = ()


def needless(
    place: Workplace,
    files: Sequence[Path],
    *,
    is_whole: bool,
    with_unused: bool,
    with_orphans: bool,
) -> Needless:
    """Ask the last run, or those of `files`. Raises `UsageError` where they do not tell what was asked."""
    if with_unused and not (is_near(place.settings.store) or (files and is_whole)):
        raise UsageError(
            f"What this run left may be used by others who share {place.shelf.place}.",
            remedy="Give --usage FILE for every run that shares it (all branches), and --whole.",
        )
    if not with_unused and not with_orphans:
        return Needless()
    last = last_usage(place.cache)
    if not files and last is None:
        raise UsageError(
            "No run of pytest here has told what it used.",
            remedy="Run all tests once, or give --usage FILE for each shard of a run elsewhere.",
        )
    runs = files or [path for path in [last] if path is not None]
    usages = read_usage(runs, is_whole=is_whole or None)
    if with_orphans and not usages.is_whole:
        raise UsageError(
            "Orphans are only known of a whole suite, and these runs are a part of one.",
            remedy="Run all tests, or give --usage FILE for every shard, and --whole.",
        )
    return Needless(
        {one.place: one.unused for one in usages.cassettes} if with_unused else {},
        orphans(usages) if with_orphans else (),
    )


def prunable(
    place: Workplace,
    selection: Selection,
    oldest_s: float,
    spare: Needless,
    showing: Showing,
) -> Prunable:
    """Find what may go: recordings of the `selection`, and where that is everything, what lies beside them.

    What failed tests have recorded goes when it is older than `oldest_s` seconds.
    """
    shelf, problems = place.shelf, list[str]()
    found = list(search(shelf, selection, problems, showing))
    removals = _expired(found, expiry_of(place), selection.now_s, problems)
    removals = together(removals, unused(found, spare))
    apart: list[Apart] = []
    blobs: list[str] = []
    if selection.is_everything:
        latest = selection.now_s - oldest_s
        apart = [one for one in all_apart(place.cache, problems) if one.at <= latest]
        going = [one for removal in removals for one in removal.recordings]
        try:
            blobs = shelf.unnamed_blobs(besides=going)
        except CassetteError:
            problems.append("blobs, as what cannot be read may name them")
    return Prunable(removals, apart, blobs, problems)


def _expired(
    found: Sequence[Found], expiry: Expiry, now_s: float, problems: list[str]
) -> list[Removal]:
    plan: list[Removal] = []
    for one in found:
        chosen = {id(kept) for kept in one.chosen}
        try:
            gone = [
                (n, kept, "expired")
                for n, kept in enumerate(one.held, 1)
                if id(kept) in chosen and expiry.is_past(kept, now_s)
            ]
        except CassetteError as error:
            problems.append(error.message)
            continue
        if gone:
            plan.append(Removal(one, gone))
    return plan


def unused(found: Sequence[Found], spare: Needless) -> list[Removal]:
    """What goes because no test of a whole run used it."""
    plan: list[Removal] = []
    for one in found:
        if one.where in spare.orphans:
            plan.append(removal_of(one, "orphan"))
        elif digests := spare.unused.get(one.where):
            chosen = {id(kept) for kept in one.chosen}
            names = digests_of(kept.stored.raw for kept in one.held)
            gone = [
                (number, kept, "unused")
                for number, (kept, name) in enumerate(zip(one.held, names, strict=True), 1)
                if name in digests and id(kept) in chosen
            ]
            if gone:
                plan.append(Removal(one, gone))
    return plan

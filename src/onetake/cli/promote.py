"""`onetake promote`: publish after all what failed tests and killed programs have recorded."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import click
from msgspec import Struct

from onetake.care.inspection import Inspection
from onetake.care.selection import Selection
from onetake.care.workplace import Workplace
from onetake.cassettes.fold import Take, free_slot
from onetake.cli.leaks import line_of_leak
from onetake.cli.options import check_given, with_store
from onetake.cli.printing import echo, echo_json, fitted, left_out, say, to_age, to_status, warn
from onetake.diagnosis import line_of, one_line
from onetake.formats.document import Outcome
from onetake.matching import Matcher
from onetake.messages import Interaction
from onetake.reports.terminal import of_noun
from onetake.stores.folders import FolderShelf
from onetake.stores.journal import Apart, all_apart
from onetake.stores.names import name_of_test
from onetake.stores.port import CassetteStore
from onetake.stores.within import is_below

_MOST_SHOWN = 10


class _Held(Struct, frozen=True):
    """A file of the quarantine and its cassette, called `name`; None where it is of another store."""

    apart: Apart
    name: str
    cassette: CassetteStore | None


@click.command()
@click.argument("pattern", required=False, metavar="[CASSETTE]")
@with_store
@click.option("--yes", is_flag=True, help="Publish it; without, only show what is there.")
@click.option("--allow-secrets", is_flag=True, help="Publish also what holds secrets.")
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
def promote(
    pattern: str | None, store: str | None, *, yes: bool, allow_secrets: bool, as_json: bool
) -> None:
    """Publish what tests that failed, and programs that were killed, have recorded.

    CASSETTE is a part of a cassette's name or of a test's id. Errors that pass (408, 429, 5xx, cut
    answers) are not published, nor what holds secrets: onetake scrub takes them out. Exit code 1 where
    something is there and --yes is missing, holds secrets, is of another store, or cannot be read.
    """
    if pattern is not None:
        check_given(pattern, "CASSETTE")
    place = Workplace(store)
    problems: list[str] = []
    found = [_held(one, place) for one in all_apart(place.cache, problems)]
    meant = [one for one in found if pattern is None or _is_meant(one, pattern)]
    ready = [one for one in meant if one.cassette is not None]
    inspection = Inspection(place)
    looked = {} if allow_secrets else {id(one): inspection.file(one.apart.path) for one in ready}
    leaks = [leak for one in looked.values() for leak in one.leaks]
    ready = [one for one in ready if id(one) not in looked or not looked[id(one)].leaks]
    added = sum(_publish(one, place) for one in ready) if yes else 0
    if as_json:
        echo_json(
            {
                "dry_run": not yes,
                "added": added,
                "quarantine": [_to_data(one) for one in meant],
                "refused": leaks,
                "unreadable": problems,
            }
        )
    else:
        left_out(problems)
        _show(meant)
        for leak in leaks:
            echo(f"secret, not published: {line_of_leak(leak)}")
        if not meant:
            echo("Nothing is set apart.")
        elif yes:
            say(f"{of_noun(added, 'interaction')} published.")
        elif ready:
            echo("To publish this: the same with --yes")
    is_done = yes and len(ready) == len(meant) and all(one.apart.is_whole for one in ready)
    click.get_current_context().exit(1 if problems or (meant and not is_done) else 0)


def _held(apart: Apart, place: Workplace) -> _Held:
    shelf = place.shelf
    prefix = f"{shelf.place}#"
    if apart.place.startswith(prefix):
        name = apart.place.removeprefix(prefix)
        return _Held(apart, name, shelf.cassette(name))
    path = Path(apart.place)
    is_here = path.is_absolute() and (is_below(path, place.root) or path.is_file())
    if isinstance(shelf, FolderShelf) and is_here:
        return _Held(apart, place.shown(path), shelf.cassette_at(path, apart.name or None))
    return _Held(apart, apart.place, None)


def _is_meant(one: _Held, pattern: str) -> bool:
    wanted = Selection(patterns=(pattern,))
    names = (one.name.removesuffix(".json"), name_of_test(one.apart.test))
    return pattern in one.apart.test or any(wanted.fits_name(name, one.name) for name in names)


def _publish(held: _Held, place: Workplace) -> int:
    """Add what is not there yet behind what is, then drop the file if it was read whole; how many."""
    cassette, matcher = held.cassette, place.matcher
    assert cassette is not None
    added = 0
    while takes := _missing(cassette, held.apart.interactions, matcher):
        # A slot that another writer fills in this moment is asked for anew: nothing is dropped.
        added += cassette.publish(takes, matcher.key, replacing_run=None).added
    if held.apart.is_whole:
        held.apart.path.unlink(missing_ok=True)
    return added


def _missing(
    cassette: CassetteStore, interactions: Sequence[Interaction], matcher: Matcher
) -> list[Take]:
    """Those that the cassette does not hold: an earlier promotion may have been interrupted."""
    opened = cassette.load(matcher.key, matcher.fingerprint)
    filled = set(opened.slots)
    takes: list[Take] = []
    for one in interactions:
        key = matcher.key(one.request)
        there = zip(opened.keys, opened.entries, strict=True)
        same = (stored for its_key, stored in there if its_key == key and stored.at == one.at)
        if any(_is_same(stored.interaction, one) for stored in same):
            continue
        slot = free_slot(key, filled)
        filled.add(slot)
        takes.append(Take(slot, one))
    return takes


def _is_same(stored: Interaction, other: Interaction) -> bool:
    """But for when each chunk came, which a store may leave out."""
    answer, its = stored.response, other.response
    if answer is None or its is None:
        return stored == other
    return (
        stored.replace(response=None) == other.replace(response=None)
        and answer.replace(body=its.body) == its
        and answer.body.data == its.body.data
    )


def _show(found: Sequence[_Held]) -> None:
    now_s = time.time()
    for one in found[:_MOST_SHOWN]:
        apart = one.apart
        echo(one_line(f"{one.name or 'a cassette that is not known'}"))
        echo(f"  recorded by {one_line(apart.test or 'a program')}")
        for interaction in apart.interactions[:_MOST_SHOWN]:
            facts = f"{to_status(_outcome(interaction))}, {to_age(interaction.at, now_s)} old"
            echo(f"    {fitted(line_of(interaction.request), 72 - len(facts))}  {facts}")
        more = len(apart.interactions) - _MOST_SHOWN
        if more > 0:
            echo(f"    and {more} more")
        if apart.left_out:
            echo(f"    {of_noun(apart.left_out, 'error')} that may pass: paid anew")
        if not apart.is_whole:
            warn(f"    not all of {apart.path} can be read: it stays")
        if one.cassette is None:
            warn("    of another store: name it with --store")
    if len(found) > _MOST_SHOWN:
        echo(f"and {len(found) - _MOST_SHOWN} more (--json has them all)")


def _outcome(one: Interaction) -> Outcome:
    status = one.response.status if one.response is not None else 0
    return Outcome(status, one.failure.kind if one.failure else "", one.ended, one.at, one.ms)


def _to_data(one: _Held) -> dict[str, object]:
    return {
        "file": str(one.apart.path),
        "test": one.apart.test,
        "cassette": one.name,
        "is_of_this_store": one.cassette is not None,
        "left_out": one.apart.left_out,
        "interactions": [
            {
                "method": each.request.method,
                "url": each.request.url,
                "status": each.response.status if each.response is not None else None,
                "at": each.at or None,
            }
            for each in one.apart.interactions
        ],
    }

"""`onetake push` and `onetake pull`: recordings from one store into another, neither side losing any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import click
from msgspec import Struct

from onetake.care.inspection import Inspection, Leak
from onetake.care.selection import Selection
from onetake.care.side_by_side import side_by_side
from onetake.care.workplace import Workplace
from onetake.cassettes.decisions import Slot
from onetake.cassettes.fold import Take
from onetake.cli.leaks import line_of_leak
from onetake.cli.options import check_given
from onetake.cli.printing import echo, echo_json, left_out, progress, say, warn
from onetake.config import named_store
from onetake.diagnosis import one_line
from onetake.errors import CassetteError, RedactionError, StoreError, UsageError
from onetake.matching import BUILT_IN, Matcher
from onetake.messages import Interaction
from onetake.reports.terminal import of_noun
from onetake.stores.shelf import Shelf

_MOST_SHOWN = 20


class _Copied(Struct, frozen=True):
    """What became of a cassette: interactions `added`, and those whose slots were filled `there`."""

    cassette: str
    added: int
    there: int


class _Refused(Struct, frozen=True):
    """A cassette of which nothing is copied, as it would spread secrets."""

    cassette: str
    found: list[Leak]


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    options = (
        click.argument("store", required=False),
        click.option("--from", "source", metavar="URL", help="Where recordings come from."),
        click.option("--to", "target", metavar="URL", help="Where they go."),
        click.option("--only", metavar="PATTERN", help="Only these cassettes (see onetake ls)."),
        click.option("--allow-secrets", is_flag=True, help="Copy also what holds secrets."),
        click.option("--json", "as_json", is_flag=True, help="Everything, for programs."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@_with_options
def push(
    store: str | None,
    source: str | None,
    target: str | None,
    only: str | None,
    *,
    allow_secrets: bool,
    as_json: bool,
) -> None:
    """Copy recordings of the project's store to STORE (a URL such as redis://host).

    What is there already stays as it is, so it may be run again. A cassette with secrets is not copied:
    they are named, and what takes them out. Exit code 1 where something could not be copied.
    """
    source_place = Workplace(source, option="--from")
    target_place = Workplace(_one_of(store, target, "to"), option=_typed(store, "to"))
    _copy_all(source_place, target_place, only, allow_secrets=allow_secrets, as_json=as_json)


@click.command()
@_with_options
def pull(
    store: str | None,
    source: str | None,
    target: str | None,
    only: str | None,
    *,
    allow_secrets: bool,
    as_json: bool,
) -> None:
    """Copy recordings of STORE (a URL such as redis://host) to the project's store.

    What is there already stays as it is, so it may be run again. A cassette with secrets is not copied:
    they are named, and what takes them out. Exit code 1 where something could not be copied.
    """
    source_place = Workplace(_one_of(store, source, "from"), option=_typed(store, "from"))
    _copy_all(
        source_place,
        Workplace(target, option="--to"),
        only,
        allow_secrets=allow_secrets,
        as_json=as_json,
    )


def _one_of(store: str | None, option: str | None, name: str) -> str:
    if (store is None) == (option is None):
        raise UsageError(
            "Which store is meant?",
            remedy=f"Name one: STORE or --{name} URL (files:PATH, redis://...)",
        )
    return option or "" if store is None else store


def _typed(store: str | None, name: str) -> str:
    return f"--{name}" if store is None else "STORE"


def _copy_all(
    one: Workplace, other: Workplace, only: str | None, *, allow_secrets: bool, as_json: bool
) -> None:
    if one.shelf.place == other.shelf.place:
        raise UsageError(f"Both stores are {one.shelf.place}.", remedy="Name another.")
    if only is not None:
        check_given(only, "--only")
    unknown = [name for name in other.settings.match_on if name not in BUILT_IN]
    if unknown:
        warn(
            f"match_on names {', '.join(unknown)}, which only the program knows: what differs in "
            "nothing else is taken for equal here."
        )
    one.shelf.deliver()
    other.shelf.deliver()
    wanted = Selection(patterns=() if only is None else (only,))
    names = [n for n in one.shelf.names() if wanted.fits_name(n, one.shelf.where(n))]
    copied: list[_Copied] = []
    refused: list[_Refused] = []
    inspection = None if allow_secrets else Inspection(one)
    problems: list[str] = []
    source_shelf, target_shelf, matcher = one.shelf, other.shelf, other.matcher

    def copy(name: str) -> _Copied | _Refused | str:
        try:
            return _copy(name, source_shelf, target_shelf, matcher, inspection)
        except (CassetteError, RedactionError, UsageError) as error:
            return error.message

    at_once = max(source_shelf.reads_at_once, target_shelf.reads_at_once)
    try:
        steps = side_by_side(copy, names, at_once)
        for done in progress(quiet=as_json)(steps, len(names), "Copying"):
            if isinstance(done, str):
                problems.append(done)
            elif isinstance(done, _Refused):
                refused.append(done)
            else:
                copied.append(done)
    except StoreError as error:
        raise StoreError(
            f"{error.message} {len(copied)} of {of_noun(len(names), 'cassette')} are copied.",
            remedy=f"{error.remedy} Then run this again: what is there stays.".lstrip(),
            path=error.path,
        ) from error
    places = named_store(one.settings.store), named_store(other.settings.store)
    if as_json:
        echo_json(
            {
                "from": places[0],
                "to": places[1],
                "added": sum(each.added for each in copied),
                "there": sum(each.there for each in copied),
                "cassettes": copied,
                "refused": refused,
                "unreadable": problems,
            }
        )
    else:
        left_out(problems)
        _show(copied, *places)
        _show_refused(refused)
    click.get_current_context().exit(1 if problems or refused else 0)


def _copy(
    name: str, source: Shelf, target: Shelf, matcher: Matcher, inspection: Inspection | None
) -> _Copied | _Refused:
    """Only what fills a free slot is decoded whole."""
    held = source.cassette(name).load(matcher.key, matcher.fingerprint)
    cassette = target.cassette(name)
    filled = set(cassette.load(matcher.key, matcher.fingerprint).slots)
    seen: Counter[bytes] = Counter()
    takes: list[Take] = []
    numbered: dict[int, Interaction] = {}
    for number, (key, stored) in enumerate(zip(held.keys, held.entries, strict=True), 1):
        slot = Slot(key, seen[key])
        seen[key] += 1
        if slot not in filled:
            takes.append(Take(slot, stored.interaction))
            numbered[number] = stored.interaction
    if inspection is not None and (found := inspection.leaks_of(name, numbered)):
        return _Refused(name, found)
    added = 0
    if takes:
        added = cassette.publish(takes, matcher.key, replacing_run=None).added
    return _Copied(name, added, len(held.entries) - added)


def _show_refused(refused: Sequence[_Refused]) -> None:
    leaks = [leak for one in refused for leak in one.found]
    for leak in leaks[:_MOST_SHOWN]:
        echo(f"secret: {line_of_leak(leak)}")
    if len(leaks) > _MOST_SHOWN:
        echo(f"and {len(leaks) - _MOST_SHOWN} more (--json has them all)")
    if refused:
        say(
            f"{of_noun(len(refused), 'cassette')} with secrets not copied. Take them out with onetake "
            "scrub, or copy them with --allow-secrets."
        )


def _show(copied: Sequence[_Copied], source: str, target: str) -> None:
    fresh = [one for one in copied if one.added]
    added, there = sum(one.added for one in copied), sum(one.there for one in copied)
    say(f"From {source} to {target}:")
    for one in fresh[:_MOST_SHOWN]:
        echo(f"  {one.added:4} added  {one_line(one.cassette)}")
    if len(fresh) > _MOST_SHOWN:
        echo(f"  and {len(fresh) - _MOST_SHOWN} more cassettes (--json has them all)")
    say(
        f"{of_noun(added, 'interaction')} of {of_noun(len(fresh), 'cassette')} added; "
        f"{there} were there already."
    )

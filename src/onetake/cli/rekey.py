"""`onetake rekey`: encrypt what a shared store holds with another key."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from onetake.care.side_by_side import Showing, side_by_side
from onetake.care.workplace import Workplace
from onetake.cli.printing import echo_json, left_out, progress, say
from onetake.config import named_store
from onetake.config.encryption import variable_of
from onetake.errors import CassetteError, StoreError, UsageError
from onetake.reports.terminal import of_noun
from onetake.stores.opening import open_store
from onetake.stores.rekeying import Outdated, Rekeying
from onetake.stores.rows.encrypted import EncryptedLayers, EncryptedStore

_AT_ONCE = 8


@click.command()
@click.option("--store", metavar="URL", help="Of this store (default: the project's).")
@click.option("--yes", is_flag=True, help="Do it; without, only show what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
def rekey(store: str | None, *, yes: bool, as_json: bool) -> None:
    """Encrypt all that a store holds with the first key of the variable that encrypt names.

    To change keys put the new one in front, `new,old`, wherever tests run; then run this; then take the
    old one out. What is in plain is encrypted too. Others may record meanwhile. It may be interrupted and
    run again: what is done is not done twice.

    Exit code 1 where something would be done and --yes is missing, or something could not be read.
    """
    place = Workplace(store)
    settings = place.settings
    if not settings.encrypt:
        raise UsageError(
            "encrypt is not set, so there is no key.",
            remedy='Set encrypt = "env:ONETAKE_KEY" and put the key into that variable.',
        )
    opened = (
        open_store(settings.store, place.root, settings.encrypt) if _is_of_rows(place) else None
    )
    if not isinstance(opened, EncryptedStore):
        raise UsageError(
            f"{named_store(settings.store)} holds nothing that is encrypted.",
            remedy="Name a shared store: --store URL.",
        )
    at_once = 1
    if isinstance(opened, EncryptedLayers):
        at_once = _AT_ONCE
        if yes:
            opened.deliver()  # what waits here is under the old key
        opened = opened.remote
    work, problems = Rekeying(opened, write=yes), list[str]()
    names = work.names()
    rows, cassettes = _each(work.rows, names, at_once, problems, progress(quiet=as_json))
    blobs, lines = work.blobs(), work.lines()
    work.finish()
    first, variable = opened.keyring.ids[0], variable_of(settings.encrypt)
    if as_json:
        kinds = {"rows": rows, "blobs": blobs, "lines": lines}
        echo_json(
            {
                "store": named_store(settings.store),
                "key": first,
                "dry_run": not yes,
                "cassettes": cassettes,
                **{kind: {"held": one.held, **_data(one)} for kind, one in kinds.items()},
                "unreadable": problems,
            }
        )
    else:
        left_out(problems)
        _show(rows, cassettes, blobs, lines, done=yes, key=first, store=settings.store)
        if rows.number + blobs.number + lines.number and not yes:
            say("To do this: the same with --yes")
        elif not problems:
            say(f"Keys behind the first in {variable} are not needed for this store any more.")
    is_left = bool(rows.number + blobs.number + lines.number) and not yes
    click.get_current_context().exit(1 if problems or is_left else 0)


def _is_of_rows(place: Workplace) -> bool:
    from onetake.config import is_shared

    return is_shared(place.settings.store)


def _each(
    step: Callable[[str], Outdated],
    names: Sequence[str],
    at_once: int,
    problems: list[str],
    showing: Showing,
) -> tuple[Outdated, int]:
    """What was found in all cassettes, and in how many of them."""

    def one(name: str) -> Outdated | str:
        try:
            return step(name)
        except CassetteError as error:
            return error.message

    total, number, looked_at = Outdated(), 0, 0
    try:
        for found in showing(side_by_side(one, names, at_once), len(names), "Encrypting"):
            looked_at += 1
            if isinstance(found, str):
                problems.append(found)
            else:
                total += found
                number += bool(found.number)
    except StoreError as error:
        done = f"{looked_at} of {of_noun(len(names), 'cassette')} are done."
        raise StoreError(
            f"{error.message} {done}",
            remedy=f"{error.remedy} Then run this again: what is done stays.".lstrip(),
            path=error.path,
        ) from error
    return total, number


def _show(
    rows: Outdated,
    cassettes: int,
    blobs: Outdated,
    lines: Outdated,
    *,
    done: bool,
    key: str,
    store: str,
) -> None:
    total = rows + blobs + lines
    where = f"in {named_store(store)}"
    if not total.number:
        say(f"All {total.held} values are under the key {key}, {where}")
        return
    say(
        f"{'Encrypted' if done else 'Would encrypt'} with the key {key}: "
        f"{of_noun(rows.number, 'row')} of {of_noun(cassettes, 'cassette')}, "
        f"{of_noun(blobs.number, 'blob')}, {of_noun(lines.number, 'line')} of history, {where}"
    )
    for old, number in sorted(total.by_key.items()):
        say(f"  {number:6}  {'in plain' if old == 'plain' else f'under the key {old}'}")


def _data(one: Outdated) -> dict[str, object]:
    return {"outdated": one.number, "by_key": dict(one.by_key)}

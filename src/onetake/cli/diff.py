"""`onetake diff`: two interactions, or two cassettes, by meaning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from msgspec import Struct

from onetake.care.workplace import Workplace
from onetake.cli.printing import echo, echo_json
from onetake.diagnosis import Counterparts, Difference, compare, compare_cassettes, line_of
from onetake.errors import UsageError
from onetake.messages import Interaction
from onetake.stores.files import read_cassette

_MOST_SHOWN = 40  # differences of one pair


class _Place(Struct, frozen=True):
    """A cassette, and the number (from 1) of one of its interactions, if only that is meant."""

    path: Path
    number: int | None


@click.command()
@click.argument("a")
@click.argument("b")
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
def diff(a: str, b: str, as_json: bool) -> None:
    """What differs between two cassettes, or two interactions, by meaning.

    A and B are files or names of cassettes; `#3` behind one means its third interaction. Order of keys,
    white space, boundaries, dates and request ids are no differences. Exit code 1 where something differs.
    """
    place = Workplace()
    one, other = _read(place, a), _read(place, b)
    if (one.number is None) != (other.number is None):
        raise UsageError(
            "One of the two is an interaction, the other a whole cassette.",
            remedy="Put a number behind both (a.json#1 b.json#1), or behind none.",
        )
    ones, others = _interactions(one), _interactions(other)
    if one.number is not None and other.number is not None:
        i, j = one.number - 1, other.number - 1
        found = compare(ones[i], others[j])
        pair = Counterparts(
            line=line_of(ones[i].request), one=i + 1, other=j + 1, differences=found
        )
        pairs: Sequence[Counterparts] = (pair,) if found else ()
        same = 0 if found else 1
    else:
        pairs = compare_cassettes(ones, others, place.matcher)
        same = len(ones) - sum(pair.one is not None for pair in pairs)
    if as_json:
        data = {
            "a": place.shown(one.path),
            "b": place.shown(other.path),
            "same": same,
            "pairs": pairs,
        }
        echo_json(data)
    else:
        _show(pairs, same)
    click.get_current_context().exit(1 if pairs else 0)


def _read(place: Workplace, text: str) -> _Place:
    name, mark, number = text.rpartition("#")
    if not mark or (place.here / text).is_file():
        name, number = text, ""
    elif not number.isdecimal() or int(number) < 1:
        raise UsageError(
            f"{text!r} has no number behind '#'.", remedy="Interactions count from 1: a.json#1"
        )
    found = place.named(name)
    if len(found) != 1:
        some = ", ".join(map(place.shown, found[:5])) or "none"
        raise UsageError(f"{name!r} is not one cassette.", remedy=f"It could be: {some}.")
    return _Place(found[0], int(number) if number else None)


def _interactions(place: _Place) -> list[Interaction]:
    found = [one.interaction for one in read_cassette(place.path)]
    if place.number is not None and place.number > len(found):
        raise UsageError(
            f"{place.path} has no interaction {place.number}.",
            remedy=f"It has {len(found)}; they count from 1.",
        )
    return found


def _show(pairs: Sequence[Counterparts], same: int) -> None:
    differing = sum(pair.one is not None and pair.other is not None for pair in pairs)
    only_a = sum(pair.other is None for pair in pairs)
    only_b = sum(pair.one is None for pair in pairs)
    echo(f"{same} the same, {differing} differ, {only_a} only in A, {only_b} only in B")
    for pair in pairs:
        echo()
        line = pair.line
        if pair.other is None and pair.one is not None:
            echo(f"only in A  #{pair.one}  {line}", fg="red")
        elif pair.one is None and pair.other is not None:
            echo(f"only in B  #{pair.other}  {line}", fg="green")
        elif pair.one is not None and pair.other is not None:
            echo(f"A #{pair.one}, B #{pair.other}  {line}", bold=True)
            _show_differences(pair.differences)


def _show_differences(found: Sequence[Difference]) -> None:
    for one in found[:_MOST_SHOWN]:
        kind = f"  ({one.kind})" if one.kind not in ("text", "bytes") else ""
        echo(f"  {one.path}{kind}")
        echo(f"    A  {one.recorded}", fg="red")
        echo(f"    B  {one.sent}", fg="green")
    if len(found) > _MOST_SHOWN:
        echo(f"  and {len(found) - _MOST_SHOWN} more (--json has them all)")

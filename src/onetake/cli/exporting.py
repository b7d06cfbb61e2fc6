"""`onetake export`: cassettes for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from onetake import __version__
from onetake.care.selection import one_cassette
from onetake.care.workplace import Workplace
from onetake.cli.options import with_store
from onetake.cli.printing import echo, echo_json_text, warn
from onetake.diagnosis import line_of
from onetake.errors import UsageError
from onetake.formats import har, vcr, vcr_text
from onetake.messages import Interaction
from onetake.reports.terminal import of_noun
from onetake.stores.vcr_files import fit_to_write
from onetake.stores.whole_files import replace_file


@click.command()
@click.argument("kind", type=click.Choice(("har", "vcr")))
@click.argument("cassettes", nargs=-1, required=True, metavar="CASSETTE...")
@with_store
@click.option("-o", "--output", metavar="FILE", help="Where to write it; without, on the terminal.")
def export(kind: str, cassettes: Sequence[str], store: str | None, output: str | None) -> None:
    """Write cassettes as HAR 1.2, or as one of vcrpy: YAML, or JSON where FILE ends so.

    CASSETTE is a name, a part of one that no other has, or a test's id. Several become one file. Exit code
    1 where something could not be written: vcrpy's format has no errors of the network.
    """
    place = Workplace(store)
    if output is not None:
        _check_folder((place.here / output).parent)
    names = [one_cassette(place.shelf, text) for text in cassettes]
    found = [kept.stored.interaction for name in names for kept in place.shelf.recordings(name)]
    calls = fit_to_write(found)
    lost = [one for one in calls if kind == "vcr" and not vcr.is_expressible(one)]
    text = _written(kind, [one for one in calls if one not in lost], output or "")
    if output is None:
        (echo_json_text if kind == "har" else echo)(text.decode().rstrip("\n"))
    else:
        path = place.here / output
        replace_file(path, text)
        echo(f"{of_noun(len(calls) - len(lost), 'interaction')} in {place.shown(Path(path))}")
    for one in lost:
        warn(f"left out, an error of the network: {line_of(one.request)}")
    click.get_current_context().exit(1 if lost else 0)


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise UsageError(
            f"There is no folder {folder}.", remedy="Make it, or give another place with -o."
        )


def _written(kind: str, calls: Sequence[Interaction], output: str) -> bytes:
    if kind == "har":
        return har.to_har(calls, __version__)
    tree = vcr.to_tree(calls)
    return vcr_text.to_json(tree) if output.endswith(".json") else vcr_text.to_yaml(tree)

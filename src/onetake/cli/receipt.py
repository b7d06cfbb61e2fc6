"""`onetake receipt`: what the last run can show: all replayed, nothing paid, from these recordings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from onetake.care import used as care
from onetake.care.receipt import to_markdown, to_text
from onetake.care.workplace import Workplace
from onetake.cli.options import with_store
from onetake.cli.printing import echo, echo_json, in_lines, left_out


@click.command()
@click.argument("reports", nargs=-1, type=click.Path(path_type=Path))
@with_store
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs and --check.")
@click.option("--markdown", "as_markdown", is_flag=True, help="For a pull request.")
@click.option(
    "--check",
    metavar="FILE|DIGEST",
    help="Say whether the recordings here are those of a receipt (a file that --json wrote), or have a digest.",
)
def receipt(
    reports: tuple[Path, ...],
    *,
    store: str | None,
    as_json: bool,
    as_markdown: bool,
    check: str | None,
) -> None:
    """Show what the last run here has replayed and paid, and the digest of the recordings it used.

    With REPORTS (`--onetake-report`), of those runs together, as the shards of a suite. The receipt is clean
    where nothing went live, nothing was missed, every run passed, and the recordings are still what they
    were; else it says why not.

    Exit code 1 for a receipt that is not clean, or where --check finds other recordings.
    """
    place, problems = Workplace(store), list[str]()
    if check is not None:
        found = care.check(place, reports, check, problems)
        _show(found, problems, as_json=as_json)
        click.get_current_context().exit(0 if found.is_same else 1)
    made = care.made(place, reports, problems)
    left_out(problems)
    if as_json:
        echo_json(made)
    else:
        echo(in_lines(to_markdown(made) if as_markdown else to_text(made)))
    click.get_current_context().exit(0 if made.is_clean else 1)


def _show(found: care.Check, problems: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        echo_json(found)
        return
    left_out(problems)
    if found.is_same:
        echo(f"The same {found.recordings} recordings: {found.found}")
        return
    echo(in_lines("\n".join(["OTHER RECORDINGS:", *(f"  {one}" for one in found.changed)])))
    echo(f"wanted {found.wanted}\nfound  {found.found}")

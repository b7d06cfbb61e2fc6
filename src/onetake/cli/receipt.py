"""`onetake receipt`: what the last run can show: all replayed, nothing paid, from these recordings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from onetake.care.workplace import Workplace
from onetake.cli.options import with_store
from onetake.cli.printing import echo, echo_json, in_lines, left_out
from onetake.config.settings import is_local
from onetake.errors import OnetakeError, UsageError
from onetake.reports.json_report import Report
from onetake.reports.merging import merge, read_report
from onetake.reports.receipt import (
    Cassette,
    Digest,
    cassettes_of,
    is_digest,
    read_receipt,
    receipt_of,
    same,
    to_markdown,
    to_text,
)
from onetake.stores.files import read_cassette
from onetake.stores.private import read_regular
from onetake.stores.reports import kept_reports


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
    place = Workplace(store)
    if check is not None:
        click.get_current_context().exit(_check(place, reports, check, as_json=as_json))
    report = _report(place, reports)
    cassettes, problems = cassettes_of(report), list[str]()
    made = receipt_of(report, cassettes, _digest(place, cassettes, problems))
    left_out(problems)
    if as_json:
        echo_json(made)
    else:
        echo(in_lines(to_markdown(made) if as_markdown else to_text(made)))
    click.get_current_context().exit(0 if made.is_clean else 1)


def _check(place: Workplace, reports: Sequence[Path], check: str, *, as_json: bool) -> int:
    """A digest alone does not say which recordings it is of: a report does. Raises `UsageError`."""
    if is_digest(check):
        wanted, cassettes = check, cassettes_of(_report(place, reports))
    else:
        if reports:
            raise UsageError(
                "A receipt says itself which recordings it is of.",
                remedy="Leave out the reports, or give --check a digest.",
            )
        try:
            text = read_regular(place.here / check)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageError(
                f"{check} is no digest, and no file that can be read: {reason}.",
                remedy="Give a file that `onetake receipt --json` has printed, or sha256:... in full.",
            ) from None
        given = read_receipt(text, check)
        wanted, cassettes = given.digest, list(given.cassettes)
    problems = list[str]()
    digest = _digest(place, cassettes, problems)
    is_same = same(digest.value, wanted) and not digest.changed
    if as_json:
        echo_json(
            {
                "is_same": is_same,
                "wanted": wanted,
                "found": digest.value,
                "recordings": digest.recordings,
                "changed": digest.changed,
            }
        )
        return 0 if is_same else 1
    left_out(problems)
    if is_same:
        echo(f"The same {digest.recordings} recordings: {digest.value}")
        return 0
    echo(in_lines("\n".join(["OTHER RECORDINGS:", *(f"  {one}" for one in digest.changed)])))
    echo(f"wanted {wanted}\nfound  {digest.value}")
    return 1


def _report(place: Workplace, reports: Sequence[Path]) -> Report:
    if not reports:
        reports = kept_reports(place.cache)[:1]
    if not reports:
        raise UsageError(
            "No run of pytest here has left a report.",
            remedy="Run the tests once, or name what --onetake-report has written.",
        )
    return merge([read_report(path) for path in reports])


def _digest(place: Workplace, cassettes: Sequence[Cassette], problems: list[str]) -> Digest:
    digest = Digest()
    for one in cassettes:
        texts: list[bytes] | None = None
        try:
            texts = _texts(place, one)
        except OnetakeError as error:
            problems.append(error.message)
        digest.add(one, texts)
    return digest


def _texts(place: Workplace, one: Cassette) -> list[bytes]:
    """The recordings as they lie now. Raises `OnetakeError`."""
    if one.is_file:
        return [
            stored.raw
            for stored in read_cassette(
                place.root / one.name, None if Path(one.name).is_absolute() else place.root
            )
        ]
    if is_local(place.settings.store):  # of another one the digest tells whether it is right
        raise UsageError(
            f"{one.name} is in {one.store}, which is not the store of this project's settings.",
            remedy="Name it with its user and password: --store URL.",
        )
    return [kept.stored.raw for kept in place.shelf.recordings(one.name)]

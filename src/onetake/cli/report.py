"""`onetake report merge`: the reports of a suite's shards as one."""

from __future__ import annotations

from pathlib import Path

import click

from onetake.cli.printing import echo_document
from onetake.reports.json_report import to_json, write_report
from onetake.reports.merging import merge as merged
from onetake.reports.merging import read_report


@click.group()
def report() -> None:
    """Work with what `pytest --onetake-report` has written."""


@report.command()
@click.argument("reports", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A file; else it is printed.")
def merge(reports: tuple[Path, ...], output: Path | None) -> None:
    """Join the REPORTS of CI shards: counts add up, a test has its worst verdict."""
    joined = merged([read_report(path) for path in reports])
    if output is None:
        echo_document(to_json(joined), nl=False)
    else:
        write_report(joined, output)

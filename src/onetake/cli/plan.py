"""`onetake plan`: what the next run of pytest would record, and its estimated price."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import msgspec

from onetake.care.plan import Plan, in_lines, to_data
from onetake.cli.printing import echo, echo_json, warn
from onetake.diagnosis import one_line
from onetake.errors import UsageError


@click.command(
    context_settings={"ignore_unknown_options": True}, options_metavar="[--json] [PYTEST OPTIONS]"
)
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[PATHS]...")
def plan(arguments: tuple[str, ...], *, as_json: bool) -> None:
    """Say what a run of pytest with these arguments would record, why, and what that costs about.

    Tests are collected and not run: no call is made, and nothing is written. Prices are those of today,
    of what was recorded before (pip install 'onetake[spend]').

    Exit code 2 where the tests cannot be collected.
    """
    found = _planned(arguments)
    if as_json:
        echo_json(to_data(found))
        return
    if not found.tests:
        warn("No test was collected.")
    for line in in_lines(found):
        echo(one_line(line))


def _planned(arguments: tuple[str, ...]) -> Plan:
    """Ends the command with exit code 2 where there is no plan."""
    handle, name = tempfile.mkstemp(prefix="onetake-plan-", suffix=".json")
    os.close(handle)
    path = Path(name)
    try:
        # As one word each: pytest looks for the project's root beside words that may be paths.
        command = ["--onetake-plan", f"--onetake-plan-to={name}", *arguments]
        done = subprocess.run(  # noqa: S603 - as its user would type it
            [sys.executable, "-m", "pytest", *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        text = path.read_bytes()
    finally:
        path.unlink(missing_ok=True)
    if not text:
        echo(done.stdout + done.stderr, err=True, nl=False)
        raise UsageError(
            "There is no plan, as pytest could not collect the tests.",
            remedy="See above what it says.",
        )
    return msgspec.json.decode(text, type=Plan)

"""The command `onetake`: one module a verb. Exit codes: 0 done, 1 something found, 2 it could not be done."""

from __future__ import annotations

import os
from typing import Any

import click

from onetake import __version__
from onetake.cli.copying import pull, push
from onetake.cli.diff import diff
from onetake.cli.doctor import doctor
from onetake.cli.explain import explain
from onetake.cli.exporting import export
from onetake.cli.flush import flush
from onetake.cli.importing import import_
from onetake.cli.ls import ls
from onetake.cli.migrate import migrate
from onetake.cli.plan import plan
from onetake.cli.printing import echo, in_lines
from onetake.cli.promote import promote
from onetake.cli.prune import prune
from onetake.cli.receipt import receipt
from onetake.cli.rekey import rekey
from onetake.cli.report import report
from onetake.cli.scan import scan
from onetake.cli.scrub import scrub
from onetake.cli.show import show
from onetake.cli.stats import stats
from onetake.errors import OnetakeError

__all__ = ["main"]


class _Group(click.Group):
    """Our errors end a command with their own text and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            return super().invoke(ctx)
        except OnetakeError as error:
            echo(in_lines(f"onetake: {error}"), err=True)
            ctx.exit(2)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="onetake")
def main() -> None:
    """Record every paid API call once, replay it for ever, and never pay twice without knowing why."""


for _command in (
    diff,
    doctor,
    explain,
    export,
    flush,
    import_,
    ls,
    migrate,
    plan,
    promote,
    prune,
    pull,
    push,
    receipt,
    rekey,
    report,
    scan,
    scrub,
    show,
    stats,
):
    main.add_command(_command)

"""`onetake migrate --check`: what a project uses of vcrpy and its plugins, and what becomes of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from onetake.care import migrate as care
from onetake.care.vcrpy_uses import Fate
from onetake.cli.printing import beside, echo, echo_json, in_lines, progress, say
from onetake.reports.terminal import of_noun

_MOST_PLACES = 5


@click.command()
@click.argument(
    "folder", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option("--check", is_flag=True, required=True, help="Look only. (It does nothing else.)")
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
def migrate(folder: Path, check: bool, as_json: bool) -> None:  # noqa: ARG001  (says what it does)
    """Say what of vcrpy, pytest-recording, pytest-vcr or betamax a project uses, and what becomes of it.

    Reads the Python files, settings and cassettes below FOLDER, and runs none of them. Exit code 1 where
    something is not supported, or a cassette cannot be read.
    """
    found = care.check(folder, progress(quiet=as_json))
    if as_json:
        echo_json(found.to_data())
    else:
        _show(found)
    if found.has_trouble:
        click.get_current_context().exit(1)


def _show(found: care.Found) -> None:
    if not found.uses and not found.cassettes:
        echo("Nothing of vcrpy, pytest-recording, pytest-vcr or betamax is used here.")
        return
    places = [(name, use) for name, uses in found.uses.items() for use in uses]
    same = Counter(f"{use.kind} {use.name}" for _, use in places if use.fate is Fate.SAME)
    if same:
        echo("Works as it is:", bold=True)
        say("  " + ", ".join(f"{name} ({count})" for name, count in same.most_common()))
    for fate, title, color in (
        (Fate.UNJUDGED, "Works, and is judged in part:", "yellow"),
        (Fate.DIFFERS, "Differs:", "yellow"),
        (Fate.NO, "Not supported:", "red"),
    ):
        several: dict[tuple[str, str], list[str]] = {}
        for name, use in places:
            if use.fate is fate:
                several.setdefault((f"{use.kind} {use.name}", use.note), []).append(
                    f"{name}:{use.line}"
                )
        if several:
            echo(title, bold=True, fg=color)
        for (what, note), where in several.items():
            shown = ", ".join(where[:_MOST_PLACES]) + (" …" if len(where) > _MOST_PLACES else "")
            echo(beside(f"  {what} ({len(where)})", shown, 4))
            say(f"    {note}")
    if found.cassettes:
        count = of_noun(found.cassettes.total(), "cassette")
        folders = of_noun(len(found.cassettes), "folder")
        echo(f"{count} of vcrpy in {folders} can be read.")
    for name, reason in found.unreadable.items():
        echo(in_lines(f"cannot be read: {name}: {reason}"), fg="red")
    echo("\nTo switch: pip uninstall vcrpy pytest-recording && pip install onetake-vcr && pytest")
    echo("The way back, and each difference: docs/migrating.md")

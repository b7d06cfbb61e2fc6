"""`onetake migrate --check`: what a project uses of vcrpy and its plugins, and what becomes of it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from onetake.care.scope import is_walked
from onetake.cli.printing import beside, echo, echo_json, in_lines, progress, say
from onetake.errors import CassetteError
from onetake.formats import vcr_text
from onetake.formats.foreign import is_vcr, looks_like
from onetake.formats.reading import VCR
from onetake.reports.migration import Fate, Use, uses_in_python, uses_in_settings
from onetake.reports.terminal import of_noun

_SETTINGS = (".toml", ".ini", ".cfg", ".yml", ".yaml", ".sh")
_PASSED_OVER = {"build", "dist"}
_LARGEST = 4 << 20  # bytes of a file of source or settings
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
    found = _Found()
    paths = list(_files(folder))
    for path in progress(quiet=as_json)(iter(paths), len(paths), "Reading"):
        found.look_at(path, path.relative_to(folder).as_posix())
    if as_json:
        echo_json(found.to_data())
    else:
        _show(found)
    if found.unreadable or any(one.fate is Fate.NO for uses in found.uses.values() for one in uses):
        click.get_current_context().exit(1)


def _files(folder: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(
            one for one in folders if one not in _PASSED_OVER and is_walked(Path(where, one))
        )
        yield from (Path(where, name) for name in sorted(files))


class _Found:
    """What the files of a project hold."""

    def __init__(self) -> None:
        self.uses: dict[str, list[Use]] = {}  # by file
        self.cassettes: Counter[str] = Counter()  # by folder
        self.unreadable: dict[str, str] = {}

    def look_at(self, path: Path, name: str) -> None:
        suffix = path.suffix
        if suffix == ".py":
            uses = self._of_source(path, name)
        elif suffix in _SETTINGS or path.name == "Makefile":
            uses = uses_in_settings(self._text(path)) if not self._is_cassette(path, name) else []
        else:
            uses = []
            if suffix in (".json", ".gz") or "cassettes" in Path(name).parts[:-1]:
                self._is_cassette(path, name)
        if uses:
            self.uses[name] = uses

    def _of_source(self, path: Path, name: str) -> list[Use]:
        try:
            return uses_in_python(self._text(path))
        except (SyntaxError, ValueError, RecursionError) as error:
            reason = getattr(error, "msg", None) or str(error)
            self.unreadable[name] = f"no Python that can be read: {reason}"
            return []

    def _text(self, path: Path) -> str:
        try:
            if path.stat().st_size > _LARGEST:
                return ""
            return path.read_bytes().decode("utf-8", "replace")
        except OSError:
            return ""

    def _is_cassette(self, path: Path, name: str) -> bool:
        """Whether it is one of vcrpy's; then it is read, to see whether it can be."""
        try:
            text = path.read_bytes()
            plain = vcr_text.unpacked(text, name)
        except (OSError, CassetteError):  # it is something else
            return False
        is_json = plain.lstrip()[:1] == b"{"
        if not (is_vcr(plain) if is_json else looks_like(plain) == VCR):
            return False
        try:
            vcr_text.read(text, name)
            self.cassettes[Path(name).parent.as_posix()] += 1
        except CassetteError as error:
            self.unreadable[name] = error.message
        return True

    def to_data(self) -> dict[str, object]:
        return {
            "uses": {name: msgspec.to_builtins(uses) for name, uses in self.uses.items()},
            "cassettes": dict(self.cassettes),
            "unreadable": self.unreadable,
        }


def _show(found: _Found) -> None:
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

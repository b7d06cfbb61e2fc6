"""Why a store grows: which interactions differ in nothing that means something, and what merges them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from onetake import project
from onetake.care.side_by_side import Showing
from onetake.care.workplace import Workplace
from onetake.diagnosis import Proposal, Report, examine
from onetake.errors import CassetteError
from onetake.formats.document import Stored
from onetake.stores.files import read_cassette


class Examined(Struct, frozen=True):
    """What `cassettes` cassettes hold twice; `header` is that of a rule's table in the file at `path`."""

    report: Report
    cassettes: int
    unreadable: list[str]
    path: Path
    header: str

    def chosen(self, *, every: bool) -> list[Proposal]:
        """The rules that may be written: those that are sure, or `every` one."""
        return [one for one in self.report.proposals if every or one.is_sure]

    def with_rules(self, chosen: Sequence[Proposal]) -> tuple[str, str]:
        """The text of the settings file as it is, and as it would be with the `chosen` rules."""
        return project.with_tables(self.path, [one.to_toml(self.header) for one in chosen])


def examined(place: Workplace, places: Sequence[str], showing: Showing) -> Examined:
    """Read the cassettes that `places` name, or every one of the project."""
    paths = place.cassettes(places)
    unreadable: list[str] = []
    shown = showing(iter(paths), len(paths), "Reading")
    report = examine(_recordings(place, shown, unreadable), place.matcher)
    path, header = project.settings_file(place.root)
    return Examined(report, len(paths), unreadable, path, header)


def _recordings(
    place: Workplace, paths: Iterator[Path], unreadable: list[str]
) -> Iterator[tuple[str, list[Stored]]]:
    for path in paths:
        try:
            yield place.shown(path), read_cassette(path)
        except CassetteError as error:
            unreadable.append(error.message)

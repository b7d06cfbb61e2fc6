"""What one opening adds to the history of its cassette, and whether the cassette grows by it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from onetake.cassettes.growth import Growth, Place, RunLine, calls_that_grew, runs_running
from onetake.errors import OnetakeError
from onetake.formats.document import Stored
from onetake.messages import Request, read_url
from onetake.stores.names import digest
from onetake.stores.port import CassetteStore

if TYPE_CHECKING:
    from onetake.diagnosis import Event

_RUNS = 2  # that grew, one after the other, are no accident
_NOT_SHOWN = ("[[", "host", "path", "method")  # of a rule; the causes show all of it


def calls_grown(
    gained: Iterable[Request], entries: Iterable[Stored], spoken_for: Container[int]
) -> int:
    """Count those of the calls that the cassette `gained` by which it grew.

    `spoken_for` has the ids of entries that were used, or that a new recording replaces; such a recording
    is none that the cassette gains.
    """
    unused = (entry.line for entry in entries if id(entry) not in spoken_for)
    places = [_place(*line) for line in unused if line is not None]
    return calls_that_grew((_place(one.method, one.url) for one in gained), places) if places else 0


def _place(method: str, url: str) -> Place:
    parts = read_url(url)
    return method.upper(), parts.netloc, parts.path


def growth_of(
    store: CassetteStore, line: RunLine, test: str, calls: int, events: Sequence[Event]
) -> Growth | None:
    """Whether the cassette grows from run to run. `events` say what was recorded anew, and why."""
    try:
        runs = runs_running(store.history(), line, short(test))
    except OnetakeError:
        return None  # its history cannot be had
    if runs < _RUNS:
        return None
    varies, rule = _cause(events)
    return Growth(runs, calls, varies, rule)


def short(test: str) -> str:
    """How a history names a test."""
    return digest(test, 4)


def _cause(events: Iterable[Event]) -> tuple[str, str]:
    for event in events:
        if event.outcome == "recorded" and event.miss.differences:
            first = event.miss.differences[0]
            return f"{first.path} ({first.kind})", ", ".join(_said(event.miss.rule))
    return "", ""


def _said(rule: str) -> Iterator[str]:
    for line in rule.split("\n"):
        if line and not line.startswith(_NOT_SHOWN):
            yield line

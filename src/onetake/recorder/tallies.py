"""What one opening of a program came to, as the history of runs keeps it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from onetake import project
from onetake.cassettes.tallies import tally_of
from onetake.config import Settings
from onetake.recorder.cassette import Cassette
from onetake.recorder.readings import spent


def remember(cassette: Cassette, *, settings: Settings, root: Path) -> None:
    """Have it kept when the process ends. Never raises."""
    tally = tally_of(cassette.counts, cassette=cassette.name)
    if not tally.calls:
        return
    from onetake.stores import tallies  # late: most processes run tests, which tell their own

    place = tallies.Place(settings.store, root, project.run_id(), settings.encrypt)
    size = 0
    if cassette.path is not None:
        with suppress(OSError):
            size = cassette.path.stat().st_size
    tallies.add(cassette.name, tally, lambda: spent(cassette.calls), place, size=size)

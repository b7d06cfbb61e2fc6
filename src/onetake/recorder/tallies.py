"""What one opening came to, as the history of runs keeps it."""

from __future__ import annotations

from onetake.cassettes.tallies import Tally
from onetake.recorder.cassette import Cassette


def tally_of(cassette: Cassette) -> Tally:
    counts = cassette.counts
    return Tally(
        replayed=counts.get("replayed", 0),
        recorded=counts.get("recorded", 0),
        live=counts.get("live", 0),
        missed=counts.get("missed", 0),
        cassette=cassette.name,
    )

"""The cassette as its user sees it: what it holds, what happened, how it ended."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from onetake.errors import MissError, OnetakeError
from onetake.messages import Interaction
from onetake.recorder.opening import Call, Opening

__all__ = ["Call", "Cassette"]


class Cassette:
    """One opening of a cassette, as `use_cassette` and the fixture `cassette` give it."""

    def __init__(self, name: str, place: str, path: Path | None, opening: Opening) -> None:
        self.name = name
        self.place = place
        self.path = path
        self.opening = opening

    @property
    def interactions(self) -> list[Interaction]:
        """Every recording it holds, and what this opening has added so far."""
        return self.opening.interactions()

    @property
    def calls(self) -> list[Call]:
        """Every request of this opening, in the order of sending, with its outcome."""
        return list(self.opening.calls)

    @property
    def counts(self) -> dict[str, int]:
        """How many were `replayed`, `recorded`, `live`, `missed`, `paid_twice`, `quarantined`."""
        return {name: count for name, count in self.opening.counts.items() if count}

    @property
    def verdict(self) -> str:
        """One of `onetake.cassettes.verdicts.ORDER`, the worst that is true."""
        return self.opening.verdict

    @property
    def misses(self) -> list[MissError]:
        """The distinct misses that nobody expected, also those that the code under test swallowed."""
        return list(self.opening.misses)

    @property
    def warnings(self) -> list[str]:
        return list(self.opening.warnings)

    @property
    def error(self) -> OnetakeError | None:
        """Why recordings could not be kept, once closed."""
        return self.opening.error

    def expect_miss(self) -> AbstractContextManager[None]:
        """Inside, a miss is wanted: it still raises, and fails nothing else."""
        return self.opening.expecting_miss()

    def close(self, passed: bool) -> None:
        """Publish what was recorded if its scope passed, else set it apart. Never raises; see `error`."""
        self.opening.close(passed)

    def __repr__(self) -> str:
        return f"<Cassette {self.place} {self.verdict}>"

"""The cassette as its user sees it: what it holds, what happened, how it ended."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path

from onetake.cassettes.calls import Call
from onetake.cassettes.verdicts import verdict
from onetake.errors import GuardError, MissError, OnetakeError
from onetake.messages import Interaction
from onetake.recorder import usage
from onetake.recorder.forks import forks
from onetake.recorder.opening import Opening

__all__ = ["Call", "Cassette"]


def folder_of(path: Path, name: str) -> Path:
    """The folder in which the cassette `name` is the file `path`."""
    inside = len(Path(name).parts)
    return path.parents[min(inside, len(path.parents)) - 1]


class Cassette:
    """One opening of a cassette, as `use_cassette` and the fixture `cassette` give it."""

    def __init__(
        self,
        name: str,
        place: str,
        path: Path | None,
        opening: Opening,
        *,
        tells_unused: bool = True,
        is_foreign: bool = False,
    ) -> None:
        """`tells_unused`: which of its recordings were not used is told to whoever asks for usage.

        `is_foreign`: it is opened through the interface of another program.
        """
        self.name = name
        self.place = place
        self.path = path
        self.opening = opening
        self.closed: Callable[[Cassette], None] | None = None  # told once, at the end
        self._tells_unused = tells_unused
        self._is_foreign = is_foreign
        self._forks = forks()

    @property
    def interactions(self) -> list[Interaction]:
        """Every recording it holds, and what this opening has added so far."""
        with self.opening.live.lock:
            kept = [call.answer for call in self.opening.live.kept() if call.answer is not None]
        return [entry.interaction for entry in self.opening.entries] + kept

    @property
    def calls(self) -> list[Call]:
        """Every request of this opening, in the order of sending, with its outcome."""
        with self.opening.live.lock:
            return self.opening.ledger.calls

    @property
    def counts(self) -> dict[str, int]:
        """Calls by outcome: `replayed`, `recorded`, `live`, `missed`, `refused`, `paid_twice`, `quarantined`.

        By `overflow` calls the cassette has grown, as it did on the run before.
        """
        return self._outcomes

    @property
    def _outcomes(self) -> dict[str, int]:
        counts = dict(self.opening.ledger.counts)  # a copy: other threads count on
        if refused := len(self.opening.egress.refused):
            counts["refused"] = counts.get("refused", 0) + refused
        return {name: count for name, count in counts.items() if count > 0}

    @property
    def verdict(self) -> str:
        """One of `onetake.cassettes.verdicts.ORDER`, the worst that is true."""
        return verdict(self._outcomes, persisted=self.opening.is_kept)

    @property
    def misses(self) -> list[MissError | GuardError]:
        """The distinct misses and refusals that nobody expected, also those that the code swallowed.

        Connections that the network guard refused come once a host.
        """
        return [*self.opening.misses.unexpected, *self.opening.egress.errors]

    @property
    def warnings(self) -> list[str]:
        return self.opening.warnings

    @property
    def error(self) -> OnetakeError | None:
        """The reason why recordings could not be kept, once the cassette is closed."""
        return self.opening.trouble.error

    def expect_miss(self) -> AbstractContextManager[None]:
        """Inside, a miss is wanted: it still raises, and fails nothing else."""
        return self.opening.expecting_miss()

    @cached_property
    def folder(self) -> Path | None:
        """The folder below which names are looked up; None where recordings are no files."""
        return None if self.path is None else folder_of(self.path, self.name)

    def close(
        self,
        passed: bool,
        *,
        is_whole: bool = True,
        is_own: bool = False,
        late: Callable[[Call, int], None] | None = None,
    ) -> None:
        """Publish what was recorded if its scope passed, else set it apart. Never raises; see `error`.

        `is_whole` is false where the scope passed without coming to all of its calls (a skip), `is_own`
        true where no other scope opens this cassette. `late` is told of each call that is made later, with the
        number of its account.
        """
        self.opening.close(passed, late)
        if usage.is_wanted():
            is_known = passed and is_whole and forks() == self._forks
            self._tell_usage(passed=is_known, is_own=is_own)
        if (closed := self.closed) is not None:
            self.closed = None
            closed(self)

    def _tell_usage(self, *, passed: bool, is_own: bool) -> None:
        opening = self.opening
        place = opening.place if self.path is None else os.path.abspath(self.path)
        if not self._tells_unused:
            usage.add_unopened(
                self.name, place, self.folder, opening.test_id, is_foreign=self._is_foreign
            )
            return
        ended = usage.Ended(
            self.name,
            place,
            self.folder,
            opening.test_id,
            opening.entries,
            opening.closing.spoken_for,
            self._is_foreign,
        )
        usage.add_closed(ended, passed=passed, is_own=is_own)

    def __repr__(self) -> str:
        return f"<Cassette {self.place} {self.verdict}>"

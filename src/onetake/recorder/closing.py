"""The end of an opening: what it recorded joins the cassette, or is set apart, and what is to be said of it."""

from __future__ import annotations

import time
from collections import abc
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from onetake.cassettes.growth import Growth, RunLine
from onetake.cassettes.sequence import Sequence
from onetake.config import Mode, Settings
from onetake.errors import CassetteError, OnetakeError, StoreError
from onetake.formats.document import Stored
from onetake.recorder.explanations import Explanations
from onetake.recorder.growth import calls_grown, growth_of, short
from onetake.recorder.keeping import Trouble
from onetake.recorder.live_calls import LiveCalls
from onetake.recorder.publication import Publication, Published

if TYPE_CHECKING:
    from onetake.diagnosis import Event

_now = time.time  # bound early: fake clocks do not reach us


class Closing(Struct):
    """Closes one opening. `record` is told of every request that was not replayed, and why."""

    settings: Settings
    run_id: str
    test_id: str
    entries: abc.Sequence[Stored]
    sequence: Sequence
    live: LiveCalls
    publication: Publication
    explanations: Explanations
    trouble: Trouble
    record: Callable[[abc.Sequence[Event]], None]
    passed: bool = False
    published: Published = Published()
    growth: Growth | None = None

    def close(self, passed: bool) -> None:
        """Publish what was recorded if the scope passed, else set it apart. The caller holds the lock."""
        self.passed = passed
        trouble = self.trouble
        try:
            self._settle()
        except OSError as error:
            trouble.error = StoreError(
                f"Cannot keep recordings in {error.filename}: {error.strerror}.",
                remedy="Make the folder writable (or free some space) and run again.",
            )
        if trouble.journal is not None and trouble.error is None:
            trouble.warnings.append(
                f"Recordings were not safe from a crash until the end: {trouble.journal}. "
                "Make .onetake/ in the project's folder writable."
            )
        try:
            self._explain_recorded()
            self._remember_run()
        except CassetteError as error:  # another recording than those of now
            trouble.warnings.append(f"Not looked at: {error.message}")

    @property
    def events(self) -> list[Event]:
        """Every request that was not replayed, and why; complete once closed."""
        return self.explanations.events

    @property
    def held(self) -> int:
        """The number of recordings that the cassette holds, as far as this opening knows."""
        return len(self.entries) + min(self.published.added, len(self.published.gained))

    @property
    def spoken_for(self) -> set[int]:
        """The ids of those entries that answered a request, or had expired when it was made."""
        return self.sequence.used | self.sequence.outdated

    def _settle(self) -> None:
        """Raises OSError."""
        if not self.passed:
            self._set_apart()
            return
        try:
            self._publish()
        except OnetakeError as error:
            self.trouble.error = error
            self._set_apart()

    def _publish(self) -> None:
        self.live.mark_shared()
        replacing = self.run_id if self.settings.mode is Mode.RECORD else None
        self.published = self.publication.publish(replacing)
        self.live.ledger.counts["paid_twice"] += self.published.paid_twice
        self.trouble.warnings += self.published.left_out

    def _set_apart(self) -> None:
        kept, trouble = self.live.kept(), self.trouble
        if not kept:
            self.publication.journal.drop()
            return
        self.live.ledger.counts["quarantined"] += len(kept)
        if trouble.journal is not None and trouble.error is None:
            raise trouble.journal
        place = self.publication.set_apart()
        if place is not None and trouble.error is not None:
            trouble.error = type(trouble.error)(
                f"{trouble.error.message} What was recorded is kept in {place}.",
                remedy=trouble.error.remedy,
            )

    def _explain_recorded(self) -> None:
        kept = self.live.kept()
        if kept and self.sequence.finder.has_recordings and self.settings.mode is not Mode.RECORD:
            self.explanations.add_recorded(
                (call.answer.request, call.answer.at, call.shortage)
                for call in kept
                if call.answer is not None
            )
        self.record(self.explanations.events)

    def _remember_run(self) -> None:
        added, gained = self.published.added, self.published.gained
        if not self.entries and not added:
            return
        counts, store, grown = self.live.ledger.counts, self.publication.store, 0
        if added:
            grown = min(added, calls_grown(gained, self.entries, self.spoken_for))
        line = RunLine(
            run=self.run_id,
            at=int(_now()),
            replayed=counts["replayed"],
            recorded=added,
            grew=(short(self.test_id),) if grown else (),
        )
        if grown:
            events = self.explanations.events
            self.growth = growth_of(store, line, self.test_id, grown, events)
        if self.growth is not None:
            counts["overflow"] = self.growth.calls
        store.add_run(line)

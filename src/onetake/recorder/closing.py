"""The end of an opening: what it recorded joins the cassette, or is set apart, and what is to be said of it."""

from __future__ import annotations

import time
from collections import abc
from collections.abc import Callable

from onetake.cassettes.growth import RunLine
from onetake.cassettes.sequence import Sequence
from onetake.config import Mode, Settings
from onetake.diagnosis import Event
from onetake.errors import CassetteError, OnetakeError, StoreError
from onetake.formats.document import Stored
from onetake.recorder.explanations import Explanations
from onetake.recorder.growth import Growth, calls_grown, growth_of, short
from onetake.recorder.keeping import Trouble
from onetake.recorder.live_calls import LiveCalls
from onetake.recorder.publication import Publication, Published

_now = time.time  # bound early: fake clocks do not reach us


class Closing:
    """Closes one opening. `record` is told of every request that was not replayed, and why."""

    def __init__(
        self,
        settings: Settings,
        run_id: str,
        test_id: str,
        entries: abc.Sequence[Stored],
        sequence: Sequence,
        live: LiveCalls,
        publication: Publication,
        explanations: Explanations,
        trouble: Trouble,
        record: Callable[[abc.Sequence[Event]], None],
    ) -> None:
        self._settings = settings
        self._run_id = run_id
        self._test_id = test_id
        self._entries = entries
        self._sequence = sequence
        self._live = live
        self._publication = publication
        self._explanations = explanations
        self._trouble = trouble
        self._record = record
        self.passed = False
        self.published = Published()
        self.growth: Growth | None = None

    def close(self, passed: bool) -> None:
        """Publish what was recorded if the scope passed, else set it apart. The caller holds the lock."""
        self.passed = passed
        trouble = self._trouble
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
        return self._explanations.events

    @property
    def held(self) -> int:
        """The number of recordings that the cassette holds, as far as this opening knows."""
        return len(self._entries) + min(self.published.added, len(self.published.gained))

    @property
    def spoken_for(self) -> set[int]:
        """The ids of those entries that answered a request, or had expired when it was made."""
        return self._sequence.used | self._sequence.outdated

    def _settle(self) -> None:
        """Raises OSError."""
        if not self.passed:
            self._set_apart()
            return
        try:
            self._publish()
        except OnetakeError as error:
            self._trouble.error = error
            self._set_apart()

    def _publish(self) -> None:
        self._live.mark_shared()
        replacing = self._run_id if self._settings.mode is Mode.RECORD else None
        self.published = self._publication.publish(replacing)
        self._live.ledger.counts["paid_twice"] += self.published.paid_twice
        self._trouble.warnings += [
            f"{line}: vcrpy's format cannot hold an error of the network, so it is not recorded."
            for line in self.published.left_out
        ]

    def _set_apart(self) -> None:
        kept, trouble = self._live.kept(), self._trouble
        if not kept:
            return
        self._live.ledger.counts["quarantined"] += len(kept)
        if trouble.journal is not None and trouble.error is None:
            raise trouble.journal
        place = self._publication.set_apart()
        if place is not None and trouble.error is not None:
            trouble.error = type(trouble.error)(
                f"{trouble.error.message} What was recorded is kept in {place}.",
                remedy=trouble.error.remedy,
            )

    def _explain_recorded(self) -> None:
        kept = self._live.kept()
        if kept and self._sequence.finder.has_recordings and self._settings.mode is not Mode.RECORD:
            self._explanations.add_recorded(
                (call.answer.request, call.answer.at, call.shortage)
                for call in kept
                if call.answer is not None
            )
        self._record(self._explanations.events)

    def _remember_run(self) -> None:
        added, gained = self.published.added, self.published.gained
        if not self._entries and not added:
            return
        counts, store, grown = self._live.ledger.counts, self._publication.store, 0
        if added:
            grown = min(added, calls_grown(gained, self._entries, self.spoken_for))
        line = RunLine(
            run=self._run_id,
            at=int(_now()),
            replayed=counts["replayed"],
            recorded=added,
            grew=(short(self._test_id),) if grown else (),
        )
        if grown:
            events = self._explanations.events
            self.growth = growth_of(store, line, self._test_id, grown, events)
        if self.growth is not None:
            counts["overflow"] = self.growth.calls
        store.add_run(line)

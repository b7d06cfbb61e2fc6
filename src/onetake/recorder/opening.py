"""One opening of a cassette: its parts are put together here, and it is entered, asked and closed.

`answering` decides on requests, `live_calls` and `keeping` have those that go live, `closing` ends it.
"""

from __future__ import annotations

import math
import time
from collections import abc
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct

from onetake.cassettes.by_key import ByKey, Keyed, Pairs
from onetake.cassettes.decisions import Decision
from onetake.cassettes.sequence import Finder, Sequence
from onetake.config import Mode, Settings
from onetake.errors import MissError, OnetakeError
from onetake.formats.document import Stored
from onetake.matching import Matcher
from onetake.messages import Interaction, Request
from onetake.recorder.answering import Answers, MissOf
from onetake.recorder.captured import Captured
from onetake.recorder.closing import Closing
from onetake.recorder.explanations import Explanations, Remedy
from onetake.recorder.keeping import Keeping, Trouble
from onetake.recorder.ledger import Late, Ledger
from onetake.recorder.live_calls import LiveCalls
from onetake.recorder.lookup import Lookup
from onetake.recorder.misses import Misses
from onetake.recorder.principals import Principals
from onetake.recorder.publication import Publication
from onetake.recorder.quarantined import Apart
from onetake.recorder.short_way import ShortWay
from onetake.recorder.takes import Lifetimes, Takes
from onetake.recorder.traffic import Traffic
from onetake.runtime.connections import of_cassette
from onetake.runtime.context import Paced
from onetake.stores.journal import Journal, Quarantine
from onetake.stores.port import CassetteStore, Flights, Opened

if TYPE_CHECKING:
    from onetake.diagnosis import Event
    from onetake.recorder.spending import Purse


_monotonic = time.monotonic  # bound early: fake clocks do not reach us


class Engine(Struct, frozen=True):
    """A reading of another program's cassettes: which recording answers, what a miss says, and what helps."""

    finder_of: Callable[[Pairs], Finder]  # given what is in quarantine
    miss_of: MissOf
    remedy: Remedy


class Opening(Paced):
    """One entry into a cassette. Every public method is thread-safe."""

    def __init__(
        self,
        store: CassetteStore,
        settings: Settings,
        matcher: Matcher,
        journal: Journal,
        quarantine: Callable[[], Quarantine],
        run_id: str,
        *,
        name: str = "",
        test_id: str = "",
        in_test: bool = False,
        key: bytes | None = None,
        record: Callable[[abc.Sequence[Event]], None] = lambda _: None,
        rule_header: str = "[[tool.onetake.rules]]",
        flights: Flights | None = None,
        purse: Purse | None = None,
        engine: Engine | None = None,
    ) -> None:
        """`name` is the cassette's. `key` makes keyed digests of credentials instead of their ordinals.

        With `flights` a call that other openings make too, at the same time, is made once. `purse` pays for
        each call that is sent. `engine` is that of another program's cassettes.

        `rule_header` begins a rule in the project's settings file, for those that are proposed.
        `record` is told, once closed, of every request that was not replayed, and why.
        """
        super().__init__(settings)
        self.settings = settings
        self.test_id = test_id
        self.place = store.place
        test = test_id or store.place
        opened, apart = _read(store, settings, matcher, quarantine)
        self.entries: abc.Sequence[Stored] = opened.entries  # what the cassette held
        self._apart = apart
        finder = _finder(opened, apart, matcher, engine)
        sequence = self._sequence = Sequence(finder)
        explanations = Explanations(
            opened.entries,
            matcher,
            settings,
            place=store.place,
            test=test,
            used=sequence.used,
            rule_header=rule_header,
            remedy=None if engine is None else engine.remedy,
        )
        self.ledger = Ledger(test)
        self.misses = Misses(self.ledger, explanations)
        self.trouble = Trouble([])
        counts_principals = matcher.uses_credential and opened.has_principals
        self._lookup = Lookup(
            matcher,
            settings,
            finder,
            self._recorded_by_value,
            Principals(key) if counts_principals else None,
        )
        self._keeping = Keeping(
            self._lookup, settings, journal, self.misses, self.trouble, store.place
        )
        self.live = LiveCalls(self.ledger, self._keeping, purse=purse, flights=flights)
        lifetimes, captured = Lifetimes(settings, name), Captured()
        traffic = Traffic(settings, in_test, finder.has_recordings)
        self.answers = Answers(
            settings,
            self._lookup,
            sequence,
            traffic,
            lifetimes,
            captured,
            self.live,
            self.misses,
            explanations.of_miss if engine is None else engine.miss_of,
            self.trouble,
        )
        self._short_way = None
        if isinstance(finder, ByKey) and opened.digests:
            self._short_way = ShortWay(
                settings,
                self._lookup,
                traffic,
                sequence,
                finder,
                captured,
                self.ledger,
                self.live.lock,
                opened=opened,
                lifetime=lifetimes.usual,
            )
        takes = Takes(sequence, matcher, captured, lifetimes)
        publication = Publication(store, journal, apart, takes, self.live, matcher.key)
        self.closing = Closing(
            settings,
            run_id,
            test_id,
            opened.entries,
            sequence,
            self.live,
            publication,
            explanations,
            self.trouble,
            record,
        )
        self._purse = purse
        self._active = _monotonic()  # at its last request
        self.egress = of_cassette(settings, test_id or f"Cassette {name}")

    # What interceptors call.

    def gives_way(self, *, in_thread: bool) -> bool:  # noqa: ARG002
        return self.settings.adopt and self.ledger.is_closed

    def quiet_s(self) -> float:
        return math.inf if self.ledger.is_closed else _monotonic() - self._active

    def decide(self, request: Request, client: str) -> Decision:
        self._active = _monotonic()
        return self.answers.decide(request, client)

    def recall(
        self, head: Hashable, body: bytes, request_of: Callable[[], Request], client: str
    ) -> Interaction | None:
        if self._short_way is None:
            return None
        self._active = _monotonic()
        return self._short_way.recall(head, body, request_of, client)

    def missed(self, request: Request, client: str, error: MissError) -> None:
        with self.live.lock:
            self.misses.add(error, request, b"", client)

    def let_through(self, request: Request, client: str) -> OnetakeError | None:
        self._active = _monotonic()
        return self.answers.let_through(request, client)

    @contextmanager
    def expecting_miss(self) -> Iterator[None]:
        with self.live.lock:
            self.misses.expecting += 1
            self.egress.expecting = True
        try:
            yield
        finally:
            with self.live.lock:
                self.misses.expecting -= 1
                self.egress.expecting = self.misses.expecting > 0

    @property
    def warnings(self) -> list[str]:
        unread = [
            f"Not looked at for volatile values: {error.message}"
            for error in self._sequence.finder.unreadable
        ]
        return unread + self.trouble.warnings

    def close(self, passed: bool, late: Late | None = None) -> None:
        """Publish what was recorded if the scope passed, else set it apart. Never raises; see `trouble`.

        `late` is told of each call that is made from now on.
        """
        self.live.abandon()
        with self.live.lock:
            if self.ledger.is_closed:
                return
            if self._purse is not None and self.settings.mode is not Mode.REPLAY:
                self._purse.saw(self.ledger.replays())
            self._sequence.closed = self._keeping.is_closed = True
            if (
                not passed
            ):  # what stopped the program may have stopped it in the middle of an answer
                self.live.forget_parts()
            self.ledger.close(late)
            self.closing.close(passed or self.settings.publish_on_error)
        self.live.close(published=self.is_kept)

    @property
    def is_kept(self) -> bool:
        """The cassette has what was recorded, or, before the end, may come to have it."""
        return not self.ledger.is_closed or (self.closing.passed and self.trouble.error is None)

    def _recorded_by_value(self) -> Iterator[Request]:
        """The requests of recordings in which something was redacted by its value."""
        yield from (entry.request for entry in self.entries if entry.has_values_redacted)
        yield from (interaction.request for interaction in self._apart.interactions)


def _read(
    store: CassetteStore,
    settings: Settings,
    matcher: Matcher,
    quarantine: Callable[[], Quarantine],
) -> tuple[Opened, Quarantine]:
    """Read the cassette, and what is in quarantine without being, all the same, in the cassette."""
    apart = quarantine() if settings.mode in (Mode.AUTO, Mode.ONCE) else Quarantine()
    if settings.mode in (Mode.RECORD, Mode.LIVE):
        return Opened(), apart
    opened = store.load(matcher.key, matcher.fingerprint)
    if apart.interactions:
        waiting = {matcher.key(interaction.request) for interaction in apart.interactions}
        stored = zip(opened.keys, opened.entries, strict=True)
        apart = apart.without([entry.interaction for key, entry in stored if key in waiting])
    return opened, apart


def _finder(opened: Opened, apart: Quarantine, matcher: Matcher, engine: Engine | None) -> Finder:
    quarantined: Pairs = [
        (matcher.key(interaction.request), Apart(interaction)) for interaction in apart.interactions
    ]
    if engine is not None:
        return engine.finder_of(quarantined)
    published = Keyed(opened.keys, opened.entries)
    return ByKey(matcher, published, quarantined, numbers=opened.numbers)

"""The owner of requests while a cassette is open: it decides, keeps, and accounts.

The decisions are the sequence's (a pure state machine); here are the lock, the journal and the account.
"""

from __future__ import annotations

import time
from collections import Counter, abc
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Protocol, assert_never

from msgspec import Struct
from msgspec.structs import replace

from onetake.cassettes.decisions import (
    Decided,
    Decision,
    Forward,
    Local,
    Record,
    Recorded,
    Refuse,
    Replay,
    Wait,
)
from onetake.cassettes.growth import RunLine
from onetake.cassettes.sequence import LooseOf, Sequence, Shortage, Slot
from onetake.cassettes.verdicts import verdict
from onetake.config import Mode, Settings
from onetake.content import opened
from onetake.diagnosis import Event, empty_uploads
from onetake.errors import CassetteError, GuardError, MissError, OnetakeError, StoreError
from onetake.formats.document import Stored
from onetake.matching import (
    Active,
    Loose,
    Matcher,
)
from onetake.messages import Ended, Interaction, Request, read_url
from onetake.recorder.calls import Call, LooseHit
from onetake.recorder.captured import Captured
from onetake.recorder.explanations import Explanations
from onetake.recorder.growth import Growth, calls_grown, growth_of, short
from onetake.recorder.keeping import left_out, shrunk
from onetake.recorder.ledger import Ledger
from onetake.recorder.lookup import Lookup
from onetake.recorder.principals import Principals
from onetake.recorder.publication import Publication, Published
from onetake.recorder.quarantined import Apart
from onetake.recorder.takes import Lifetimes, Takes
from onetake.recorder.traffic import Traffic, is_unreal
from onetake.runtime.connections import of_cassette
from onetake.runtime.context import Recording
from onetake.spend import is_priced_api
from onetake.stores.journal import Journal, Quarantine
from onetake.stores.port import CassetteStore, Flight, Flights, Opened, Pause

if TYPE_CHECKING:
    from onetake.recorder.spending import Purse

_now = time.time  # bound early: fake clocks do not reach us


_UNPAID = ("credential-exchange", "telemetry")
"""Why calls are let through that nobody is billed for."""


class SequenceOf(Protocol):
    """Makes what decides which recording answers a request: `Sequence`, or another with its methods."""

    def __call__(
        self,
        mode: Mode,
        published: Iterable[tuple[bytes, Recorded]],
        quarantined: Iterable[tuple[bytes, Recorded]],
        *,
        numbers: Iterable[int],
        repeat_last: bool,
        loose_of: LooseOf,
    ) -> Sequence: ...


class _Pending(Struct, frozen=True):
    """A live call under way: its redacted request, its slot, and its number in the ledger.

    Without a slot it is only read: nothing of it is kept.
    """

    request: Request
    slot: Slot | None
    call: int


class _Awaited(Struct, frozen=True):
    """A live call that another opening may be making too. `since` is UTC seconds."""

    flight: Flight
    decision: Record
    safe: Request
    key: bytes
    client: str
    since: float


class Opening:
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
        sequence_of: SequenceOf = Sequence,
    ) -> None:
        """`name` is the cassette's. `key` makes keyed digests of credentials instead of their ordinals.

        With `flights` a call that other openings make too, at the same time, is made once. `purse` pays for
        each call that is sent.

        `rule_header` begins a rule in the project's settings file, for those that are proposed.
        `record` is told, once closed, of every request that was not replayed, and why.
        """
        self.speed = settings.speed
        self.fast_retries = (
            settings.speed == 0 if settings.fast_retries is None else settings.fast_retries
        )
        self.exact_encoding = settings.exact_encoding
        self.max_request_body = settings.max_request_body
        self.max_interactions = settings.max_interactions
        self._store = store
        self._settings = settings
        self._matcher = matcher
        self._journal = journal
        self._run_id = run_id
        self.test_id = test_id
        self._lock = Lock()
        self._opened: Opened | None = None
        self._quarantine = Quarantine()
        if settings.mode in (Mode.AUTO, Mode.ONCE):
            self._quarantine = quarantine()
        self._sequence = self._start_sequence(sequence_of)
        self._explanations = Explanations(
            self._opened.entries if self._opened else (),
            matcher,
            settings,
            place=store.place,
            test=test_id or store.place,
            rule_header=rule_header,
        )
        self._record = record
        self._traffic = Traffic(settings, in_test, self._sequence.has_recordings)
        # Before it was opened, nobody knows whose the recordings are.
        counts_principals = self._opened is None or self._opened.has_principals
        principals = Principals(key) if matcher.uses_credential and counts_principals else None
        self._lookup = Lookup(
            matcher, settings, self._sequence, self._recorded_by_value, principals
        )
        self._captured = Captured()
        self._lifetimes = Lifetimes(settings, name)
        self._takes = Takes(self._sequence, matcher, self._captured, self._lifetimes)
        self._publication = Publication(
            store, journal, self._quarantine, self._sequence, self._takes, matcher.key
        )
        self._flights = flights
        self._purse = purse
        self._cancelled: set[int] = set()  # numbers of calls given up before they were sent
        self._pending: dict[int, _Pending] = {}
        self._observed: dict[int, str] = {}  # live calls that are only read, and why
        self._recordings: dict[int, Recording] = {}
        self._journal_error: OSError | None = None
        self._expecting = 0
        self._missed_keys: set[bytes] = set()
        self._closed = False
        self.ledger = Ledger(test_id or store.place)
        self.misses: list[MissError | GuardError] = []  # that nobody expected
        self.warnings: list[str] = []
        self.late: Callable[[Call, int], None] | None = None
        self.egress = of_cassette(settings, test_id or f"Cassette {name}")
        self.error: OnetakeError | None = None
        self.passed = False
        self.growth: Growth | None = None
        self._published = Published()

    def _start_sequence(self, sequence_of: SequenceOf) -> Sequence:
        mode = self._settings.mode
        opened = Opened()
        if mode not in (Mode.RECORD, Mode.LIVE):
            opened = self._store.load(self._matcher.key, self._matcher.fingerprint)
        self._opened = opened
        key = self._matcher.key
        if self._quarantine.interactions:
            waiting = {key(one.request) for one in self._quarantine.interactions}
            stored = zip(opened.keys, opened.entries, strict=True)
            published = [entry.interaction for one, entry in stored if one in waiting]
            self._quarantine = self._quarantine.without(published)
        return sequence_of(
            mode,
            zip(opened.keys, opened.entries, strict=True),
            ((key(one.request), Apart(one)) for one in self._quarantine.interactions),
            numbers=opened.numbers,
            repeat_last=self._settings.repeats == "last",
            loose_of=self._loose_of,
        )

    def _loose_of(self, stored: Recorded) -> Loose | None:
        try:
            return self._matcher.loose(stored.request, stored.at)
        except OnetakeError as error:
            self.warnings.append(f"Not looked at for volatile values: {error.message}")
            return None

    # What interceptors call.

    def decide(self, request: Request, client: str) -> Decision:
        now_s = _now()
        request = opened(request)
        safe, key, loose = request, b"", tuple[LooseHit, ...]()
        try:
            active = self._lookup.active(request)
            mode = self._traffic.mode_for(active, read_url(request.url).netloc)
            found = self._traffic.decide(request, active, mode, now_s)
            safe, key = self._lookup.find(request, active, is_ordinary=found is None)
            with self._lock:
                decision = found or self._from_sequence(safe, key, active, mode, now_s)
                decision = self._allowed(decision, request, safe)
                if isinstance(decision, Replay):
                    decision, loose = self._carried(decision, safe)
                if (wait := self._awaiting(decision, safe, key, client)) is not None:
                    return wait
                decision = self._afforded(decision, safe)
                self._account(decision, safe, key, client, loose)
            return decision
        except OnetakeError as error:  # of redaction, a match function, or stored data
            decision = Refuse(error)
        if safe is request:
            safe = self._lookup.line(request)
        with self._lock:
            self._account(decision, safe, key, client)
        return decision

    def _recorded_by_value(self) -> Iterator[Request]:
        """The requests of recordings in which something was redacted by its value."""
        yield from (entry.request for entry in self.entries if entry.has_values_redacted)
        yield from (interaction.request for interaction in self._quarantine.interactions)

    def _awaiting(self, decision: Decided, safe: Request, key: bytes, client: str) -> Wait | None:
        """That the store is to be asked first whether an equal call is under way."""
        if self._flights is None or not isinstance(decision, Record):
            return None
        seq = decision.seq
        if seq in self._observed:
            return None
        call = _Awaited(self._flight(seq), decision, safe, key, client, _now())
        return Wait(partial(self._ask, call), partial(self._cancel, call))

    def _flight(self, seq: int) -> Flight:
        return Flight(self._sequence.slots[seq], self._sequence.replaced.get(seq))

    def _ask(self, call: _Awaited) -> Decision:
        """What becomes of a live call after asking for equal ones."""
        assert self._flights is not None
        found = self._flights.ask(call.flight)
        if isinstance(found, Pause):
            return Wait(partial(self._ask, call), partial(self._cancel, call), found.s)
        answer = found.answering(call.safe) if found is not None else None
        if answer is not None and answer.response is not None and is_unreal(answer.response):
            answer = None  # a value that the program sends on has to be a real one: it goes live
        seq = call.decision.seq
        with self._lock:
            if seq in self._cancelled:
                self._flights.give_up(call.flight)
                return call.decision
            if answer is None:
                decision = self._afforded(call.decision, call.safe)
                self._account(decision, call.safe, call.key, call.client)
                if isinstance(decision, Refuse):
                    self._flights.give_up(call.flight)
                return decision
            self._takes.borrowed[seq] = answer
            self._takes.shared.add(seq)
            replay = Replay(answer)
            self._account(replay, call.safe, call.key, call.client)
            return replay

    def _cancel(self, call: _Awaited) -> None:
        """The program gave the call up before it was sent: recorded as one that was never answered."""
        assert self._flights is not None
        seq = call.decision.seq
        with self._lock:
            if seq in self._takes.borrowed:
                return
            self._cancelled.add(seq)
            if self._purse is not None:
                self._purse.give_back(seq)
            if seq not in self._pending:
                self._account(call.decision, call.safe, call.key, call.client)
            pending = self._pending.pop(seq)
            self.ledger.change(pending.call, "local", "cancelled")  # nobody was asked
            ms = round((_now() - call.since) * 1000)
            ended = Ended.CANCELLED
            cancelled = Interaction(request=call.safe, ended=ended, at=int(call.since), ms=ms)
            self._keep(seq, pending, cancelled)
        self._flights.give_up(call.flight)

    def _from_sequence(
        self, safe: Request, key: bytes, active: Active, mode: Mode, now_s: float
    ) -> Decided:
        lifetime = self._lifetimes.of(active)
        return self._sequence.decide(
            key,
            safe,
            lambda shortage: self._explanations.of_miss(
                safe, now_s, shortage, lifetime, used=self._sequence.used, mode=mode
            ),
            loose=lambda: self._matcher.loose(safe, now_s),
            mode=mode,
            repeat_last=None if active.repeats is None else active.repeats == "last",
            age_of=None if lifetime.is_endless else lambda one: lifetime.age_of(one.at, now_s),
        )

    def _allowed(self, decision: Decided, request: Request, safe: Request) -> Decided:
        """A live call only with a real credential; that of an exchange is read on its way."""
        if isinstance(decision, Record | Forward):
            refusal = self._traffic.refusal(request, safe)
            if refusal is not None:
                return Refuse(refusal)
        if not isinstance(decision, Forward) or self._closed:
            return decision
        if decision.reason != "credential-exchange" and not is_priced_api(safe):
            return decision
        # So that the token that it gives is known again, or what it cost.
        observed = self._sequence.observe()
        self._observed[observed.seq] = decision.reason
        return observed

    def _afforded(self, decision: Decided, safe: Request) -> Decided:
        """A live call only where the run may still spend what it may cost."""
        if self._purse is None:
            return decision
        error = None
        match decision:
            case Record(seq) if self._observed.get(seq) not in _UNPAID:
                error = self._purse.reserve(safe, seq)
                if error is not None:
                    self._observed.pop(seq, None)
            case Forward(reason) if reason not in _UNPAID:
                error = self._purse.reserve(safe)
        return decision if error is None else Refuse(error)

    def _carried(self, decision: Replay, safe: Request) -> tuple[Replay, tuple[LooseHit, ...]]:
        """The replay with the ids that the program uses now, and the values that a loose hit forgave."""
        forgiven = self._lookup.forgiven(decision)
        if decision.loosely is not None:
            self.ledger.counts["loose"] += 1
            self._captured.learn((old.kind, old.text, new.text) for old, new in forgiven)
        hits = dict.fromkeys(LooseHit(new.path, new.kind) for _, new in forgiven)
        if decision.loosely is not None and not hits:
            hits = {LooseHit("body", "white-space"): None}  # of JSON in a part of an upload
        interaction = self._captured.carry(decision.interaction, safe)
        return replace(decision, interaction=interaction), tuple(hits)

    def _account(
        self,
        decision: Decided,
        safe: Request,
        key: bytes,
        client: str,
        loose: tuple[LooseHit, ...] = (),
    ) -> None:
        add, reason = self.ledger.add, ""
        match decision:
            case Replay(answer):
                if decision.is_stale:
                    reason = "stale"
                    self.ledger.counts["stale"] += 1
                slot = decision.slot
                add(safe, client, "replayed", reason, loose=loose, slot=slot, answer=answer)
            case Local(answer, reason):
                add(safe, client, "local", reason, answer=answer)
            case Record(seq) if seq in self._observed:
                outcome, reason = _let_through(self._observed[seq])
                self._pending[seq] = _Pending(safe, None, add(safe, client, outcome, reason))
            case Record(seq):
                slot = self._sequence.slots[seq]
                number = add(safe, client, "recorded", slot=slot)
                self._pending[seq] = _Pending(safe, slot, number)
                self._warn_of_empty_uploads(safe)
            case Forward(reason):
                add(safe, client, *_let_through(reason))
            case Refuse(error):
                reason = getattr(error, "reason", "")
                outcome = "refused" if isinstance(error, GuardError) else "missed"
                add(safe, client, outcome, reason, is_counted=not self._expecting)
                self._refused(error, key, safe)
            case _:
                assert_never(decision)
        if self._closed and self.late is not None:
            self.late(self.ledger.last, self.ledger.late_number)

    def _refused(self, error: OnetakeError, key: bytes, safe: Request) -> None:
        if self._expecting or key in self._missed_keys:
            return
        self._missed_keys.add(key)
        if not isinstance(error, MissError | GuardError):
            error = MissError(error.message, remedy=error.remedy, reason="unreadable")
        self.misses.append(error)
        if isinstance(error, MissError):
            self._explanations.add_miss(error, safe)

    def _warn_of_empty_uploads(self, request: Request) -> None:
        for part in empty_uploads(request):
            self.warnings.append(
                f"{request.line}: the upload part {part!r} is empty. "
                "Was its file already read by an earlier request? Open it anew for each call."
            )

    def let_through(self, request: Request, client: str) -> OnetakeError | None:
        try:
            active = self._lookup.active(request)
            mode = self._traffic.mode_for(active, read_url(request.url).netloc)
            safe = self._lookup.told(request, active)
        except OnetakeError as error:
            return error
        is_forbidden = mode is Mode.REPLAY or (mode is Mode.ONCE and self._sequence.exists)
        reason = f"its body is larger than max_request_body ({self.max_request_body})"
        with self._lock:
            if not is_forbidden:
                decision = self._afforded(Forward(reason), safe)
                self._account(decision, safe, safe.url.encode(), client)
                return decision.error if isinstance(decision, Refuse) else None
            refused = MissError(
                f"{safe.line} is not recorded, and may not be sent in mode {mode}: {reason}.",
                remedy="Make max_request_body larger and record it, or send less.",
                request=safe.line,
                reason="upload",
            )
            self._account(Refuse(refused), safe, safe.url.encode(), client)
            return refused

    def note(self, request: Request, values: Iterable[str]) -> None:
        """Before somebody takes out of `request` what is secret: it is known in the answer all the same."""
        self._lookup.note(request, values)

    def forward(self, request: Request, client: str, reason: str) -> Decision:
        """Send `request` and keep nothing of it, as whoever stands before this opening has decided."""
        return self._decided(Forward(reason), request, client)

    def refuse(self, request: Request, client: str, reason: str, remedy: str) -> Decision:
        """Do not send `request`; `reason` goes on from its line."""
        line = self._lookup.line(request).line
        error = MissError(f"{line} {reason}", remedy=remedy, request=line, reason="unsupported")
        return self._decided(Refuse(error), request, client)

    def _decided(self, decision: Decided, request: Request, client: str) -> Decision:
        safe = self._lookup.told(request, self._lookup.active(request))
        with self._lock:
            decision = self._afforded(self._allowed(decision, request, safe), safe)
            self._account(decision, safe, self._lookup.key_of(safe), client)
        return decision

    def kept(self, seq: int) -> Interaction | None:
        """What is kept of the call `seq`."""
        with self._lock:
            return self._takes.kept.get(seq)

    def began(self, seq: int, recording: Recording) -> None:
        with self._lock:
            self._recordings[seq] = recording

    def keep(self, seq: int, interaction: Interaction) -> None:
        with self._lock:
            self._recordings.pop(seq, None)
            pending = self._pending.pop(seq, None)
            if pending is None:
                return
            if self._purse is not None:
                self._purse.settle(seq, interaction)
            if pending.slot is None:
                self._observe(seq, pending, interaction)
                return
            kept = self._keep(seq, pending, interaction)
        if self._flights is None:
            return
        flight = self._flight(seq)
        if kept is None or (kept.response is not None and is_unreal(kept.response)):
            self._flights.give_up(flight)  # what is redacted is of use to this opening alone
        else:
            self._flights.land(flight, kept)

    def let_go(self, seq: int, reason: str) -> None:
        with self._lock:
            self._recordings.pop(seq, None)
            pending = self._pending.pop(seq, None)
            if pending is None:
                return
            if self._purse is not None:
                self._purse.keep(seq)
            if pending.slot is None:
                return
            self.ledger.change(pending.call, "live", reason)
        if self._flights is not None:
            self._flights.give_up(self._flight(seq))

    def _keep(self, seq: int, pending: _Pending, interaction: Interaction) -> Interaction | None:
        """What is kept of a call that has ended, if anything."""
        try:
            safe = self._lookup.written(interaction, pending.request)
        except OnetakeError as error:
            self.error = self.error or error
            return None
        if reason := left_out(safe, self._settings):
            self.ledger.answered(pending.call, safe)
            self.ledger.change(pending.call, "live", reason)
            self.warnings.append(f"{safe.request.line}: {reason}, so it is paid on each run.")
            return None
        safe = shrunk(safe, self._settings)
        self.ledger.answered(pending.call, safe)
        self._takes.kept[seq] = safe
        try:
            self._journal.append(seq, safe)
        except OSError as error:
            self._journal_error = error
        if self._closed:
            self.warnings.append(
                f"{safe.request.line} was answered after {self._store.place} was closed; "
                "the answer is kept for the next run."
            )
        return safe

    def _observe(self, seq: int, pending: _Pending, interaction: Interaction) -> None:
        """Of an exchange its token is learned, of any other call what it used; nothing is kept."""
        if self._observed[seq] == "credential-exchange":
            self._lookup.learn(interaction)
        else:
            self.ledger.answered(pending.call, interaction)

    # What the cassette calls.

    def interactions(self) -> list[Interaction]:
        """Those of the cassette, then what this opening has recorded so far."""
        with self._lock:
            stored = [entry.interaction for entry in self._opened.entries] if self._opened else []
            return stored + [one for _, one in sorted(self._takes.kept.items())]

    @contextmanager
    def expecting_miss(self) -> Iterator[None]:
        with self._lock:
            self._expecting += 1
            self.egress.expecting = True
        try:
            yield
        finally:
            with self._lock:
                self._expecting -= 1
                self.egress.expecting = self._expecting > 0

    @property
    def verdict(self) -> str:
        persisted = not self._closed or (self.passed and self.error is None)
        return verdict(self.outcomes, persisted=persisted)

    @property
    def outcomes(self) -> Counter[str]:
        """`counts`, and connections that the guard refused."""
        return self.counts + Counter(refused=len(self.egress.refused))

    @property
    def counts(self) -> Counter[str]:
        """Calls by outcome, and what they came to at closing."""
        return self.ledger.counts

    @property
    def calls(self) -> list[Call]:
        """Every request, in the order of sending."""
        with self._lock:
            return self.ledger.calls

    def close(self, passed: bool, late: Callable[[Call, int], None] | None = None) -> None:
        """Publish what was recorded if the scope passed, else set it apart. Never raises; see `error`.

        `late` is told of each call that is made from now on.
        """
        for recording in list(self._recordings.values()):
            recording.abandon()
        with self._lock:
            if self._closed:
                return
            if self._purse is not None and self._settings.mode is not Mode.REPLAY:
                self._purse.saw(self.ledger.replays())
            self._closed = self._sequence.closed = True
            self.late = late
            self.ledger.close()
            self.passed = passed or self._settings.publish_on_error
            try:
                self._settle()
            except OSError as error:
                self.error = StoreError(
                    f"Cannot keep recordings in {error.filename}: {error.strerror}.",
                    remedy="Make the folder writable (or free some space) and run again.",
                )
            if self._journal_error is not None and self.error is None:
                self.warnings.append(
                    f"Recordings were not safe from a crash until the end: {self._journal_error}. "
                    "Make .onetake/ in the project's folder writable."
                )
            try:
                self._explain_recorded()
                self._remember_run()
            except CassetteError as error:  # another recording than those of now
                self.warnings.append(f"Not looked at: {error.message}")
        if self._flights is not None:
            self._flights.close(published=self.passed and self.error is None)

    def _explain_recorded(self) -> None:
        if self._sequence.has_recordings and self._settings.mode is not Mode.RECORD:
            recorded = (
                (one.request, one.at, self._sequence.shortages.get(seq, Shortage()))
                for seq, one in sorted(self._takes.kept.items())
            )
            self._explanations.add_recorded(recorded, self._sequence.used)
        self._record(self._explanations.events)

    def _remember_run(self) -> None:
        added, gained = self._published.added, self._published.gained
        if not self.entries and not added:
            return
        grown = 0
        if added:
            grown = min(added, calls_grown(gained, self.entries, self.spoken_for))
        line = RunLine(
            run=self._run_id,
            at=int(_now()),
            replayed=self.counts["replayed"],
            recorded=added,
            grew=(short(self.test_id),) if grown else (),
        )
        if grown:
            self.growth = growth_of(self._store, line, self.test_id, grown, self.events)
        if self.growth is not None:
            self.counts["overflow"] = self.growth.calls
        self._store.add_run(line)

    @property
    def place(self) -> str:
        """The file, or the URL without secrets and the name."""
        return self._store.place

    @property
    def entries(self) -> abc.Sequence[Stored]:
        """What the cassette held when it was opened."""
        return self._opened.entries if self._opened else ()

    @property
    def spoken_for(self) -> Container[int]:
        """The ids of those entries that answered a request, or had expired when it was made."""
        return self._sequence.used | self._sequence.outdated

    @property
    def held(self) -> int:
        """How many recordings the cassette holds, as far as this opening knows."""
        return len(self.entries) + min(self._published.added, len(self._published.gained))

    @property
    def events(self) -> list[Event]:
        """Every request that was not replayed, and why; complete once closed."""
        return self._explanations.events

    def _settle(self) -> None:
        """Raises OSError."""
        if not self.passed:
            self._set_apart()
            return
        try:
            self._publish()
        except OnetakeError as error:
            self.error = error
            self._set_apart()

    def _publish(self) -> None:
        if self._flights is not None:
            known = self._flights.known_to_others()
            self._takes.shared |= {seq for seq in self._takes.kept if self._flight(seq) in known}
        replacing = self._run_id if self._settings.mode is Mode.RECORD else None
        self._published = self._publication.publish(replacing)
        self.counts["paid_twice"] += self._published.paid_twice
        self.warnings += [
            f"{line}: vcrpy's format cannot hold an error of the network, so it is not recorded."
            for line in self._published.left_out
        ]

    def _set_apart(self) -> None:
        if not self._takes.kept:
            return
        self.counts["quarantined"] += len(self._takes.kept)
        if self._journal_error is not None and self.error is None:
            raise self._journal_error
        place = self._publication.set_apart()
        if place is not None and self.error is not None:
            self.error = type(self.error)(
                f"{self.error.message} What was recorded is kept in {place}.",
                remedy=self.error.remedy,
            )


def _let_through(reason: str) -> tuple[str, str]:
    """Outcome and reason of a call of which nothing is kept."""
    return ("exchanged" if reason == "credential-exchange" else "live"), reason

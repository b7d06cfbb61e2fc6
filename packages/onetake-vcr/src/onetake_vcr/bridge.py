"""A vcrpy cassette as the owner of requests: an opening of onetake with the suite's hooks around it.

So it is safe where vcrpy is not: what is recorded is in a journal at once, no secret is written, writers
lock, `replay` sends nothing, and each call is in the account of its test.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from onetake.cassettes.decisions import Decision, Record
from onetake.cassettes.fold import Take
from onetake.cassettes.growth import RunLine
from onetake.config import Mode, Settings
from onetake.errors import MissError, OnetakeError, StoreError
from onetake.formats.document import Stored
from onetake.formats.vcr import is_expressible
from onetake.formats.vcr_entry import VcrEntry
from onetake.messages import Interaction, Request, Response
from onetake.recorder import Entry, Recorder, is_unreal, usage
from onetake.recorder.explanations import remedy_of_vcr
from onetake.recorder.live_call import LiveCall
from onetake.recorder.opening import Engine
from onetake.runtime import host
from onetake.runtime.connections import Egress
from onetake.runtime.context import Paced, stop_taking, take_strays
from onetake.runtime.secrets import remember
from onetake.stores.file_history import FileHistory
from onetake.stores.locks import locked
from onetake.stores.names import digest
from onetake.stores.port import Opened, Published
from onetake.stores.vcr_files import own_path, shown_text
from onetake_vcr.conversion import entry_of, to_answer, to_message, to_request, to_response
from onetake_vcr.filtering import RequestFilter
from onetake_vcr.playhead import Playhead, miss_of
from onetake_vcr.safety import hidden_texts
from vcr.record_mode import RecordMode

if TYPE_CHECKING:
    from onetake.recorder.cassette import Cassette as OpenedCassette
    from onetake.recorder.opening import Opening
    from vcr.cassette import Cassette, Pair

MODES = {
    RecordMode.NONE: Mode.REPLAY,
    RecordMode.ONCE: Mode.ONCE,
    RecordMode.NEW_EPISODES: Mode.AUTO,
    RecordMode.ANY: Mode.AUTO,
    RecordMode.ALL: Mode.RECORD,
}


@contextmanager
def entered(cassette: Cassette, *, keeps_failed: bool) -> Iterator[None]:
    """The requests of this context belong to `cassette`.

    What was recorded is written at the end, unless an exception ends it and it `keeps_failed` not: then it
    waits for the next entry.
    """
    remember(
        (one for one in cassette.sensitive.values() if isinstance(one, str)),
        "filter_sensitive_data",
    )
    recorder = Recorder()
    settings = _settings_of(cassette, recorder)
    store = VcrStore(cassette, recorder.cache)
    run = host.current()
    opened = recorder.open_in(
        store,
        _name_of(Path(cassette.path)),
        test_id=run.test if run is not None else "",
        settings=settings,
        engine=Engine(
            partial(Playhead, cassette, store.entry),
            partial(miss_of, cassette),
            remedy_of_vcr(cassette._match_on),
        ),
        tells_unused=cassette.is_one_file and not cassette.drop_unused_requests,
    )
    if settings.mode is not MODES[RecordMode(cassette.record_mode)]:
        cassette.held_to = settings.mode, settings.mode_reason
    bridge = Bridge(cassette, store, opened.opening, settings)
    entry = Entry(opened, bridge)
    take_strays(bridge)
    passed = False
    try:
        yield
        passed = True
    finally:
        stop_taking(bridge)
        bridge.has_ended = True
        is_kept = (passed or keeps_failed) and not bridge.failed_hooks
        store.may_drop = passed and _has_played_all_it_can(opened, settings.mode, run)
        is_whole = passed and not (run is not None and run.is_cut)
        opened.opening.closing.sequence.used.update(store.played())
        entry.leave(passed=is_kept, is_whole=is_whole)
        _tell_of_others(cassette, opened.opening.test_id)
        if is_kept:
            store.finish()
    if bridge.failed_hooks:
        raise bridge.failed_hooks[0]
    if opened.error is not None and not (store.keeps_less and run is not None):
        raise opened.error  # vcrpy is silent where less was kept, and the run tells it


def _tell_of_others(cassette: Cassette, test: str) -> None:
    """Say that the test reads other cassettes too: whose recordings they are is not known here."""
    for path in getattr(cassette._persister, "extra_paths", ()):
        other = Path(os.path.abspath(path))
        usage.add_unopened(_name_of(other), str(other), other.parent, test)


def _has_played_all_it_can(opened: OpenedCassette, mode: Mode, run: host.Host | None) -> bool:
    """Return whether what is unplayed now is of no use: nothing failed, went live or was refused."""
    if mode in (Mode.REPLAY, Mode.LIVE) or (run is not None and run.is_cut):
        return False
    return not (opened.misses or opened.counts.get("live"))


def _name_of(path: Path) -> str:
    """What is left of the path below the folder that a reader looks into."""
    is_of_module = path.parent.parent.name == "cassettes"
    return f"{path.parent.name}/{path.name}" if is_of_module else path.name


def _settings_of(cassette: Cassette, recorder: Recorder) -> Settings:
    """The project's, with what the cassette says. A stronger `replay`, as of CI, holds it to that."""
    mode = MODES[RecordMode(cassette.record_mode)]
    ignored = getattr(cassette._before_record_request, "hosts", ())
    allowed = tuple(one for one in ignored if isinstance(one, str))
    base = recorder.settings
    settings = recorder.settings_with(
        {
            "mode": mode.value,
            "match_on": ["method", "url"],
            "volatile": [],
            "telemetry": base.telemetry or "record",
            "allow_hosts": [*base.allow_hosts, *allowed],
            "store": "",
        }
    )
    if settings.credential_exchange == "auto":
        settings = replace(settings, credential_exchange="record")
    if (settled := cassette.settled) is None:
        return settings
    return replace(
        settings,
        mode=settled.mode,
        mode_reason=settled.mode_reason,
        is_ceiling=settled.is_ceiling,
    )


class VcrStore:
    """The file of a cassette, read and written by its persister and serializer, under a lock."""

    def __init__(self, cassette: Cassette, cache: Path) -> None:
        self._cassette = cassette
        self._cache = cache
        self._place = str(cassette.path)
        self._entries: dict[int, Stored] = {}
        self.pairs: dict[int, Pair] = {}  # of what was recorded, by id, as the cassette has it
        self.keeps_less = False  # than was saved: its persister drops some without a word
        self.may_drop = False  # whether what nothing has played may go: only after a pass

    @cached_property
    def id(self) -> str:
        """As of the file where onetake reads it in place: both ways in know what runs did with it."""
        return digest(os.path.abspath(self._to_lock), 10)

    @property
    def place(self) -> str:
        return self._place

    @property
    def path(self) -> Path | None:
        return Path(self._place)

    def load(self, key: Callable[[Request], bytes], fingerprint: str) -> Opened:  # noqa: ARG002
        """Return entries that are decoded when they are wanted. Their keys are the matchers' matter."""
        kept = range(len(self._cassette))
        return Opened(tuple(map(self.entry, kept)), tuple(b"%d" % index for index in kept))

    def entry(self, index: int) -> Stored:
        """Return the entry at `index`, one object each time."""
        if index not in self._entries:
            place, shown = (self._place, index), partial(self._shown_text, index)
            self._entries[index] = VcrEntry(
                lambda: _tree_of(self._cassette.data[index]), place, text_of=shown
            )
        return self._entries[index]

    def _shown_text(self, index: int) -> bytes:
        stored = self._cassette._raw[self._cassette._raw_places[index]]  # before any hook
        return shown_text(_tree_of(stored), (self._place, index))

    def played(self) -> set[int]:
        """Return the ids of entries that were played, by requests or by code of the suite itself."""
        return {id(self.entry(index)) for index in self._cassette._played if index in self._entries}

    def publish(
        self,
        takes: Sequence[Take],
        key: Callable[[Request], bytes],  # noqa: ARG002
        *,
        replacing_run: str | None,  # noqa: ARG002
    ) -> Published:
        interactions = [take.interaction for take in takes if is_expressible(take.interaction)]
        if not interactions:
            return Published()
        try:
            pairs = [self.pairs.get(id(one)) or self._set_apart(one) for one in interactions]
            recorded = [pair for pair in pairs if pair is not None]
            with locked(self._to_lock):
                added, twice = self._cassette.publish(recorded, may_drop=self.may_drop)
                lost = len(self._cassette.not_kept(recorded))
        except (OnetakeError, OSError):
            raise
        except Exception as error:  # of the suite's persister, serializer or hooks
            raise StoreError(
                f"The cassette {self._place} cannot be saved: {type(error).__name__}: {error}.",
                remedy="Mend its persister, serializer or hook, and run again.",
                path=self._place,
            ) from error
        if lost:
            self.keeps_less = True
            raise StoreError(
                f"The cassette {self._place} was saved, and read again it lacks {lost} of "
                f"{len(recorded)} new recordings.",
                remedy="Let its persister and serializer keep all that they get, or each run pays for it anew.",
                path=self._place,
            )
        why = "before_save_interaction leaves it out, so it is paid on each run"
        said = tuple(f"{one.method} {one.uri}: {why}." for one, _ in self._cassette.dropped)
        return Published(added - len(said), twice, said)

    def finish(self) -> None:
        """Save what was added or is dropped by hand, if anything. Raises what the persister raises."""
        if self._cassette.is_unsaved(may_drop=self.may_drop):
            with locked(self._to_lock):
                self._cassette.publish([], may_drop=self.may_drop)

    @property
    def _to_lock(self) -> Path:
        """Return the path that all who write the cassette lock, in whichever format."""
        return own_path(Path(self._place))

    def _set_apart(self, interaction: Interaction) -> Pair | None:
        """What an earlier opening has paid for and not published, as the hooks leave it."""
        request, answer = _pair_of(interaction)
        kept = self._cassette._before_record_response(answer)
        return None if kept is None else (request, kept)

    def history(self) -> list[RunLine]:
        return FileHistory(self._cache, self.id).read()

    def add_run(self, line: RunLine) -> None:
        """Remember it on this machine, whatever persister the cassette has."""
        FileHistory(self._cache, self.id).add(line)


def _tree_of(pair: Pair) -> dict[str, object]:
    request, response = pair
    return {"request": entry_of(request), "response": response}


def _pair_of(interaction: Interaction, client: str = "") -> Pair:
    assert interaction.response is not None
    answer = to_answer(interaction.response, client, interaction.ended)
    return to_request(interaction.request), answer


class Bridge(Paced):
    """Owns requests: through the hooks into the opening, and its recordings back through the hooks."""

    def __init__(
        self, cassette: Cassette, store: VcrStore, opening: Opening, settings: Settings
    ) -> None:
        super().__init__(settings)
        self._cassette = cassette
        self._store = store
        self._opening = opening
        self.let_through = opening.let_through
        self.failed_hooks: list[Exception] = []  # of which the program was not told
        self.has_ended = False
        self._is_locked = settings.mode is Mode.REPLAY

    @property
    def egress(self) -> Egress:
        return self._opening.egress

    def gives_way(self, *, in_thread: bool) -> bool:  # noqa: ARG002
        return self.has_ended

    def decide(self, request: Request, client: str) -> Decision:
        filtered = self._filtered(request)
        if filtered is None:
            return self._left_alone(request, client)
        decision = self._opening.decide(filtered, client)
        if isinstance(decision, Record) and isinstance(decision.call, LiveCall):
            return Record(_Hooked(decision.call, self._cassette, self._store, self.failed_hooks))
        return decision

    def _filtered(self, request: Request) -> Request | None:
        """Return what the hooks leave of a request, each of which is called once; None to leave it alone."""
        change = self._cassette._before_record_request
        if isinstance(change, RequestFilter) and change.is_empty:
            return request
        asked = to_request(request)
        hidden: frozenset[str] = frozenset()
        if isinstance(change, RequestFilter):
            left = change.pass_built_in(asked)
            if left is not None and change.has_built_in:
                hidden = hidden_texts(asked, left)
            filtered = change.pass_hooks(left)
        else:
            filtered = change(asked)
        if filtered is asked or filtered is None:
            return None if filtered is None else request
        self._opening.answers.note(request, hidden)
        return to_message(filtered, like=request)

    def _left_alone(self, request: Request, client: str) -> Decision:
        """A request that the cassette is not to see goes live, but never by a mere hook where nothing may."""
        ignores = getattr(self._cassette._before_record_request, "ignores", None)
        if self._is_locked and not (ignores is not None and ignores(to_request(request))):
            return self._opening.answers.refuse(request, client, *_LOCKED)
        return self._opening.answers.forward(request, client, "left out of the cassette")

    def quiet_s(self) -> float:
        return self._opening.quiet_s()

    def missed(self, request: Request, client: str, error: MissError) -> None:
        self._opening.missed(request, client, error)


class _Hooked:
    """A live call whose answer passes the hooks of the suite before it is kept."""

    def __init__(
        self, call: LiveCall, cassette: Cassette, store: VcrStore, failed: list[Exception]
    ) -> None:
        self._call = call
        self._cassette = cassette
        self._store = store
        self._failed = failed
        self.began, self.let_go = call.began, call.let_go

    def keep(self, interaction: Interaction) -> None:
        call = self._call
        if not is_expressible(interaction):
            call.let_go("it had no whole answer")
            return
        try:
            response = self._hooked(interaction)
        except Exception as error:  # the program has its answer: it is set apart for the next run
            self._failed.append(error)
            call.keep(interaction)
            return
        if response is None:
            call.let_go("left out of the cassette")
            return
        call.keep(interaction.replace(response=response))
        safe = call.answer
        if safe is not None:
            pair = self._store.pairs[id(safe)] = _pair_of(safe, call.client)
            answered = safe.response
            is_real = answered is None or not is_unreal(answered)
            self._cassette.answered(*pair, is_real=is_real)

    def _hooked(self, interaction: Interaction) -> Response | None:
        """The answer as the hooks leave it; None where one of them leaves it out. Raises what they raise."""
        response = interaction.response
        assert response is not None
        answer = to_answer(response, self._call.client)
        kept = self._cassette._before_record_response(copy.deepcopy(answer))
        if kept is not None and self._cassette.hide is not None:
            _, kept = self._cassette.hide(to_request(interaction.request), kept)
        if kept is None or kept == answer:
            return None if kept is None else response
        return to_response(kept, interaction.request.method, like=response)


_LOCKED = (
    "is left out of the cassette by before_record_request, and the record mode sends nothing.",
    "Name its host in ignore_hosts, or record it.",
)

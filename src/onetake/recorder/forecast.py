"""What the next openings of a cassette would record, judged by what is stored. No call is made.

One idea: an opening is played through without a network. It asks again for everything that is recorded,
in order, and the state machine of real openings says of each what would come of it. What a test asks
that was never asked before, nobody can know.
"""

from __future__ import annotations

from collections import abc
from collections.abc import Iterable, Mapping

from msgspec import Struct

from onetake.cassettes.by_key import ByKey
from onetake.cassettes.decisions import Forward, Missing, Replay, Vacant
from onetake.cassettes.gates import may_pass
from onetake.cassettes.growth import by_run
from onetake.cassettes.sequence import Asked, Sequence
from onetake.config import Mode, Settings
from onetake.errors import CassetteError, OnetakeError
from onetake.formats.document import Stored
from onetake.matching import Matcher
from onetake.messages import Interaction, read_url
from onetake.recorder.growth import short
from onetake.recorder.quarantined import Apart
from onetake.recorder.takes import Lifetimes
from onetake.recorder.traffic import Traffic
from onetake.spend import Price, is_free, price_of, usage_of
from onetake.stores.journal import Quarantine
from onetake.stores.port import CassetteStore

_RUNS = 2  # that grew, one after the other


class Forecast(Struct, frozen=True, kw_only=True):
    """What openings of a cassette would do.

    `recorded` are the answers that would be asked for anew, by reason: `record` (the mode asks for it),
    `expired`, `failed` (in quarantine), `grows`; `live` those that would be let through. `misses` would
    be errors. `replayed` come from the cassette, `from_quarantine` from what failed tests have paid for.
    `held` are all recordings that there are, `missing` says that there is none although the mode needs
    them.
    """

    place: str
    held: tuple[Interaction | Stored, ...] = ()
    recorded: Mapping[str, tuple[Interaction | Stored, ...]] = {}
    live: tuple[Interaction | Stored, ...] = ()
    misses: int = 0
    replayed: int = 0
    from_quarantine: int = 0
    missing: bool = False


def forecast(
    store: CassetteStore,
    settings: Settings,
    matcher: Matcher,
    name: str,
    tests: abc.Sequence[str],
    apart: abc.Sequence[tuple[Quarantine, abc.Sequence[Interaction]]],
    now_s: float,
) -> Forecast:
    """Judge the cassette `name`, which `tests` open; `apart` has the quarantine of each, and its failures.

    Raises `CassetteError`, `StoreError`.
    """
    opened = store.load(matcher.key, "")
    entries, keys = list(opened.entries), list(opened.keys)
    grown = _grown(store, entries, tests) if settings.mode is Mode.AUTO else _Grown()
    is_read = settings.mode in (Mode.AUTO, Mode.ONCE)
    waiting = [one for quarantine, _ in apart for one in quarantine.interactions if is_read]
    waiting = _unpublished(waiting, matcher, entries, keys)
    failed = [one for _, failures in apart for one in failures] if is_read else []
    asked: list[tuple[bytes, Interaction | Stored]] = list(zip(keys, entries, strict=True))
    asked = asked[: len(asked) - len(grown.unused)]
    asked += [(matcher.key(one.request), one) for one in waiting]
    kept = settings.mode not in (Mode.RECORD, Mode.LIVE)
    finder = ByKey(
        matcher,
        list(zip(keys, entries, strict=True)) if kept else (),
        [(matcher.key(one.request), Apart(one)) for one in waiting],
        numbers=opened.numbers if kept else (),
    )
    sequence = Sequence(finder)
    run = _Played(sequence, settings, matcher, Lifetimes(settings, name), now_s)
    for key, one in asked:
        run.ask(key, one)
    missing = settings.mode is Mode.REPLAY and not entries
    recorded: dict[str, tuple[Interaction | Stored, ...]] = {
        "record" if settings.mode is Mode.RECORD else "expired": tuple(run.recorded),
        "failed": tuple(_distinct(failed, matcher))
        if settings.mode is Mode.AUTO or not entries
        else (),
        "grows": tuple(grown.last),
    }
    return Forecast(
        place=store.place,
        held=(*entries, *waiting),
        recorded={reason: some for reason, some in recorded.items() if some},
        live=tuple(run.live),
        misses=run.misses,
        replayed=run.replayed - len(sequence.taken_from_quarantine),
        from_quarantine=len(sequence.taken_from_quarantine),
        missing=missing,
    )


class _Grown(Struct, frozen=True):
    """`unused` were recorded by runs that grew, and nobody asks for them; `last` by the last of these."""

    unused: abc.Sequence[Stored] = ()
    last: abc.Sequence[Stored] = ()


def _grown(store: CassetteStore, entries: abc.Sequence[Stored], tests: abc.Sequence[str]) -> _Grown:
    try:
        lines = [line for line in by_run(store.history()) if line.recorded]
    except OnetakeError:
        return _Grown()
    names = set(map(short, tests))
    count = 0
    for line in reversed(lines):
        if not names.intersection(line.grew):
            break
        count += 1
    if count < _RUNS:
        return _Grown()
    unused = min(sum(line.recorded for line in lines[-count:]), len(entries))
    last = min(lines[-1].recorded, len(entries))
    return _Grown(entries[len(entries) - unused :], entries[len(entries) - last :])


class _Played:
    """One opening, played through."""

    def __init__(
        self,
        sequence: Sequence,
        settings: Settings,
        matcher: Matcher,
        lifetimes: Lifetimes,
        now_s: float,
    ) -> None:
        self._sequence = sequence
        self._matcher = matcher
        self._lifetimes = lifetimes
        self._now_s = now_s
        self._settings = settings
        self._traffic = Traffic(settings, True, sequence.finder.has_recordings)
        self.recorded: list[Interaction | Stored] = []
        self.live: list[Interaction | Stored] = []
        self.misses = 0
        self.replayed = 0

    def ask(self, key: bytes, one: Interaction | Stored) -> None:
        request = one.request
        active = self._matcher.active(request)
        if active.mode == "block":
            return
        asked = Asked(
            key=key,
            request=request,
            at=self._now_s,
            mode=self._traffic.mode_for(active, read_url(request.url).netloc),
            lifetime=self._lifetimes.of(active),
            repeats_last=(active.repeats or self._settings.repeats) == "last",
        )
        decision = self._sequence.decide(asked)
        match decision:
            case Vacant():
                self.recorded.append(one)
            case Forward():
                self.live.append(one)
            case Missing():
                self.misses += 1
            case Replay():
                self.replayed += 1


def _unpublished(
    waiting: abc.Sequence[Interaction],
    matcher: Matcher,
    entries: abc.Sequence[Stored],
    keys: abc.Sequence[bytes],
) -> list[Interaction]:
    """What is in quarantine and not, all the same, in the cassette."""
    if not waiting or not entries:
        return list(waiting)
    wanted = {matcher.key(one.request) for one in waiting}
    published = [
        entry.interaction for key, entry in zip(keys, entries, strict=True) if key in wanted
    ]
    return list(Quarantine(tuple(waiting), (b"",) * len(waiting)).without(published).interactions)


def _distinct(failed: Iterable[Interaction], matcher: Matcher) -> Iterable[Interaction]:
    """One of each request: clients repeat what fails."""
    return {matcher.key(one.request): one for one in failed}.values()


def cost_of(one: Interaction | Stored, prices: Mapping[str, Price]) -> float | None:
    """What the same would cost today; None where nobody knows. What is never billed costs nothing."""
    try:
        made = one.interaction if isinstance(one, Stored) else one
    except CassetteError:
        return None
    if is_free(made.request.method):
        return 0.0
    if made.response is None or may_pass(made):
        return None  # the next answer may be a good one
    if made.response.status >= 300:
        return 0.0
    usage = usage_of(made.request, made.response)
    return None if usage is None else price_of(usage, table=prices)

"""What owns calls during a run: one attempt at a test, or one life of a wider fixture.

SDKs catch errors and try again, so a miss must also fail the test by itself. A scope knows its
misses and which of them somebody has already been told.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from onetake.errors import OnetakeError
from onetake.messages import read_url
from onetake.pytest_plugin.connections import of_late_egress, with_egress
from onetake.pytest_plugin.lazy import LazyOwner
from onetake.pytest_plugin.unmarked import Unmarked
from onetake.reports.accounts import Account

if TYPE_CHECKING:
    from onetake.recorder import Call, Cassette
    from onetake.runtime.context import Owner
    from onetake.runtime.egress import Egress


class Scope:
    """`name` is a test's node id or `<module>/@<fixture>`; `owner` is entered around its code."""

    def __init__(
        self,
        name: str,
        owner: Cassette | LazyOwner | Unmarked,
        *,
        is_fixture: bool = False,
        is_own: bool = False,
    ) -> None:
        """`is_own` says that the cassette is that of no other scope."""
        self.name = name
        self.is_fixture = is_fixture
        self.failed = False
        self._skipped = False
        self._is_own = is_own
        self._source = owner
        self._told: set[int] = set()
        self._complaint: BaseException | None = None

    @property
    def owner(self) -> Owner:
        if isinstance(self._source, LazyOwner | Unmarked):
            return self._source
        return self._source.opening

    @property
    def cassette(self) -> Cassette | None:
        if isinstance(self._source, Unmarked):
            return None
        return self._source.cassette if isinstance(self._source, LazyOwner) else self._source

    @property
    def is_marked(self) -> bool:
        return not isinstance(self._source, Unmarked)

    def fail(self) -> None:
        self.failed = True

    def complain(self) -> None:
        """Fail the running phase if there are misses that nobody was told."""
        __tracebackhide__ = True
        misses = self._untold()
        if misses:
            self._complaint = pytest.fail.Exception(_text(misses), pytrace=False)
            if self.is_fixture:
                self._told.update(map(id, misses))
            raise self._complaint

    def saw(self, report: pytest.TestReport, error: BaseException | None) -> None:
        """A phase is over. A failure that is not about the misses gets them as a section."""
        self.failed = self.failed or report.failed
        self._skipped = self._skipped or report.skipped
        if not report.failed and not hasattr(report, "wasxfail"):
            return
        misses = self._untold()
        self._told.update(map(id, misses))
        shown = {id(one) for one in _chain(error)} if error is not None else set()
        rest = [miss for miss in misses if id(miss) not in shown]
        if rest and (error is None or error is not self._complaint):
            report.sections.append(("onetake: misses", _text(rest)))

    def close(self, late: Callable[[Account], None] = lambda _: None) -> Account | None:
        """Publish or set apart; what it came to, or None for a wider fixture without traffic.

        `late` gets an account of each request that is made after this, in whichever thread.
        """
        account = self._closed(late)
        egress, name, is_marked = self._egress, self.name, self.is_marked
        egress.late = lambda host, is_refused: late(
            of_late_egress(name, host, is_marked=is_marked, is_refused=is_refused)
        )
        return with_egress(account, egress, name, is_marked=is_marked)

    def _closed(self, late: Callable[[Account], None]) -> Account | None:
        source = self._source
        if isinstance(source, Unmarked):
            source.late = lambda method, url: late(
                Account(
                    test=self.name,
                    verdict="UNMARKED:LIVE",
                    counts={"live": 1},
                    hosts={read_url(url).netloc: 1},
                    warnings=(f"sent after its end: {method} {url} (live: unmarked)",),
                    is_late=True,
                )
            )
            if self.is_fixture and not (source.live or source.passed):
                return None
            counts = Counter(live=source.live, passed=source.passed)
            return Account(
                test=self.name,
                verdict=source.verdict,
                counts=dict(+counts),
                hosts=dict(source.hosts),
                is_fixture=self.is_fixture,
            )
        cassette = self.cassette
        if cassette is None:
            return None
        cassette.close(not self.failed, is_whole=not self._skipped, is_own=self._is_own)
        cassette.opening.late = lambda call: late(late_account(self.name, call))
        return Account(
            test=self.name,
            verdict="NOT_PERSISTED" if cassette.error and not cassette.misses else cassette.verdict,
            counts={name: count for name, count in cassette.counts.items() if count},
            place=str(cassette.path or cassette.name),
            folder=_folder(cassette),
            is_fixture=self.is_fixture,
            events=tuple(map(msgspec.to_builtins, cassette.opening.events)),
            loose=_loose(cassette.calls),
            local=_local(cassette.calls),
            warnings=tuple(cassette.warnings),
            error=_in_one_line(cassette.error) if cassette.error is not None else "",
            degraded=_degraded(),
            growth=msgspec.to_builtins(cassette.opening.growth),
            notes=_notes(cassette),
            hosts=_hosts(cassette.calls),
            held=len(cassette.opening.entries),
        )

    @property
    def _egress(self) -> Egress:
        return self._source.own_egress if isinstance(self._source, LazyOwner) else self.owner.egress

    def _untold(self) -> list[OnetakeError]:
        misses: list[OnetakeError] = []
        if self.cassette is not None:
            misses += self._misses_of(self.cassette)
        else:
            misses += self._egress.errors
        if isinstance(self._source, LazyOwner) and self._source.error is not None:
            misses.append(self._source.error)
        return [miss for miss in misses if id(miss) not in self._told]

    @staticmethod
    def _misses_of(cassette: Cassette) -> list[Any]:
        return list(cassette.misses)


def late_account(name: str, call: Call) -> Account:
    """A request of `name` that was made after its end."""
    outcome = f"{call.outcome}: {call.reason}" if call.reason else call.outcome
    return Account(
        test=name,
        verdict="LIVE" if call.outcome == "live" else "NO_TRAFFIC",
        counts={call.outcome: 1},
        loose=_loose([call]),
        local=_local([call]),
        hosts=_hosts([call]),
        warnings=(f"sent after its end: {call.method} {call.url} ({outcome})",),
        is_late=True,
    )


def partial_account() -> Account:
    """Says that not all tests of the suite are run."""
    return Account(test="", verdict="NO_TRAFFIC", is_late=True, is_partial=True)


def closing_account() -> Account:
    """What is left to say of cassettes and stores once all that was recorded has reached them."""
    opening = sys.modules.get("onetake.stores.opening")
    settled = opening.settle() if opening else {}
    usage = sys.modules.get("onetake.recorder.usage")
    return Account(
        test="",
        verdict="NO_TRAFFIC",
        is_late=True,
        capacity={place: (one.used, one.limit) for place, one in settled.items()},
        degraded=_degraded(),
        usages=tuple(map(msgspec.to_builtins, usage.drain())) if usage else (),
    )


def _degraded() -> tuple[dict[str, Any], ...]:
    """What stores could not do since the last account."""
    opening = sys.modules.get("onetake.stores.opening")  # only where a test has used one
    return tuple(map(msgspec.to_builtins, opening.drain_trouble())) if opening else ()


def _notes(cassette: Cassette) -> dict[str, str]:
    held, most = cassette.opening.held, cassette.opening.max_interactions
    if held <= most:
        return {}
    place = _shown(cassette.path) if cassette.path is not None else cassette.place
    return {place: f"holds {held} recordings (max_interactions is {most})"}


def _loose(calls: list[Call]) -> dict[str, int]:
    return dict(Counter(f"{one.path} ({one.kind})" for call in calls for one in call.loose))


def _hosts(calls: list[Call]) -> dict[str, int]:
    """Of calls that went live."""
    live = [call for call in calls if call.outcome in ("recorded", "live")]
    return dict(Counter(read_url(call.url).netloc for call in live))


def _local(calls: list[Call]) -> dict[str, int]:
    local = [call for call in calls if call.outcome == "local"]
    return dict(Counter(f"{call.reason} {read_url(call.url).netloc}" for call in local))


def hide_our_frames(error: BaseException) -> None:
    """Take onetake's frames out of the tracebacks of a miss and of the errors it led to."""
    errors = list(_chain(error))
    if not any(isinstance(one, OnetakeError) for one in errors):
        return
    for one in errors:
        entry = one.__traceback__
        while entry is not None:
            following = entry.tb_next
            while following is not None and _is_ours(following.tb_frame.f_globals):
                following = following.tb_next
            entry.tb_next = following
            entry = following


def _is_ours(module: dict[str, Any]) -> bool:
    return str(module.get("__name__", "")).startswith("onetake.")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """`error`, what it was raised from or while handling, and the members of groups."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions


def _text(misses: list[OnetakeError]) -> str:
    return "\n\n".join(str(miss) for miss in misses)


def _in_one_line(error: OnetakeError) -> str:
    return " ".join(str(error).split("\n"))


def _folder(cassette: Cassette) -> str:
    """The folder that a reader looks into: the one that holds the modules' folders."""
    if cassette.folder is None:
        store, _, name = cassette.place.partition("#")
        return store if name else "memory:"
    return _shown(cassette.folder)


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)

"""What owns calls during a run: one attempt at a test, or one life of a wider fixture.

SDKs catch errors and try again, so a miss must also fail the test by itself. A scope knows its
misses and which of them somebody has already been told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from onetake.errors import OnetakeError
from onetake.pytest_plugin.accounting import of_cassette, of_late, of_unmarked, of_unopened
from onetake.pytest_plugin.connections import of_late_egress, with_egress
from onetake.pytest_plugin.lazy import LazyOwner
from onetake.pytest_plugin.tracebacks import chain_of
from onetake.pytest_plugin.unmarked import Unmarked
from onetake.reports.accounts import Account

if TYPE_CHECKING:
    from onetake.recorder import Cassette
    from onetake.runtime.connections import Egress
    from onetake.runtime.context import Owner


class Scope:
    """`name` is a test's node id or `<module>/@<fixture>`; `owner` is entered around its code."""

    def __init__(
        self,
        name: str,
        owner: Cassette | LazyOwner | Unmarked,
        *,
        is_fixture: bool = False,
        is_own: bool = False,
        line_number: int = 0,
        depth: int = 0,
    ) -> None:
        """`is_own` says that the cassette is that of no other scope; `line_number` is the test's, from 1.

        `depth` is how many cassettes wider fixtures had opened before it.
        """
        self.depth = depth
        self.name = name
        self.is_fixture = is_fixture
        self.failed = False
        self._is_unreported = False  # its call has failed, and no report of it was seen
        self._is_cut_short = False  # by a skip, or a failure that is expected
        self.skip_reason = ""
        self._line_number = line_number
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

    @property
    def passed(self) -> bool:
        """Known once it is closed."""
        return not self.failed and not self.skip_reason

    @property
    def is_cut(self) -> bool:
        """Whether it did not come to all of its calls, as far as is known."""
        return self.failed or self._is_cut_short

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

    def raised(self, error: BaseException) -> None:
        """The test's call has ended so; what it means is for its report to say, if there will be one."""
        self._is_unreported = not isinstance(error, pytest.skip.Exception)

    def saw(self, report: pytest.TestReport, error: BaseException | None) -> None:
        """A phase is over. A failure that is not about the misses gets them as a section."""
        if report.when == "call":
            self._is_unreported = False
        self.failed = self.failed or report.failed
        self._is_cut_short = self._is_cut_short or report.skipped
        self.skip_reason = self.skip_reason or skip_reason_of(report)
        if not report.failed and not hasattr(report, "wasxfail"):
            return
        misses = self._untold()
        self._told.update(map(id, misses))
        shown = {id(one) for one in chain_of(error)} if error is not None else set()
        rest = [miss for miss in misses if id(miss) not in shown]
        if rest and (error is None or error is not self._complaint):
            report.sections.append(("onetake: misses", _text(rest)))

    def close(
        self, late: Callable[[Account], None] = lambda _: None, *, with_calls: bool = False
    ) -> Account | None:
        """Publish or set apart; what it came to, or None for a wider fixture without traffic.

        `late` gets an account of each request that is made after this, in whichever thread. The account
        has its calls one by one only `with_calls`.
        """
        account = self._closed(late, with_calls=with_calls)
        egress, name, is_marked = self._egress, self.name, self.is_marked
        egress.late = lambda host, is_refused: late(
            of_late_egress(name, host, is_marked=is_marked, is_refused=is_refused)
        )
        return with_egress(account, egress, name, is_marked=is_marked)

    def _closed(self, late: Callable[[Account], None], *, with_calls: bool) -> Account | None:
        source, name = self._source, self.name
        if isinstance(source, Unmarked):
            source.close(lambda call, number: late(of_late(name, call, number, is_marked=False)))
            if self.is_fixture and not source.calls:
                return None
            return replace(of_unmarked(source, with_calls=with_calls), **self._facts)
        cassette = self.cassette
        if cassette is None:
            error = source.error if isinstance(source, LazyOwner) else None
            return None if error is None else of_unopened(name, error, is_fixture=self.is_fixture)
        self.failed = self.failed or self._is_unreported
        cassette.close(
            not self.failed,
            is_whole=not self._is_cut_short,
            is_own=self._is_own,
            late=lambda call, number: late(of_late(name, call, number)),
        )
        return replace(of_cassette(name, cassette, with_calls=with_calls), **self._facts)

    @property
    def _facts(self) -> dict[str, Any]:
        return {
            "is_fixture": self.is_fixture,
            "skipped": self.skip_reason,
            "line_number": self._line_number,
            "is_cut": self.is_cut,
        }

    @property
    def _egress(self) -> Egress:
        return self._source.own_egress if isinstance(self._source, LazyOwner) else self.owner.egress

    def _untold(self) -> list[OnetakeError]:
        misses: list[OnetakeError] = []
        if isinstance(self._source, Unmarked):
            misses += self._source.refusals
        if self.cassette is not None:
            misses += self.cassette.misses
        else:
            misses += self._egress.errors
        if isinstance(self._source, LazyOwner) and self._source.error is not None:
            misses.append(self._source.error)
        return [miss for miss in misses if id(miss) not in self._told]


def skip_reason_of(report: pytest.TestReport) -> str:
    """Why a test was skipped, in one line; "" for one that was not (one that fails as expected was run)."""
    if not report.skipped or hasattr(report, "wasxfail"):
        return ""
    told = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return " ".join(told.removeprefix("Skipped: ").split()) or "no reason"


def _text(misses: list[OnetakeError]) -> str:
    return "\n\n".join(str(miss) for miss in misses)

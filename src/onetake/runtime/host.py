"""Who runs the tests of this process, if anybody: cassettes that a test opens by itself are told to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from onetake.config import Source

if TYPE_CHECKING:
    from onetake.runtime.context import Owner


class Host(Protocol):
    """A test run."""

    @property
    def strongest(self) -> Sequence[Source]:
        """Settings that win over all others: those of the command line."""

    @property
    def test(self) -> str:
        """The id of the test that is running; "" between tests."""

    @property
    def is_cut(self) -> bool:
        """Whether the running test has failed or was skipped, so that not all of its calls were made."""

    def entered(self, owner: Owner) -> None:
        """Until it is `left`, calls made by a fixture's test and by later fixtures are those of `owner`."""

    def left(self, owner: Owner) -> None:
        """Never raises."""

    def closed_inside(self, cassette: object, test: str) -> None:
        """A `Cassette` that code of `test` has opened by itself is closed. Never raises."""


_host: Host | None = None


def current() -> Host | None:
    return _host


def begin(host: Host | None) -> Host | None:
    """From now on tests are run by `host`; returns who ran them before."""
    global _host
    before, _host = _host, host
    return before

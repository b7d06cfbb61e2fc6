"""The finder of a vcrpy cassette: its list, its matchers, its counts of what was played."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import TYPE_CHECKING

from onetake.cassettes.by_key import Pairs
from onetake.cassettes.decisions import Recorded, Shortage, Slot
from onetake.cassettes.sequence import Asked, Hit
from onetake.errors import OnetakeError
from onetake_vcr.conversion import to_request
from onetake_vcr.views import view_of_safe
from vcr.errors import CannotOverwriteExistingCassetteException

if TYPE_CHECKING:
    from onetake.formats.document import Stored
    from vcr.cassette import Cassette


class Playhead:
    """A request is answered by the first entry of the list that its matchers accept and that is unplayed."""

    unreadable: tuple[OnetakeError, ...] = ()

    def __init__(
        self, cassette: Cassette, entry: Callable[[int], Stored], quarantined: Pairs
    ) -> None:
        self._cassette = cassette
        self._entry = entry
        self._apart = [one for _, one in quarantined if not self._is_held(one)]
        self.exists: bool = cassette.rewound
        self.has_recordings = bool(len(cassette) or self._apart)

    def _is_held(self, apart: Recorded) -> bool:
        """Return whether the cassette holds what is in quarantine: not all that it was given was lost."""
        sent = to_request(apart.request)
        return any(
            _answers_alike(self._entry(index), apart) for index in self._cassette.equals(sent)
        )

    def holds(self, key: bytes) -> bool:  # noqa: ARG002
        return False  # only the matchers know

    def published(self, key: bytes) -> int:  # noqa: ARG002
        return 0

    def held(self, key: bytes) -> int:  # noqa: ARG002
        return 0

    def find(
        self,
        asked: Asked,
        slot: Slot,
        earlier: Container[bytes],  # noqa: ARG002
    ) -> Hit | Shortage:
        index = self._cassette.next_for(view_of_safe(asked.request))
        if index is not None:
            self._cassette.play(index)
            return Hit(recorded=self._entry(index), slot=slot)
        sent = to_request(asked.request) if self._apart else None
        for recorded in self._apart:
            if self._cassette.agree(sent, to_request(recorded.request)):
                self._apart.remove(recorded)
                return Hit(recorded=recorded, slot=slot, is_apart=True)
        return Shortage()


def _answers_alike(one: Recorded, other: Recorded) -> bool:
    first, second = one.interaction.response, other.interaction.response
    if first is None or second is None:
        return False
    return (first.status, first.body.data) == (second.status, second.body.data)


def miss_of(cassette: Cassette, asked: Asked, shortage: Shortage) -> OnetakeError:  # noqa: ARG001
    """The error that a suite of vcrpy expects."""
    sent = to_request(asked.request)
    return CannotOverwriteExistingCassetteException(cassette=cassette, failed_request=sent)

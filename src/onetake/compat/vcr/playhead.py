"""What decides for an opening of a vcrpy cassette: its list, its matchers, its record mode."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from onetake.cassettes.decisions import Decided, Forward, Recorded, Refuse, Replay, Slot
from onetake.cassettes.sequence import AgeOf, LooseOf, Sequence, Shortage
from onetake.compat.vcr.conversion import to_request
from onetake.compat.vcr.errors import CannotOverwriteExistingCassetteException
from onetake.config import Mode
from onetake.errors import OnetakeError
from onetake.matching import Loose
from onetake.messages import Request

if TYPE_CHECKING:
    from onetake.compat.vcr.cassette import Cassette
    from onetake.formats.document import Stored


class Playhead(Sequence):
    """A request is answered by the first entry of the list that its matchers accept and that is unplayed."""

    def __init__(
        self,
        cassette: Cassette,
        entry: Callable[[int], Stored],
        mode: Mode,
        published: Iterable[tuple[bytes, Recorded]],  # noqa: ARG002  (the cassette has them)
        quarantined: Iterable[tuple[bytes, Recorded]],
        *,
        numbers: Iterable[int] = (),  # noqa: ARG002
        repeat_last: bool = False,  # noqa: ARG002
        loose_of: LooseOf | None = None,  # noqa: ARG002
    ) -> None:
        apart = list(quarantined)
        super().__init__(mode, (), apart)
        self._cassette = cassette
        self._entry = entry
        self._apart_in_order = [recorded for _, recorded in apart]
        self.exists = cassette.rewound
        self.has_recordings = bool(len(cassette) or apart)

    def holds(self, key: bytes) -> bool:  # noqa: ARG002
        return False  # only the matchers know

    def decide(
        self,
        key: bytes,
        request: Request,
        miss: Callable[[Shortage], OnetakeError],  # noqa: ARG002
        *,
        loose: Callable[[], Loose | None] | None = None,  # noqa: ARG002
        mode: Mode | None = None,
        repeat_last: bool | None = None,  # noqa: ARG002
        age_of: AgeOf | None = None,  # noqa: ARG002
    ) -> Decided:
        mode = mode or self._mode
        if mode is Mode.LIVE:
            return Forward("mode live")
        slot = Slot(key, self._asked.get(key, 0))
        self._asked[key] = slot.n + 1
        sent = to_request(request)
        if mode is not Mode.RECORD:
            index = self._cassette.next_for(sent)
            if index is not None:
                return self._play(index, slot, request)
            if (apart := self._set_apart_before(sent)) is not None:
                self.taken_from_quarantine.append((slot, apart, None))
                self.used.add(id(apart))
                return Replay(apart.answering(request), slot=slot)
        if mode in (Mode.RECORD, Mode.AUTO) or (mode is Mode.ONCE and not self.exists):
            return self._closed_or_record(slot, Shortage())
        return Refuse(
            CannotOverwriteExistingCassetteException(cassette=self._cassette, failed_request=sent)
        )

    def _play(self, index: int, slot: Slot, request: Request) -> Decided:
        recorded = self._entry(index)
        answer = recorded.answering(request)
        self._cassette.play(index)
        self.used.add(id(recorded))
        return Replay(answer, is_stale=False, slot=slot)

    def _set_apart_before(self, sent: object) -> Recorded | None:
        for recorded in self._apart_in_order:
            if self._cassette.agree(sent, to_request(recorded.request)):
                self._apart_in_order.remove(recorded)
                return recorded
        return None

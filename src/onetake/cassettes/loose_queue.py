"""The recordings that share a loose key, and which of them a request may have."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Container

from onetake.cassettes.ages import Age
from onetake.cassettes.decisions import Recorded

AgeOf = Callable[[Recorded], Age]
_Ids = tuple[str, ...]


class LooseQueue:
    """The recordings that share a loose key, in groups of equal ids. Each step costs the same, however many.

    A request with other ids than recorded begins with the first group that nobody has begun with, and
    goes on with it alone whenever it comes again: what is polled under one id never gets the answers of
    another. Recordings that differ in times alone are one group.
    """

    def __init__(self) -> None:
        self._size = 0
        self._given: dict[_Ids, int] = {}
        self._fresh: OrderedDict[_Ids, deque[tuple[bytes, Recorded]]] = OrderedDict()
        self._begun: dict[_Ids, deque[tuple[bytes, Recorded]]] = {}  # by the ids that ask
        self._last: dict[_Ids, tuple[bytes, Recorded]] = {}
        self._expired: deque[tuple[bytes, Recorded]] = deque()

    def add(self, ids: _Ids, key: bytes, recorded: Recorded) -> None:
        self._size += 1
        self._fresh.setdefault(ids, deque()).append((key, recorded))

    def take(
        self, ids: _Ids, asked: Container[bytes], age_of: AgeOf, *, repeats: bool
    ) -> tuple[bytes, Recorded] | None:
        """The next recording for a request with `ids`, and its own exact key; none that was `asked` for."""
        group = self._begun.get(ids)
        if group is None:
            group = self._begin(ids, asked, age_of)
        while group:
            key, recorded = group.popleft()
            if self._may_be_given(key, recorded, asked, age_of):
                self._given[ids] = self._given.get(ids, 0) + 1
                self._last[ids] = (key, recorded)
                return key, recorded
        if repeats and ids in self._last and self._last[ids][0] not in asked:
            return self._last[ids]
        return None

    def spent(self, ids: _Ids) -> int:
        """Return how many a request with `ids` has had; all of them, where others have had them."""
        return self._given.get(ids, 0) or self._size

    def oldest_expired(self) -> tuple[bytes, Recorded | None]:
        """The first, with its key, that was passed over for its age and not asked for here before."""
        return self._expired.popleft() if self._expired else (b"", None)

    def _begin(
        self, ids: _Ids, asked: Container[bytes], age_of: AgeOf
    ) -> deque[tuple[bytes, Recorded]] | None:
        if ids in self._fresh:
            self._fresh.move_to_end(ids, last=False)
        while self._fresh:
            _, group = self._fresh.popitem(last=False)
            while group and not self._may_be_given(*group[0], asked, age_of):
                group.popleft()
            if group:
                self._begun[ids] = group
                return group
        return None

    def _may_be_given(
        self, key: bytes, recorded: Recorded, asked: Container[bytes], age_of: AgeOf
    ) -> bool:
        if key in asked:
            return False
        if age_of(recorded) is Age.EXPIRED:
            self._expired.append((key, recorded))
            return False
        return True

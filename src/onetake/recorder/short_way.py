"""The short way to a recording: by the bytes of a request, before anything of its body is read.

All of a request but its body is its head. Few heads occur in an opening, and each is read once: what rules say
of it, who asks, its safe URL. A body that is byte for byte that of a recording with the same head has the key
of this recording, so its answer is given without redacting, parsing and comparing anything. Whatever could make
a difference is left to the long way: `recall` gives an answer that the long way would give too, or none.
"""

from __future__ import annotations

from collections import abc
from collections.abc import Callable, Hashable
from threading import Lock

from msgspec import Struct

from onetake.cassettes.ages import Lifetime
from onetake.cassettes.by_key import ByKey
from onetake.cassettes.sequence import Sequence
from onetake.config import Mode, Settings
from onetake.errors import OnetakeError
from onetake.matching.raw import NO_DIGEST, Head, raw_head, with_body
from onetake.messages import Ended, Interaction, Request
from onetake.recorder.captured import Captured
from onetake.recorder.ledger import Ledger
from onetake.recorder.lookup import Lookup
from onetake.recorder.traffic import Traffic

_MOST_HEADS = 256  # a client that sends a new header line with each call would fill the memory


class _Known(Struct, frozen=True):
    """A head that has been read."""

    safe: Request  # without its body
    digest: Head | None  # None where only the long way knows what to do


class ShortWay:
    """The recordings of one opening by the bytes of their requests.

    Thread-safe: `lock` is that of the account.
    """

    def __init__(
        self,
        settings: Settings,
        lookup: Lookup,
        traffic: Traffic,
        sequence: Sequence,
        finder: ByKey,
        captured: Captured,
        ledger: Ledger,
        lock: Lock,
        *,
        digests: abc.Sequence[bytes],
        keys: abc.Sequence[bytes],
        lifetime: Lifetime,
    ) -> None:
        """`digests` are of the recordings with `keys`; none where they are not known."""
        self._lookup = lookup
        self._traffic = traffic
        self._sequence = sequence
        self._finder = finder
        self._captured = captured
        self._ledger = ledger
        self._lock = lock
        self._heads: dict[Hashable, _Known] = {}
        self._keys: dict[bytes, bytes] | None = None
        self._told = digests, keys
        self._is_open = (
            bool(digests)
            and settings.mode in (Mode.REPLAY, Mode.AUTO, Mode.ONCE)
            and lifetime.is_endless
            and lookup.reads_bytes_alone
        )

    def recall(
        self, head: Hashable, body: bytes, request_of: Callable[[], Request], client: str
    ) -> Interaction | None:
        """The recorded answer to a request, which is accounted for; None where the long way is to decide.

        `head` stands for all of the request but its body and its length. `request_of` makes the request.
        Nothing is raised. What is given is an answer that came to its end.
        """
        if not self._is_open or self._lookup.has_learned:
            return None
        known = self._heads.get(head)
        if known is None:
            known = self._heads[head] = self._read(request_of())
        if known.digest is None:
            return None
        if self._keys is None:
            self._keys = dict(zip(*self._told, strict=True))
            self._keys.pop(NO_DIGEST, None)
        key = self._keys.get(with_body(known.digest, body))
        if key is None:
            return None
        safe = known.safe.replace(body=body)
        with self._lock:
            slot = self._sequence.next_slot(key)
            recorded = self._finder.at(slot)
            if recorded is None or not self._captured.is_empty:
                return None
            try:
                answer = recorded.answering(safe)
            except OnetakeError:  # the long way says so
                return None
            if answer.response is None or answer.ended is not Ended.COMPLETE:
                return None  # how such a call ends is for the long way
            is_again = self._sequence.give(recorded, slot)
            self._finder.given(recorded, slot)
            self._ledger.add_replay(
                safe, client, answer, recorded=recorded, slot=slot, is_again=is_again
            )
        return answer

    def _read(self, request: Request) -> _Known:
        if len(self._heads) >= _MOST_HEADS:
            self._heads.clear()
        bare = request.replace(body=b"")
        try:
            if not self._traffic.is_ordinary(bare) or not self._lookup.is_plain(bare):
                return _Known(bare, None)
            safe, told = self._lookup.head(bare)
        except OnetakeError:  # the long way says so
            return _Known(bare, None)
        return _Known(told, raw_head(safe))

"""The port of a store. One contract suite (tests/contract) runs over every store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from onetake.cassettes.fold import Take
from onetake.formats.document import Stored
from onetake.messages import Request


class Opened(Struct, frozen=True):
    """What a cassette holds: its recordings in order and the key of each."""

    entries: tuple[Stored, ...] = ()
    keys: tuple[bytes, ...] = ()


class Published(Struct, frozen=True):
    """What a fold did."""

    added: int = 0
    paid_twice: int = 0


class CassetteStore(Protocol):
    """One cassette in a store."""

    @property
    def id(self) -> str:
        """A file-name-safe digest that names this cassette on this machine."""

    @property
    def place(self) -> str:
        """The file (or URL without secrets) for messages."""

    def load(self, key: Callable[[Request], bytes], fingerprint: str) -> Opened:
        """All recordings; none if the cassette does not exist. A pure read: changes nothing.

        Raises `CassetteError` for stored data that cannot be read and `StoreError` where the place
        cannot be reached; never returns a part of a cassette as the whole.
        """

    def publish(
        self, takes: Sequence[Take], key: Callable[[Request], bytes], *, replacing_run: str | None
    ) -> Published:
        """Add `takes` whose slots are free, in order; all or nothing, safe against other writers.

        With `replacing_run`, the first call of that run replaces what the cassette held before.
        On failure (`CassetteError`, `StoreError`) what was there is unchanged.
        """

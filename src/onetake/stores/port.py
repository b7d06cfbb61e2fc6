"""The ports of a store: one cassette as the recorder sees it, and a shared store of many as rows.

`CassetteStore` is what an opening talks to. Files and memory have one of their own; every shared store
(sqlite, Redis, object stores) is a `RowStore`, and `stores/shared.py` makes cassettes of its rows. One
contract suite (tests/contract) runs over each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from onetake.cassettes.fold import Take
from onetake.formats.document import Stored
from onetake.messages import Request


class Opened(Struct, frozen=True):
    """What a cassette holds: its recordings in order and the key of each."""

    entries: tuple[Stored, ...] = ()
    keys: tuple[bytes, ...] = ()
    rows: tuple[str, ...] = ()  # in a shared store, the name of the row of each


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


class Row(Struct, frozen=True):
    """One interaction as a shared store holds it: opaque `data` under the name of its `slot`.

    A slot's name is text without white space; a store never looks into either.
    """

    slot: str
    data: bytes


class Held(Struct, frozen=True):
    """What a shared store holds of one cassette. `version` changes whenever its rows do; "" is none."""

    rows: tuple[Row, ...] = ()
    version: str = ""
    is_unchanged: bool = False  # the version is the one that the caller knows; no rows are given


class Capacity(Struct, frozen=True):
    """How full a store is, in bytes."""

    used: int
    limit: int


class RowStore(Protocol):
    """Many cassettes as rows, written by any number of processes and machines at once.

    Safe to share between threads and to use after a fork. Every method raises `StoreError` where the
    store cannot be reached in bounded time, refuses, or holds what another program or a newer format
    wrote (its namespace has a marker, made at the first write). Names of cassettes and tokens are any
    text.
    """

    @property
    def place(self) -> str:
        """The URL without its secrets, for messages."""

    def read(self, cassette: str, *, known: str = "") -> Held:
        """All rows of a cassette in no certain order, in one round trip; a pure read.

        Where `known` is the version that is there, the rows are left out (`is_unchanged`).
        """

    def append(
        self,
        cassette: str,
        rows: Sequence[Row],
        *,
        replacing_run: str | None = None,
        keep_s: float | None = None,
    ) -> frozenset[str]:
        """Add the rows whose slots are free, atomically, in one round trip; the names of those added.

        The first to fill a slot owns it, whoever else writes at that moment. With `replacing_run` the
        first append of that run takes all earlier rows away, in the same step. `keep_s` says after how
        many seconds without another append the store may forget the cassette; None is never.
        """

    def blobs(self, names: Sequence[str]) -> dict[str, bytes]:
        """Those of `names` that are there, in one batch."""

    def put_blobs(self, blobs: Mapping[str, bytes]) -> None:
        """Keep them under their names, once; one that is there already is not written again."""

    def old_blobs(self, older_than_s: float) -> list[str]:
        """Names of blobs that nobody has put for so long; none where the store cannot tell."""

    def remove_blobs(self, names: Sequence[str], older_than_s: float) -> int:
        """Take those away that nobody has put for so long, and none that is put meanwhile; how many."""

    def cassettes(self) -> Iterator[str]:
        """The names of all cassettes, in no certain order, without reading their rows."""

    def remove(self, cassette: str, slots: Sequence[str] | None = None, *, known: str = "") -> int:
        """Take rows away (None: all of them and what is known of the cassette); how many were there.

        With `known`, none goes where that is no longer the version, in the same step: whoever has read
        rows takes away those rows, and never what another has put in their place.
        """

    def claim(self, name: str, holder: str, ttl_s: float) -> bool:
        """Whether `holder` has `name` now: nobody else had it, or their time was up."""

    def release(self, name: str, holder: str) -> None:
        """Give `name` free if `holder` has it."""

    def history(self, cassette: str) -> list[bytes]:
        """The last runs, oldest first."""

    def add_history(self, cassette: str, line: bytes, *, kept: int = 20) -> None:
        """Add a run; only the last `kept` stay."""

    def once(self, token: str) -> bool:
        """Whether `token` is used for the first time ever; it is used from now on."""

    def capacity(self) -> Capacity | None:
        """None where the store has no limit or does not tell."""

    def close(self) -> None:
        """Give connections back. It may be used again."""

"""The ports of a store: one cassette as the recorder sees it, and a shared store of many as rows.

`CassetteStore` is what an opening talks to. Files and memory have one of their own; every shared store
(sqlite, Redis, object stores) is a `RowStore`, and `stores/shared.py` makes cassettes of its rows. One
contract suite (tests/contract) runs over each.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

from msgspec import Struct

from onetake.cassettes.decisions import Replaced, Slot
from onetake.cassettes.fold import Take
from onetake.cassettes.growth import RunLine
from onetake.formats.document import Stored
from onetake.messages import Interaction, Request


class Opened(Struct, frozen=True):
    """What a cassette holds: its recordings in order, and of each the key, the row and the slot's number.

    Files have no `rows`. Without `numbers` the n-th of a key has the number n; a number that is left out
    is of a recording that a shared store has lost. Recordings of another program do not tell whose they
    are: where they lie, no credential tells one call from another (`has_principals`).
    """

    entries: tuple[Stored, ...] = ()
    keys: Sequence[bytes] = ()
    rows: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    has_principals: bool = True
    digests: Sequence[bytes] = ()
    """Of each recording `matching.raw.raw_digest`; none where the store does not tell them.

    Keys and digests may be found out when they are asked for, which raises `CassetteError` for a request that
    cannot be read.
    """

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The slot of each recording."""
        if self.numbers:
            return tuple(map(Slot, self.keys, self.numbers))
        counts: Counter[bytes] = Counter()
        slots: list[Slot] = []
        for key in self.keys:
            slots.append(Slot(key, counts[key]))
            counts[key] += 1
        return tuple(slots)


class Published(Struct, frozen=True):
    """What a fold did."""

    added: int = 0
    paid_twice: int = 0
    left_out: tuple[str, ...] = ()
    """What there is to say of recordings that the cassette does not take, a sentence for each."""


class Rewritten(Struct, frozen=True):
    """How many recordings were rewritten, and the blobs (names or files) that are not named any more."""

    number: int = 0
    blobs: frozenset[str] = frozenset()


Anew: TypeAlias = Callable[[Sequence[Stored]], Mapping[int, Interaction]]
"""What of a cassette's recordings is to be written anew: by its place among them, what is put there."""


class CassetteStore(Protocol):
    """One cassette in a store."""

    @property
    def id(self) -> str:
        """A file-name-safe digest that names this cassette on this machine."""

    @property
    def place(self) -> str:
        """The file (or URL without secrets) for messages."""

    @property
    def path(self) -> Path | None:
        """The file, where it is one."""

    def load(self, key: Callable[[Request], bytes], fingerprint: str) -> Opened:
        """All recordings; none if the cassette does not exist. A pure read: changes nothing.

        Raises `CassetteError` for stored data that cannot be read and `StoreError` where the place
        cannot be reached; never returns a part of a cassette as the whole. One recording that cannot be
        read may be an error only when it is asked for.
        """

    def publish(
        self, takes: Sequence[Take], key: Callable[[Request], bytes], *, replacing_run: str | None
    ) -> Published:
        """Add `takes` whose slots are free, in order; all or nothing, safe against other writers.

        With `replacing_run`, the first call of that run replaces what the cassette held before.
        On failure (`CassetteError`, `StoreError`) what was there is unchanged.
        """

    def history(self) -> list[RunLine]:
        """The last runs, oldest first; there may be several lines of one. Raises `StoreError`."""

    def add_run(self, line: RunLine) -> None:
        """Remember it, at the latest when the process ends. Never raises: it is only statistics.

        A store may leave out lines of openings that only replayed.
        """


class Flight(Struct, frozen=True):
    """A call about to be made: its slot, and the expired recording that its answer is to replace."""

    slot: Slot
    replaced: Replaced | None = None

    @property
    def name(self) -> str:
        at = f".{self.replaced.at:.0f}" if self.replaced is not None else ""
        return f"{self.slot.key.hex()}.{self.slot.n}{at}"


class Pause(Struct, frozen=True):
    """Another makes this call; ask again in `s` seconds."""

    s: float


class Flights(Protocol):
    """The live calls of one opening, of which those of other openings may be equal.

    All but `land` and `give_up` may wait for the store; none raises. Thread-safe.
    """

    def ask(self, flight: Flight) -> Stored | Pause | None:
        """The answer that another has got; None where this opening is to make the call."""

    def land(self, flight: Flight, interaction: Interaction) -> None:
        """The call was made: an answer worth having is left for the others, else one of them calls."""

    def give_up(self, flight: Flight) -> None:
        """No answer will come of it: another makes the call."""

    def known_to_others(self) -> set[Flight]:
        """Return the flights that others may publish too, as their answers were left."""

    def close(self, *, published: bool) -> None:
        """Say that what was answered is in the cassette now, or else set apart: nobody has to wait for it."""


class Row(Struct, frozen=True):
    """One row of a cassette: opaque `data` under the name of its `slot`.

    A slot's name is text without white space; a store never looks into either.
    """

    slot: str
    data: bytes


class Held(Struct, frozen=True):
    """The rows that a store holds of one cassette. `version` changes whenever it is written to; "" is none."""

    rows: tuple[Row, ...] = ()
    version: str = ""
    is_unchanged: bool = False  # the version is the one that the caller knows; no rows are given


BLOBS = "\0blobs"
"""The cassette whose rows are the large bodies of all others (see `stores.row_blobs`).

Only some of its rows are read at a time, and what a row says never changes. So a store may keep each row by
itself: it tells no version of this cassette, rewrites its rows one after another whatever version is known,
and may leave out rows without data, which mark when a body was put."""

LINES = "\0lines"
"""The cassette whose rows tell what runs did (see `stores.history`). They are statistics."""


def is_own(cassette: str) -> bool:
    """Return whether the cassette is one of ours, `BLOBS` or `LINES`; no name of a test begins so."""
    return cassette.startswith("\0")


KEPT_LINES = 20
"""How many lines a cassette's history keeps."""

FOREVER = math.inf
"""The time of a claim that has no end."""


class Claim(Struct, frozen=True):
    """Who has a name: `is_own`, or another `holder`, who has left `data` once they are done."""

    is_own: bool
    data: bytes = b""
    holder: str = ""


class Patience(Struct, frozen=True):
    """The limits of waiting for a store on another machine, and of asking it again."""

    connect_s: float = 2.0
    command_s: float = 5.0
    retries: int = 2


PATIENCE = Patience()


class RowStore(Protocol):
    """Many cassettes as rows, written by any number of processes and machines at once.

    A store is safe to share between threads and to use after a fork. Every method raises `StoreError` where
    the store cannot be reached in bounded time, refuses, or holds what another program or a newer format
    wrote (its namespace has a marker, made at the first write), and `CassetteError` where only what it
    holds under the one name cannot be read. What raises has changed nothing, or all. Names of cassettes,
    claims and holders are any text. Each method is one round trip however many rows it is given, but for
    what a lost race repeats.
    """

    @property
    def place(self) -> str:
        """The URL without its secrets, for messages."""

    def read(self, cassette: str, *, known: str = "", slots: Collection[str] | None = None) -> Held:
        """Read a cassette's rows, all or those of `slots` that are there, in no certain order.

        A pure read. Where `known` is the version that is there, the rows are left out (`is_unchanged`).
        """

    def append(
        self, cassette: str, rows: Sequence[Row], *, replacing_run: str | None = None
    ) -> frozenset[str]:
        """Add the rows whose slots are free, in one step, and return the names of those added.

        The first to fill a slot owns it, whoever else writes at that moment. With `replacing_run` the
        first append of that run takes all earlier rows away, in the same step.
        """

    def rewrite(self, cassette: str, rows: Sequence[Row], *, known: str) -> bool:
        """Put the data of `rows` in the place of what is there under these names, all in one step.

        Returns False, and changes nothing, where `known` is not the version any more.
        """

    def remove(self, cassette: str, slots: Sequence[str] | None = None, *, known: str = "") -> int:
        """Take rows away (None: the whole cassette), and return how many were there.

        With `known`, none goes where that is no longer the version, in the same step: whoever has read
        rows takes away those rows, and never what another has put in their place.
        """

    def names(self, cassette: str | None = None) -> Iterator[str]:
        """Return the names of all cassettes, or of the rows in one, in no certain order, without reading rows.

        `BLOBS` and `LINES` may be among the names of cassettes, or not.
        """

    def claim(self, name: str, holder: str, ttl_s: float) -> Claim:
        """Give `name` to `holder` for a time, unless somebody else has it whose time is not up.

        A token that is used once is a claim that lasts `FOREVER`.
        """

    def settle(self, name: str, holder: str, data: bytes, ttl_s: float) -> None:
        """Leave `data`, which must not be empty, for all who claim `name` in the next time.

        Raises `StoreError` also where the store has a spool: what nobody can read now is of no use.
        """

    def release(self, names: Sequence[str], holder: str) -> None:
        """Give free those of `names` that `holder` has."""


class Owned(RowStore, Protocol):
    """A store together with what it has opened, which whoever made it closes."""

    def close(self) -> None:
        """Give connections back. The store may be used again."""


class Capacity(Struct, frozen=True):
    """The used and the allowed size of a store, in bytes."""

    used: int
    limit: int


class Trouble(Struct, frozen=True):
    """What a store could not do: `spooled` recordings wait on this machine, `delivered` have gone since."""

    place: str
    failures: int = 0
    spooled: int = 0
    delivered: int = 0
    last_error: str = ""


@runtime_checkable
class Limited(Protocol):
    """A store that may tell how full it is; a store without a limit has no such method."""

    def capacity(self) -> Capacity | None:
        """Return None where the store has no limit or does not tell. Raises `StoreError`."""


def capacity_of(store: RowStore) -> Capacity | None:
    """Return how full the store is, None where it does not tell. Raises `StoreError`."""
    return store.capacity() if isinstance(store, Limited) else None

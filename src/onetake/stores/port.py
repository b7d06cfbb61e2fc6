"""The ports of a store: one cassette as the recorder sees it, and a shared store of many as rows.

`CassetteStore` is what an opening talks to. Files and memory have one of their own; every shared store
(sqlite, Redis, object stores) is a `RowStore`, and `stores/shared.py` makes cassettes of its rows. One
contract suite (tests/contract) runs over each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias

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
        """That of each recording."""
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
    """The requests whose recordings the format of the cassette cannot hold."""


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
        """Those that others may publish too, as their answers were left."""

    def close(self, *, published: bool) -> None:
        """What was answered is in the cassette now, or else set apart: nobody has to wait for it."""


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


KEPT_LINES = 20
"""How many lines a cassette's history keeps."""

RUNS = "!runs"
"""The name of a history that is no cassette's: what runs came to, as `stores.tallies` keeps it."""


def kept_lines(name: str) -> int:
    """How many lines the history of that name keeps."""
    return 100 if name == RUNS else KEPT_LINES


class Capacity(Struct, frozen=True):
    """How full a store is, in bytes."""

    used: int
    limit: int


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

    Safe to share between threads and to use after a fork. Every method raises `StoreError` where the
    store cannot be reached in bounded time, refuses, or holds what another program or a newer format
    wrote (its namespace has a marker, made at the first write), and `CassetteError` where only what it
    holds under the one name cannot be read. Names of cassettes and tokens are any text.
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
        """Take those away that nobody has put for so long, and none that is put meanwhile; how many.

        Where it is no time at all those go that are there, whenever they were put.
        """

    def cassettes(self) -> Iterator[str]:
        """The names of all cassettes, in no certain order, without reading their rows."""

    def remove(self, cassette: str, slots: Sequence[str] | None = None, *, known: str = "") -> int:
        """Take rows away (None: all of them and what is known of the cassette); how many were there.

        With `known`, none goes where that is no longer the version, in the same step: whoever has read
        rows takes away those rows, and never what another has put in their place.
        """

    def claim(self, name: str, holder: str, ttl_s: float) -> Claim:
        """`holder` has `name` for a time, unless somebody else has it whose time is not up.

        One round trip where the name is free or another's.
        """

    def settle(self, name: str, holder: str, data: bytes, ttl_s: float) -> None:
        """Leave `data`, which must not be empty, for all who claim `name` in the next time.

        Raises `StoreError` also where the store has a spool: what nobody can read now is of no use.
        """

    def release(self, names: Sequence[str], holder: str) -> None:
        """Give free those of `names` that `holder` has."""

    def history(self, cassette: str) -> list[bytes]:
        """The last lines, oldest first, at most `kept_lines` of the name."""

    def add_histories(self, lines: Mapping[str, bytes]) -> None:
        """Add to each history the line of a run, all in one batch."""

    def once(self, token: str) -> bool:
        """Whether `token` is used for the first time ever; it is used from now on."""

    def capacity(self) -> Capacity | None:
        """None where the store has no limit or does not tell."""

    def rewrite(self, cassette: str, rows: Sequence[Row], *, known: str) -> bool:
        """Put the data of `rows` in the place of what is there under these names, all in one step.

        False, and nothing done, where `known` is not the version any more.
        """

    def rewrite_blobs(self, blobs: Mapping[str, bytes]) -> None:
        """The same for those of the blobs that are there."""

    def rewrite_histories(self, lines: Mapping[str, Mapping[bytes, bytes]]) -> None:
        """Put in each history another line in the place of each that is named and still there."""

    def blob_names(self) -> list[str]:
        """Of all blobs, in no certain order."""

    def close(self) -> None:
        """Give connections back. It may be used again."""

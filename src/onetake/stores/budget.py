"""What a run may still spend: one file that every process of it adds lines to, under one lock.

A live call is reserved before it is sent and settled after it. Lines are only ever added, so a process that
was killed leaves its reservations standing, which then count as spent: nobody knows what they cost. A torn
last line is a reservation of which no call came, or a settlement that leaves the reservation standing.

Beside it lies what the largest answer of each model was, over all runs: what a call without a limit of
its own is taken for.
"""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from onetake.errors import StoreError
from onetake.stores import run_files
from onetake.stores.locks import locked
from onetake.stores.placing import put_in_place
from onetake.stores.private import ensure_cache, ensure_private, open_private, read_private
from onetake.wire.late import late_decoder

_KEPT = 5  # runs
_FUZZ_USD = 1e-9  # below it sums of floats say nothing
_MOST_MODELS = 500


class _Line(Struct, array_like=True):
    """`kind` is `reserved`, `settled` or `refused`; `unpriced` names what has no known price."""

    kind: str
    token: str
    usd: Annotated[float, Meta(ge=0, le=1e12)]
    unpriced: str = ""


class Largest(Struct, frozen=True):
    """The most output tokens, and the most dollars, of one answer of a model."""

    output_tokens: int = 0
    usd: float = 0.0


class Balance(Struct, frozen=True, kw_only=True):
    """The state of a run's budget in dollars: what is known to be spent, what is reserved, how many calls
    were refused, and the calls without a known price by model (else host)."""

    settled: float = 0.0
    reserved: float = 0.0
    refused: int = 0
    unpriced: dict[str, int] = {}

    @property
    def usd(self) -> float:
        """What counts as spent."""
        return self.settled + self.reserved

    def over(self, limit: float) -> float:
        """Return the dollars above `limit`; 0 where there are none."""
        over = self.usd - limit
        return over if over > _FUZZ_USD else 0.0


class Refusal(Struct, frozen=True):
    """The call was not reserved: `usd` was spent or reserved before it."""

    usd: float


_lines = late_decoder(_Line)
_largest = late_decoder(dict[str, Largest])


class Budget:
    """The budget of one run. Thread-safe, and safe between processes of one machine."""

    def __init__(self, cache: Path, run_id: str) -> None:
        self._cache = cache
        self._path = cache / "spend" / f"{run_id}.jsonl"
        self._of_models = cache / "spend" / "largest.json"
        self._read_to = 0
        self._settled = 0.0
        self._open: dict[str, _Line] = {}  # reservations that are not settled
        self._refused = 0
        self._unpriced: Counter[str] = Counter()
        self._known: dict[str, Largest] | None = None

    def reserve(self, usd: float, limit: float, *, unpriced: str = "") -> str | Refusal:
        """A token for a call that may cost `usd`, or why it may not be made.

        It may not where the limit is reached, by what is spent and what calls under way may cost, or would
        be passed. Raises `StoreError` where no account can
        be kept; then nothing may be spent.
        """
        with self._locked():
            self._catch_up()
            spent = self._settled + sum(one.usd for one in self._open.values())
            if spent >= limit - _FUZZ_USD or spent + usd > limit + _FUZZ_USD:
                self._add(_Line("refused", "", usd, unpriced))
                return Refusal(spent)
            token = secrets.token_hex(6)
            self._add(_Line("reserved", token, usd, unpriced))
            return token

    def settle(self, token: str, usd: float, *, unpriced: str = "") -> None:
        """The reserved call has cost `usd`. Never raises: what cannot be settled stays reserved."""
        with suppress(StoreError, ValueError), self._locked():
            self._catch_up()
            if token in self._open:
                self._add(_Line("settled", token, usd, unpriced))

    def balance(self) -> Balance:
        """What all processes have spent until now; nothing where that cannot be read."""
        with suppress(StoreError):
            if self._path.exists():
                with self._locked():
                    self._catch_up()
        open_ = Counter(one.unpriced for one in self._open.values() if one.unpriced)
        return Balance(
            settled=self._settled,
            reserved=sum(one.usd for one in self._open.values()),
            refused=self._refused,
            unpriced=dict(self._unpriced + open_),
        )

    def largest(self, model: str) -> Largest:
        """The largest answer of `model` that is known."""
        if self._known is None:
            self._known = self._read_models()
        return self._known.get(model, Largest())

    def saw(self, model: str, output_tokens: int, usd: float) -> None:
        """An answer of `model`, made or replayed. Written only where it is larger; never raises."""
        before = self.largest(model)
        if output_tokens <= before.output_tokens and usd <= before.usd:
            return
        with suppress(OSError), locked(self._of_models):
            ensure_cache(self._cache)
            known = self._read_models()
            before = known.pop(model, Largest())
            known[model] = Largest(max(before.output_tokens, output_tokens), max(before.usd, usd))
            self._known = dict(list(known.items())[-_MOST_MODELS:])
            put_in_place(self._of_models, msgspec.json.encode(self._known), is_private=True)

    def _read_models(self) -> dict[str, Largest]:
        try:
            return _largest.decode(read_private(self._of_models))
        except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
            return {}

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """The lock of the run's account, with the system's errors as ours."""
        try:
            with locked(self._path):
                yield
        except OSError as error:
            raise StoreError(
                f"Cannot keep account of what is spent in {self._path}: {error.strerror or error}.",
                remedy="Make .onetake/ in the project's folder writable, or leave out max_spend.",
                path=str(self._path),
            ) from error

    def _catch_up(self) -> None:
        """Read what others have added."""
        if not self._path.exists():
            self._begin()
        with open(open_private(self._path, os.O_RDONLY), "rb") as file:
            file.seek(self._read_to)
            data = file.read()
        if data and not data.endswith(b"\n"):  # torn: whoever wrote it is dead, as the lock is ours
            self._append(b"\n")
            data += b"\n"
        self._read_to += len(data)
        for line in run_files.readable(data.split(b"\n"), _lines.decode):
            self._take(line)

    def _take(self, line: _Line) -> None:
        match line.kind:
            case "reserved":
                self._open[line.token] = line
            case "refused":
                self._refused += 1
            case "settled" if self._open.pop(line.token, None) is not None:
                self._settled += line.usd
                if line.unpriced:
                    self._unpriced[line.unpriced] += 1
            case _:
                pass

    def _add(self, line: _Line) -> None:
        data = msgspec.json.encode(line) + b"\n"
        self._append(data)
        self._read_to += len(data)
        self._take(line)

    def _append(self, data: bytes) -> None:
        run_files.append_private(self._path, data)

    def _begin(self) -> None:
        ensure_private(self._path.parent, self._cache)
        os.close(open_private(self._path, os.O_WRONLY | os.O_CREAT))
        run_files.forget_older(self._path.parent, _KEPT)


@lru_cache(maxsize=16)
def budget_of(cache: Path, run_id: str) -> Budget:
    """The budget of a run, one in a process."""
    return Budget(cache, run_id)

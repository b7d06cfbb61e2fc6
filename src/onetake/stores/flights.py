"""Single flight: of equal calls under way at once, on whichever machines, one is made.

Before a live call its slot is claimed in the store. Who gets it makes the call and leaves the answer there
for the others, who wait for it, for a bounded time. A holder that dies loses the slot when its time is up;
on its own machine, as soon as somebody asks. What is left or given up is told in the background: no event
loop and no stream waits for the store.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TypeVar

from msgspec import Struct

from onetake.cassettes.gates import is_worth_keeping
from onetake.errors import OnetakeError
from onetake.formats.document import Stored, encode_entry
from onetake.formats.packing import pack, unpack
from onetake.messages import Interaction
from onetake.stores.names import digest
from onetake.stores.port import Claim, Flight, Pause
from onetake.stores.shared import SharedCassette

_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 0.5
_LEFT_S = 600.0  # an answer is there until its cassette is closed, or its process long dead
_LONGEST_WAIT_S = 86_400.0

_T = TypeVar("_T")

_monotonic = time.monotonic  # bound early: fake clocks do not reach us


def _machine() -> str:
    """Where numbers of processes mean the same."""
    words = [socket.gethostname()]
    with suppress(OSError):  # Linux: containers may share a host's name
        words.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        words.append(os.readlink("/proc/self/ns/pid"))
    return digest(" ".join(words), 8)


_MACHINE = _machine()


class _Waiting(Struct):
    since: float
    pauses: int = 0


class SharedFlights:
    """The flights of one opening of `cassette`. A forked child of it makes its own calls."""

    def __init__(self, cassette: SharedCassette, *, scope: str, wait_s: float) -> None:
        """`scope` is the run that records anew, else empty; only openings of one `scope` share calls.

        `wait_s` bounds a claim, and the wait for its end.
        """
        self._store = cassette.store
        self._cassette = cassette
        self._prefix = f"{cassette.name}\0{scope}\0"
        self._is_anew = bool(scope)
        self._wait_s = min(wait_s, _LONGEST_WAIT_S)
        self._pid = os.getpid()
        self._holder = f"{_MACHINE} {self._pid} {secrets.token_hex(8)}"
        self._lock = Lock()
        self._waiting: dict[Flight, _Waiting] = {}
        self._held: dict[Flight, None] = {}
        self._teller: ThreadPoolExecutor | None = None
        self._left: dict[Flight, Future[bool]] = {}

    def ask(self, flight: Flight) -> Stored | Pause | None:
        if os.getpid() != self._pid:
            return None
        with self._lock:
            waiting = self._waiting.setdefault(flight, _Waiting(_monotonic()))
        try:
            claim = self._store.claim(self._prefix + flight.name, self._holder, self._wait_s)
            found = self._found(flight, claim)
        except OnetakeError:
            return self._done(flight, None)  # better paid twice than not at all
        if claim.is_own or found is not None:
            return self._done(flight, found)
        if _is_dead(claim.holder):
            self._release([flight], claim.holder)
            return Pause(0.0)
        left_s = waiting.since + self._wait_s - _monotonic()
        if left_s <= 0:
            return self._done(flight, None)
        waiting.pauses += 1
        return Pause(min(_FIRST_PAUSE_S * 1.5**waiting.pauses, _LONGEST_PAUSE_S, left_s))

    def _found(self, flight: Flight, claim: Claim) -> Stored | None:
        """The answer that is there already; decoded, so that a broken one only costs a call."""
        found = None
        if claim.is_own:
            with self._lock:
                self._held[flight] = None
            # Another may have made it, and closed, after this opening had read the cassette.
            with suppress(OnetakeError):
                found = self._cassette.published_since(flight.slot, flight.replaced)
                if found is not None:
                    found.interaction  # noqa: B018
                    self.give_up(flight)
        elif claim.data:
            found = self._cassette.stored(unpack(claim.data))
            found.interaction  # noqa: B018
        return found

    def land(self, flight: Flight, interaction: Interaction) -> None:
        with self._lock:
            if flight not in self._held or os.getpid() != self._pid:
                return
        if not is_worth_keeping(interaction):
            self.give_up(flight)
            return
        with self._lock:
            self._left[flight] = self._told(lambda: self._leave(flight, interaction))

    def _leave(self, flight: Flight, interaction: Interaction) -> bool:
        try:
            blobs: dict[str, bytes] = {}
            entry = encode_entry(interaction, blobs)
            self._cassette.keep_blobs(blobs)
            self._store.settle(self._prefix + flight.name, self._holder, pack(entry), _LEFT_S)
        except OnetakeError:
            return False  # the others wait until the claim's time is up
        return True

    def give_up(self, flight: Flight) -> None:
        with self._lock:
            if flight not in self._held or os.getpid() != self._pid:
                return
            del self._held[flight]
            self._told(lambda: self._release([flight], self._holder))

    def known_to_others(self) -> set[Flight]:
        with self._lock:
            left = dict(self._left) if os.getpid() == self._pid else {}
        return {flight for flight, done in left.items() if done.result()}

    def close(self, *, published: bool) -> None:
        if os.getpid() != self._pid:
            return
        with self._lock:
            held, self._held = list(self._held), {}
            teller, self._teller = self._teller, None
        # A run that records anew reads no cassette: what is published it would not find there.
        if teller is not None:
            teller.shutdown()
        if not (published and self._is_anew):
            self._release(held, self._holder)

    def _told(self, step: Callable[[], _T]) -> Future[_T]:
        """`step` in the background, after those of before."""
        if self._teller is None:
            self._teller = ThreadPoolExecutor(1, "onetake-flights")
        return self._teller.submit(step)

    def _release(self, flights: Sequence[Flight], holder: str) -> None:
        if flights:
            with suppress(OnetakeError):  # it ends by itself
                self._store.release([self._prefix + one.name for one in flights], holder)

    def _done(self, flight: Flight, found: Stored | None) -> Stored | None:
        with self._lock:
            self._waiting.pop(flight, None)
        return found


def _is_dead(holder: str) -> bool:
    """Whether it was a process of this machine that is no more."""
    machine, _, rest = holder.partition(" ")
    pid = rest.partition(" ")[0]
    if machine != _MACHINE or not pid.isdigit() or sys.platform == "win32":
        return False  # there, looking for a process would end it
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass  # another user's
    return False

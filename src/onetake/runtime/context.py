"""Who owns a request: one context variable, read once per call.

Leaving a cassette resets this variable and nothing else, so no patch can leak.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol
from weakref import WeakKeyDictionary

from onetake.cassettes.decisions import Decision
from onetake.errors import MissError, OnetakeError
from onetake.messages import Interaction, Request

if TYPE_CHECKING:
    from onetake.config import Settings
    from onetake.runtime.connections import Egress


class Owner(Protocol):
    """The owner of a request: an opening of a cassette, or the account of an unmarked test."""

    speed: float
    fast_retries: bool
    exact_encoding: bool
    max_request_body: int

    @property
    def egress(self) -> Egress:
        """The account of connections that onetake does not handle."""

    def gives_way(self, *, in_thread: bool) -> bool:
        """Return whether an open cassette that takes strays has the requests of this owner.

        `in_thread` says that a thread carries the owner, whose starter may have gone on.
        """

    def decide(self, request: Request, client: str) -> Decision:
        """Return what happens to `request`; takes its place in the order of sending. Thread-safe.

        Raises nothing of its own: errors are inside `Refuse`.
        """

    def recall(
        self, head: Hashable, body: bytes, request_of: Callable[[], Request], client: str
    ) -> Interaction | None:
        """Answer a request by its bytes and account for it; None where `decide` is to be asked. Thread-safe.

        `head` stands for all of the request but its body and its length, and `request_of` makes the request.
        """

    def quiet_s(self) -> float:
        """Return the seconds since its last request, infinitely many once its calls are over."""

    def missed(self, request: Request, client: str, error: MissError) -> None:
        """Account for a replayed `request` whose answer the program wants more of than was recorded."""

    def let_through(self, request: Request, client: str) -> OnetakeError | None:
        """Account for `request`, whose body is too large to be read (and left out here); thread-safe.

        Returns why it may not be sent, else None: it is sent, and nothing of it is kept.
        """


class RecallsNothing:
    """An owner that decides on every request, and keeps those that are its own."""

    def gives_way(self, *, in_thread: bool) -> bool:  # noqa: ARG002
        return False

    def recall(
        self,
        head: Hashable,  # noqa: ARG002
        body: bytes,  # noqa: ARG002
        request_of: Callable[[], Request],  # noqa: ARG002
        client: str,  # noqa: ARG002
    ) -> Interaction | None:
        return None

    def quiet_s(self) -> float:
        return math.inf

    def missed(self, request: Request, client: str, error: MissError) -> None:
        """Do nothing: what it answers is no recording."""


class Paced(RecallsNothing):
    """The pace of an owner whose settings say it."""

    def __init__(self, settings: Settings) -> None:
        self.speed = settings.speed
        self.fast_retries = (
            settings.speed == 0 if settings.fast_retries is None else settings.fast_retries
        )
        self.exact_encoding = settings.exact_encoding
        self.max_request_body = settings.max_request_body


_owner: ContextVar[Owner | None] = ContextVar("onetake_owner", default=None)
_in_thread: ContextVar[bool] = ContextVar("onetake_in_thread", default=False)
_passing: ContextVar[bool] = ContextVar("onetake_passing", default=False)

_left: WeakKeyDictionary[Owner, Owner | None] = WeakKeyDictionary()
"""Owners that were left where they were not the innermost, and whose calls theirs are since."""


def bound() -> Owner | None:
    """The owner that this context carries to threads and executors, if any."""
    return _innermost(_owner.get())


def _innermost(owner: Owner | None) -> Owner | None:
    while _left and owner is not None and owner in _left:
        owner = _left[owner]
    return owner


_ownerless: Owner | None = None
_takers: tuple[Owner, ...] = ()  # open cassettes that take strays, innermost last


def current() -> Owner | None:
    """Whose a request made here is."""
    owner = _owner.get()
    if _left:
        owner = _innermost(owner)
    takers = _takers  # another thread may end one meanwhile
    if takers and owner is not takers[-1] and _is_stray(owner):
        return takers[-1]
    return _ownerless if owner is None else owner


def _is_stray(owner: Owner | None) -> bool:
    return owner is None or owner.gives_way(in_thread=_in_thread.get())


def current_of_connection() -> Owner | None:
    """Return the owner of a connection made here. Cassettes that take strays take requests alone."""
    owner = bound()
    return _ownerless if owner is None else owner


def take_strays(owner: Owner) -> None:
    """Give `owner` the requests of no context, and of owners that give way, from now on.

    These are requests of threads that were started at import, by a wider fixture, or by a test that has ended.
    """
    global _takers
    _takers = (*_takers, owner)


def stop_taking(owner: Owner) -> None:
    """End what `take_strays` began; in any order, and also where it never began."""
    global _takers
    _takers = tuple(one for one in _takers if one is not owner)


def adopt_ownerless(owner: Owner | None) -> Owner | None:
    """From now on requests of no context belong to `owner`; returns whose they were."""
    global _ownerless
    before, _ownerless = _ownerless, owner
    return before


def enter(owner: Owner | None) -> Owner | None:
    """From now on this context's requests belong to `owner`; returns whose they were."""
    before = _owner.get()
    _owner.set(owner)
    return before


def leave(owner: Owner, before: Owner | None) -> None:
    """What belongs to `owner` belongs to whom it did `before`, or around that, if it was left meanwhile.

    It may be left before what was entered inside it, and in another context: a fixture is torn down in another
    task. Then it is looked through wherever a context still has it.
    """
    if _owner.get() is owner:
        _owner.set(_innermost(before))
    else:
        _left[owner] = before


@contextmanager
def owned_by(owner: Owner | None) -> Iterator[None]:
    """Requests started inside belong to `owner`; None means to nobody."""
    token = _owner.set(owner)
    try:
        yield
    finally:
        _owner.reset(token)


@contextmanager
def carried(owner: Owner | None) -> Iterator[None]:
    """Requests started inside, in another thread, belong to `owner`, whose context started it."""
    token = _in_thread.set(True)
    try:
        with owned_by(owner):
            yield
    finally:
        _in_thread.reset(token)


@contextmanager
def passing() -> Iterator[None]:
    """Inside, a lower interceptor lets calls through, and the network guard connections.

    For a call that an upper interceptor has already decided, and for what onetake's stores say.
    """
    token = _passing.set(True)
    try:
        yield
    finally:
        _passing.reset(token)


def is_passing() -> bool:
    return _passing.get()

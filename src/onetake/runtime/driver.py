"""From a request to what an interceptor does with it, for sync and async clients."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import TypeVar, assert_never

from onetake.cassettes.decisions import Decided, Forward, Local, Record, Refuse, Replay, Wait
from onetake.messages import Request
from onetake.runtime.context import Owner
from onetake.runtime.playback import Playback
from onetake.runtime.recording import Recording

_T = TypeVar("_T")

_sleep = time.sleep  # bound early: fake clocks do not reach us
_monotonic = time.monotonic


def begin(owner: Owner, request: Request, client: str) -> Playback | Recording | None:
    """Decide on `request`: answer it (`Playback`), send and keep it (`Recording`), or just send it (None).

    Raises the `OnetakeError` of a refusal. Call it once per request, at the moment of sending.
    """
    decision = owner.decide(request, client)
    while isinstance(decision, Wait):
        waiting = decision
        try:
            _sleep(waiting.pause_s)
            decision = waiting.again()
        except BaseException:  # an interrupt, or a test's time-out
            waiting.cancel()
            raise
    return _step(decision, owner, request, client)


async def begin_async(owner: Owner, request: Request, client: str) -> Playback | Recording | None:
    """Do what `begin` does, in an event loop of asyncio or trio."""
    decision = owner.decide(request, client)
    while isinstance(decision, Wait):
        waiting = decision
        try:
            if waiting.pause_s:
                await sleep(waiting.pause_s)
            decision = await _in_thread(waiting.again)
        except BaseException:
            waiting.cancel()
            raise
    return _step(decision, owner, request, client)


def recall(
    owner: Owner, head: Hashable, body: bytes, request_of: Callable[[], Request], client: str
) -> Playback | None:
    """Answer a request by its bytes alone, where its owner can; ask before `begin`.

    `head` stands for all of the request but its body and its length, and `request_of` makes the request.
    """
    found = owner.recall(head, body, request_of, client)
    return None if found is None else Playback(found, owner, client)


def wait_left_open(step: Playback, timeout_s: float | None) -> bool:
    """Wait as a reader waits for a stream that was left open; return whether its own `timeout_s` came first."""
    end = None if timeout_s is None else _monotonic() + timeout_s
    while pause_s := step.pause_s:
        if end is not None and _monotonic() >= end:
            return True
        _sleep(pause_s)
    return False


async def wait_left_open_async(step: Playback, timeout_s: float | None) -> bool:
    """Do what `wait_left_open` does, in an event loop of asyncio or trio."""
    end = None if timeout_s is None else _monotonic() + timeout_s
    while pause_s := step.pause_s:
        if end is not None and _monotonic() >= end:
            return True
        await sleep(pause_s)
    return False


def let_through(owner: Owner, request: Request, client: str) -> None:
    """Say that `request`, without its body, which is too large to be read, is about to be sent.

    Raises the `OnetakeError` of a refusal.
    """
    error = owner.let_through(request, client)
    if error is not None:
        raise error


def _step(
    decision: Decided, owner: Owner, request: Request, client: str
) -> Playback | Recording | None:
    match decision:
        case Replay(interaction) | Local(interaction):
            return Playback(interaction, owner, client)
        case Record(call):
            return Recording(call, request, exact_encoding=owner.exact_encoding)
        case Forward():
            return None
        case Refuse(error):
            raise error
        case _:
            assert_never(decision)


async def sleep(seconds: float) -> None:
    """Sleep in the running event loop, whichever it is."""
    if _is_asyncio():
        import asyncio

        await asyncio.sleep(seconds)
    else:
        import trio  # only it is left

        await trio.sleep(seconds)


async def _in_thread(work: Callable[[], _T]) -> _T:
    if _is_asyncio():
        import asyncio

        return await asyncio.to_thread(work)
    import trio

    result: _T = await trio.to_thread.run_sync(work)
    return result


def _is_asyncio() -> bool:
    import asyncio  # late: a program without an event loop is not to wait for it

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True

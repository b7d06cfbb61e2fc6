"""Tracebacks of a miss, short enough to be read, and to be made.

pytest parses the whole source file of each frame that it shows, for each failure anew. The frames of a
client library say nothing of a miss and cost ten times as much as all else of a failing test.
"""

from __future__ import annotations

from collections.abc import Iterator

from onetake.errors import OnetakeError

_OURS = ("onetake",)
_CLIENTS = (
    *("aiohttp", "botocore", "http", "httpcore", "httpcore2", "httpx", "httpx2", "requests"),
    *("urllib", "urllib3"),
)


def hide_frames(error: BaseException, *, with_clients: bool) -> None:
    """Take onetake's frames, and those of clients, out of the tracebacks of a miss and of the errors it led to.

    The first frame of each traceback stays.
    """
    errors = list(chain_of(error))
    if not any(isinstance(one, OnetakeError) for one in errors):
        return
    hidden = frozenset((*_OURS, *_CLIENTS) if with_clients else _OURS)
    for one in errors:
        entry = one.__traceback__
        while entry is not None:
            following = entry.tb_next
            while following is not None and _package(following.tb_frame.f_globals) in hidden:
                following = following.tb_next
            entry.tb_next = following
            entry = following


def _package(module: dict[str, object]) -> str:
    return str(module.get("__name__", "")).partition(".")[0]


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """`error`, what it was raised from or while handling, and the members of groups."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions

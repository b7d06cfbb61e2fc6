"""Threads and executors carry the owner of the context that started them.

asyncio tasks and `asyncio.to_thread` copy their context by themselves; `Thread.start` and
`ThreadPoolExecutor.submit` (and so `run_in_executor`) do not before Python 3.14. That a call is already
decided is carried by `submit` alone, for look-ups of names: a thread may outlive the call.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from types import ModuleType
from typing import TYPE_CHECKING, Any

from onetake.runtime.context import bound, carried, is_passing, passing
from onetake.runtime.imports import when_imported

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

_NOTHING = nullcontext()
_installed = False
_pool_worker: Callable[..., Any] | None = None  # what a pool's own threads run


def install() -> None:
    """Wrap `Thread.start` now and `ThreadPoolExecutor.submit` when it is there, once per process."""
    global _installed
    if _installed:
        return
    _installed = True
    _wrap_start()
    when_imported("concurrent.futures.thread", _wrap_submit)


def _wrap_start() -> None:
    start = threading.Thread.start

    @wraps(start)
    def owned_start(self: threading.Thread) -> None:
        owner = bound()
        # A pool's worker thread serves many submitters: `submit` carries the owner of each.
        if owner is not None and (
            _pool_worker is None or getattr(self, "_target", None) is not _pool_worker
        ):
            run = self.run

            def owned_run() -> None:
                with carried(owner):
                    run()

            self.run = owned_run  # type: ignore[method-assign]
        start(self)

    threading.Thread.start = owned_start  # type: ignore[method-assign]


def _wrap_submit(module: ModuleType) -> None:
    global _pool_worker
    _pool_worker = module._worker
    pool: type[ThreadPoolExecutor] = module.ThreadPoolExecutor
    submit: Callable[..., Future[Any]] = pool.submit

    @wraps(submit)
    def owned_submit(
        self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Future[Any]:
        owner, passes = bound(), is_passing()
        if owner is None and not passes:
            return submit(self, fn, *args, **kwargs)

        def owned(*args: Any, **kwargs: Any) -> Any:
            with carried(owner), passing() if passes else _NOTHING:
                return fn(*args, **kwargs)

        return submit(self, owned, *args, **kwargs)

    pool.submit = owned_submit  # type: ignore[method-assign, assignment]

"""Threads and executors carry the owner of the context that started them.

asyncio tasks and `asyncio.to_thread` copy their context by themselves; `Thread.start` and
`ThreadPoolExecutor.submit` (and so `run_in_executor`) do not before Python 3.14.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import thread as pool_thread
from functools import wraps
from typing import Any

from onetake.runtime.context import bound, owned_by

_installed = False


def install() -> None:
    """Wrap `Thread.start` and `ThreadPoolExecutor.submit`, once per process."""
    global _installed
    if _installed:
        return
    _installed = True
    start = threading.Thread.start
    submit: Callable[..., Future[Any]] = ThreadPoolExecutor.submit

    @wraps(start)
    def owned_start(self: threading.Thread) -> None:
        owner = bound()
        # A pool's worker thread serves many submitters: `submit` carries the owner of each.
        if owner is not None and getattr(self, "_target", None) is not pool_thread._worker:
            run = self.run

            def owned_run() -> None:
                with owned_by(owner):
                    run()

            self.run = owned_run  # type: ignore[method-assign]
        start(self)

    @wraps(submit)
    def owned_submit(
        self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Future[Any]:
        owner = bound()
        if owner is None:
            return submit(self, fn, *args, **kwargs)

        def owned(*args: Any, **kwargs: Any) -> Any:
            with owned_by(owner):
                return fn(*args, **kwargs)

        return submit(self, owned, *args, **kwargs)

    threading.Thread.start = owned_start  # type: ignore[method-assign]
    ThreadPoolExecutor.submit = owned_submit  # type: ignore[method-assign, assignment]

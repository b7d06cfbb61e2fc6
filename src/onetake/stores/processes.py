"""What belongs to one process: connections, threads and locks do not cross a fork."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

_Made = TypeVar("_Made")


class OfProcess(Generic[_Made]):
    """One thing for all threads of a process, made when it is first wanted; a forked child makes its own."""

    def __init__(self, make: Callable[[], _Made]) -> None:
        self._make = make
        self._current: tuple[int, _Made] | None = None
        self._making = threading.Lock()
        self._pid = os.getpid()

    def get(self) -> _Made:
        """Raises what making it raises; the next call tries again."""
        pid = os.getpid()
        if self._pid != pid:  # the lock may have been held by a thread that is no more
            self._making, self._pid = threading.Lock(), pid
        current = self._current
        if current is None or current[0] != pid:
            with self._making:
                current = self._current
                if current is None or current[0] != pid:
                    current = self._current = pid, self._make()
        return current[1]

    def drop(self) -> None:
        """What is there is used no more; the next call of `get` makes another."""
        self._current = None

"""How a program that a `nursery` has forked ends: as any other, but without clearing what is not its own.

An interpreter that ends clears every module, then frees every name; in a fork of a process that has loaded
much, that takes 50 ms and 25 ms, and a short program takes 20. The program's own modules are cleared as ever,
so that what is left open is reported, and what has a last word says it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType

_OF_THE_INTERPRETER = {"sys", "builtins", "__main__"}


def forget(modules: Mapping[str, ModuleType]) -> None:
    """Take the modules of the nursery out of reach of the interpreter, which clears those that it finds."""
    for name, module in modules.items():
        if name not in _OF_THE_INTERPRETER and sys.modules.get(name) is module:
            del sys.modules[name]


@contextmanager
def short() -> Iterator[None]:
    """Run a program inside, and end the process when the last of its objects has been cleared."""
    code: object = 1
    try:
        yield
        code = 0
    except SystemExit as error:
        code = 0 if error.code is None else error.code
        raise
    except KeyboardInterrupt:
        code = None  # the interpreter ends itself by a signal
        raise
    finally:
        if code is not None:
            # The last name in `sys` is cleared after all modules, and after the streams.
            sys.end_of_program = _End(code if isinstance(code, int) else 1)  # type: ignore[attr-defined]


class _End:
    def __init__(self, code: int) -> None:
        self._code = code

    def __del__(self, leave: Callable[[int], None] = os._exit) -> None:
        leave(self._code)

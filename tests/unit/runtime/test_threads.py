"""Owners reach threads and executors, also when the executor's module is imported after onetake."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import sys
from onetake.runtime import context, threads
threads.install()
print("concurrent.futures.thread" in sys.modules)
from concurrent.futures import ThreadPoolExecutor

with ThreadPoolExecutor(1) as pool:
    with context.owned_by("first"):
        print(pool.submit(context.current).result())
    with context.owned_by("second"):
        print(pool.submit(context.current).result())
    print(pool.submit(context.current).result())
"""


def test_an_executor_imported_later_carries_the_owner_of_each_submit() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "first", "second", "None"]

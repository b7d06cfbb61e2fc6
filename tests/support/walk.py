"""How far a call walks through both distributions: functions entered, their files, and hops between files."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

from tests.support.sources import CORE, PACKAGE

ROOTS = (f"{CORE}/", f"{PACKAGE}/")


@dataclass(frozen=True)
class Walk:
    """`hops` counts the calls from one file into another, by the file that is entered."""

    calls: int
    files: int
    hops: dict[str, int]

    @property
    def all_hops(self) -> int:
        return sum(self.hops.values())

    def __str__(self) -> str:
        most = sorted(self.hops.items(), key=lambda item: -item[1])[:12]
        named = ", ".join(f"{name} {count}" for name, count in most)
        return f"{self.calls} calls, {self.files} files, {self.all_hops} hops: {named}"


def walk(work: Callable[[], Any]) -> Walk:
    """Do `work` in this thread, and count. No collection of garbage adds its finalizers meanwhile."""
    calls = 0
    files: set[str] = set()
    hops: dict[str, int] = {}
    names: dict[CodeType, str] = {}

    def name_of(code: CodeType) -> str:
        if code not in names:
            path = code.co_filename
            names[code] = next((path[len(r) :] for r in ROOTS if path.startswith(r)), "")
        return names[code]

    def seen(frame: FrameType, event: str, arg: object) -> None:
        nonlocal calls
        if event != "call" or not (entered := name_of(frame.f_code)):
            return
        calls += 1
        files.add(entered)
        caller = frame.f_back
        while caller is not None and not name_of(caller.f_code):
            caller = caller.f_back
        if caller is not None and name_of(caller.f_code) != entered:
            hops[entered] = hops.get(entered, 0) + 1

    gc.collect()
    gc.disable()
    threading.setprofile(None)
    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return Walk(calls, len(files), hops)

"""onetake's modules are loaded by Python, not by pytest.

pytest rewrites the assertions of a distribution that brings a plugin. For that it finds, reads and checks each
of its modules by itself. onetake has no assertion that a user would read. Measured on 200 modules: 160 ms of
CPU time as pytest loads them, 75 ms as Python does, for each process of a run.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from _pytest.assertion.rewrite import AssertionRewritingHook

_OURS = "onetake."


class _Finder(MetaPathFinder):
    """Has onetake's modules found by whoever else finds modules, but not by pytest."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(_OURS):
            return None
        for finder in sys.meta_path:
            if isinstance(finder, (_Finder, AssertionRewritingHook)):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                return spec
        return None


def load_past_pytest() -> None:
    """Put a finder for onetake's modules in front of that of pytest, once for each process."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())

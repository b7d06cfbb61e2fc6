"""The import name `vcr`, for suites written for vcrpy, where vcrpy itself is not installed.

`install` appends a finder to `sys.meta_path`, which is asked only for what nobody else provides. Once it has
given out `vcr`, a second finder stands first for its submodules: the ordinary one would find their files
through the package's path, and load each a second time under its other name.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

_NAME = "vcr"
_REAL = "onetake.compat.vcr"


def install() -> None:
    """Let `import vcr` give onetake's where no other is installed; a second call does nothing."""
    if _PACKAGE not in sys.meta_path:
        sys.meta_path.append(_PACKAGE)


class _Same(Loader):
    """Gives the module of the real name, which keeps its own spec."""

    def __init__(self, real: str) -> None:
        self._real = real

    def create_module(self, spec: ModuleSpec) -> ModuleType:  # noqa: ARG002
        module = import_module(self._real)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec


class _Package(MetaPathFinder):
    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if fullname != _NAME:
            return None
        if _SUBMODULES not in sys.meta_path:
            sys.meta_path.insert(0, _SUBMODULES)
        return _spec_of(fullname)


class _Submodules(MetaPathFinder):
    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        return _spec_of(fullname) if fullname.startswith(f"{_NAME}.") else None


def _spec_of(fullname: str) -> ModuleSpec | None:
    real = _REAL + fullname.removeprefix(_NAME)
    found = find_spec(real)
    if found is None:
        return None
    package = found.submodule_search_locations is not None
    return ModuleSpec(fullname, _Same(real), is_package=package)


_PACKAGE = _Package()
_SUBMODULES = _Submodules()

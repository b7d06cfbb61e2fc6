"""Import names of other recorders, for suites written for them, where these are not installed.

`install` appends a finder to `sys.meta_path`, which is asked only for what nobody else provides. Once it has
given out a package, a second finder stands first for its submodules: the ordinary one would find their files
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

_REAL = {
    "vcr": "onetake.compat.vcr",
    "pytest_recording": "onetake.compat.pytest_recording",
}


def install() -> None:
    """Let `import vcr` and `import pytest_recording` give onetake's where no others are installed.

    A second call does nothing.
    """
    if _PACKAGES not in sys.meta_path:
        sys.meta_path.append(_PACKAGES)


def is_installed(name: str) -> bool:
    """Whether there is a package of that name which is not ours. Imports nothing."""
    if name in sys.modules:
        return not str(sys.modules[name].__name__).startswith("onetake.")
    spec = find_spec(name)
    return spec is not None and not isinstance(spec.loader, _Same)


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


class _Packages(MetaPathFinder):
    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if fullname not in _REAL:
            return None
        _SUBMODULES.packages.add(fullname)
        if _SUBMODULES not in sys.meta_path:
            sys.meta_path.insert(0, _SUBMODULES)
        return _spec_of(fullname)


class _Submodules(MetaPathFinder):
    def __init__(self) -> None:
        self.packages: set[str] = set()

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        package, dot, _ = fullname.partition(".")
        return _spec_of(fullname) if dot and package in self.packages else None


def _spec_of(fullname: str) -> ModuleSpec | None:
    package, _, rest = fullname.partition(".")
    real = f"{_REAL[package]}.{rest}" if rest else _REAL[package]
    found = find_spec(real)
    if found is None:
        return None
    is_package = found.submodule_search_locations is not None
    return ModuleSpec(fullname, _Same(real), is_package=is_package)


_PACKAGES = _Packages()
_SUBMODULES = _Submodules()

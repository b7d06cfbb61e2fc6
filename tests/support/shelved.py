"""Modules that a process has loaded and put aside, so that importing one costs no more than looking it up.

A program finds none of them imported. Its import of one brings the module back, and after it all that the
module's own code imports, in its order; each goes through the import system, so that whoever hooks into
imports (onetake, pytest) sees what happens in a process that loads them from their files.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any


class Shelf(importlib.abc.MetaPathFinder):
    """Finds the modules that `put_aside` has loaded, each once: what is imported anew comes from its file."""

    def __init__(self) -> None:
        self._modules: dict[str, ModuleType] = {}
        self._imports: dict[str, dict[str, None]] = defaultdict(dict)
        """The names that a module's own code asks for, in order."""
        self._taken: dict[str, dict[str, Any]] = defaultdict(dict)
        """What a module has by a name that one of its submodules has too."""

    def put_aside(self, names: Iterable[str]) -> None:
        """Import `names`, then take all that this has loaded out of `sys.modules`."""
        before = set(sys.modules)
        original = builtins.__import__

        def recording(
            name: str,
            globals: Any = None,  # noqa: A002 - by its name in calls, as the next
            locals: Any = None,  # noqa: A002
            fromlist: Any = (),
            level: int = 0,
        ) -> ModuleType:
            if importer := (globals or {}).get("__name__"):
                full = name
                if level:
                    full = importlib.util.resolve_name("." * level + name, globals["__package__"])
                words = full.split(".")
                parents = [".".join(words[:n]) for n in range(1, len(words) + 1)]
                inner = [f"{full}.{word}" for word in fromlist or ()]
                self._imports[importer] |= dict.fromkeys([*parents, *inner])
            module = original(name, globals, locals, fromlist, level)
            if importer and hasattr(
                module, "__getattr__"
            ):  # which may have imported where a name is at home
                homes = [
                    getattr(vars(module).get(word), "__module__", None) for word in fromlist or ()
                ]
                self._imports[importer] |= dict.fromkeys(home for home in homes if home)
            return module

        builtins.__import__ = recording
        try:
            for name in names:
                importlib.import_module(name)
        finally:
            builtins.__import__ = original
        loaded = sys.modules.keys() - before
        for names, late in [(vars(m), _late_names(m)) for m in map(sys.modules.get, loaded) if m]:
            for name in late:  # taken out, so that its next use is a first one again
                names.pop(name, None)
        for name in loaded:
            self._modules[name] = sys.modules.pop(name)
        for name, module in self._modules.items():
            parent, _, last = name.rpartition(".")
            names_of_parent = vars(self._modules[parent]) if parent in self._modules else {}
            if names_of_parent.get(last, module) is not module:
                self._taken[parent][last] = names_of_parent[last]
        for name, names in self._imports.items():
            self._imports[name] = {n: None for n in names if n in self._modules}

    def __contains__(self, name: str) -> bool:
        return name in self._modules

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self._modules:
            return None
        module = self._modules[fullname]
        loader = _Loader(self, self._imports[fullname], self._taken[fullname])
        spec = importlib.machinery.ModuleSpec(fullname, loader)
        if (true := module.__spec__) is not None:  # who only asks where it lies is told so
            spec.origin, spec.cached = true.origin, true.cached
            spec.has_location = true.has_location
            spec.submodule_search_locations = true.submodule_search_locations
        return spec

    def __iter__(self) -> Iterator[ModuleType]:
        return iter(self._modules.values())

    def take(self, name: str) -> ModuleType:
        return self._modules.pop(name)


def _late_names(module: ModuleType) -> list[str]:
    """Return the names that are in a module because its `__getattr__` has put them there."""
    names = vars(module)
    find = names.get("__getattr__")
    late = []
    for name in [name for name in names if callable(find) and not name.startswith("__")]:
        kept = names.pop(name)
        try:
            if find(name) is kept:
                late.append(name)
        except Exception:  # what a module needs to answer at all is not late
            pass
        names[name] = kept
    return late


class _Loader(importlib.abc.Loader):
    def __init__(self, shelf: Shelf, imports: Iterable[str], taken: Mapping[str, Any]) -> None:
        self._shelf = shelf
        self._imports = imports
        self._taken = taken
        self._spec: importlib.machinery.ModuleSpec | None = None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = self._shelf.take(spec.name)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        for name in self._imports:
            if name in self._shelf:
                importlib.import_module(name)
        for name, value in self._taken.items():  # an import has put the submodule in its place
            if vars(module)[name] is sys.modules.get(f"{module.__name__}.{name}"):
                setattr(module, name, value)
        module.__spec__ = self._spec

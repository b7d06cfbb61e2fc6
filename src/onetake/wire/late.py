"""Regular expressions, decoders and modules that are made or imported when they are first used.

To make those that one run never uses would take a third of the time that importing onetake takes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, AnyStr, TypeVar, cast

import msgspec

_T = TypeVar("_T")


class _Late:
    """Stands for what `make` makes, and makes it when the first of its methods is asked for."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make
        self._made: object = None

    def __getattr__(self, name: str) -> Any:
        # A method that was asked for once is an attribute here, and is found without this.
        if self._made is None:
            self._made = self._make()
        found = getattr(self._made, name)
        setattr(self, name, found)
        return found


def late_pattern(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return what does as `re.compile(text, flags)`. A faulty expression is an error when it is first used."""
    return cast("re.Pattern[AnyStr]", _Late(lambda: re.compile(text, flags)))


def late_decoder(kind: type[_T], **options: Any) -> msgspec.json.Decoder[_T]:
    """Return what does as `msgspec.json.Decoder(kind, **options)`."""
    return cast("msgspec.json.Decoder[_T]", _Late(lambda: msgspec.json.Decoder(kind, **options)))


def late_names(package: str, homes: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """Return a `__getattr__` for `package`, which takes a name from the module of it that `homes` says."""
    home_of = {name: module for module, names in homes.items() for name in names}

    def find(name: str) -> Any:
        home = home_of.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(import_module(f"{package}.{home}"), name)
        setattr(sys.modules[package], name, found)
        return found

    return find

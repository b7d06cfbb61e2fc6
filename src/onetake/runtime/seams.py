"""A seam: one method of one class of a client library, replaced once per process.

A test author's fake may patch the same method. Whoever patches later is on top; a fake that was there
before onetake is left alone, and onetake takes its place when the library's own method is back.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import FunctionType
from typing import Any


class Seam:
    """`wrap(original)` gives the replacement of `owner.name`; `library` is the package it belongs to.

    `before`, where a fake is known to patch this very method, is a method that every call passes first
    and no fake patches: while somebody else's patch is in place, it looks whether that has gone.
    """

    def __init__(
        self,
        owner: type,
        name: str,
        wrap: Callable[[Any], Any],
        library: str,
        before: tuple[type, str] | None = None,
    ) -> None:
        self._before = before
        self._watching = False
        self._owner = owner
        self._name = name
        self._wrap = wrap
        self._library = library
        self._original: Any = None
        self._ours: Any = None

    def check(self) -> bool:
        """Put the replacement in place unless somebody else's patch is there; True when it is ours."""
        found = self._owner.__dict__.get(self._name)
        if self._ours is not None and found is self._ours:
            return True
        if not self._is_library(found):
            self._watch()
            return False
        if found is not self._original:
            self._original = found
            self._ours = self._wrap(found)
            _replacements.add(self._ours)
        setattr(self._owner, self._name, self._ours)
        return True

    def _watch(self) -> None:
        if self._before is None or self._watching:
            return
        self._watching = True
        owner, name = self._before
        original = owner.__dict__[name]

        @wraps(original)
        def looking(*args: Any, **kwargs: Any) -> Any:
            if self._watching and self.check():
                self._watching = False
                if owner.__dict__.get(name) is looking:
                    setattr(owner, name, original)
            return original(*args, **kwargs)

        setattr(owner, name, looking)

    def _is_library(self, found: Any) -> bool:
        if not isinstance(found, FunctionType) or found is self._ours:
            return False
        module = found.__module__ or ""
        return module == self._library or module.startswith(self._library + ".")


_seams: list[Seam] = []
_replacements: set[object] = set()


def is_replacement(method: Any) -> bool:
    """Return whether a bound method is one that a seam has put in place, with nobody's patch on top."""
    return getattr(method, "__func__", None) in _replacements


def install(*seams: Seam) -> None:
    """Register seams for the life of the process and put them in place."""
    for seam in seams:
        _seams.append(seam)
        seam.check()


def check_all() -> None:
    """One identity check per seam; called at each opening."""
    for seam in _seams:
        seam.check()

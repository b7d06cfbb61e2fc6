"""A count of the forks of this process, which is not told what its children use of an opening."""

from __future__ import annotations

import os

_forks = 0
_is_counting = False


def count_from_now() -> None:
    """Count the forks from now on."""
    global _is_counting
    if not _is_counting and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_parent=_add)
    _is_counting = True


def _add() -> None:
    global _forks
    _forks += 1


def forks() -> int:
    """Return how many forks were counted."""
    return _forks

"""How cassettes are called: as pytest-recording calls them, so that those that are there are found."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path

_FORBIDDEN = str.maketrans(dict.fromkeys(r"""<>?%*:|"'/\\""", "-"))
_USUAL_LIMIT = 255


def default_name(test_class: type | None, test: str) -> str:
    """`TestClass.test_name[param-id]`, each character that file names cannot have as a `-`.

    So two tests may have one name: `a/b` and `a-b`.
    """
    name = f"{test_class.__name__}.{test}" if test_class else test
    return name.translate(_FORBIDDEN)


def within_limit(name: str, suffix: str) -> str:
    """`name`, cut and told apart by its MD5 digest where a file of it with `suffix` could not be made."""
    limit = _limit()
    if len(name) + len(suffix) <= limit and _size(name + suffix) <= limit:
        return name
    mark = f"...{hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()}"
    kept = name[: limit - len(suffix) - len(mark)]
    while _size(kept + mark + suffix) > limit:  # characters of more than one byte
        kept = kept[:-1]
    return kept + mark


def directory(module: Path) -> str:
    """`cassettes/<module>` beside the module's file."""
    return str(module.parent / "cassettes" / module.stem)


def _size(name: str) -> int:
    return len(os.fsencode(name))


@cache
def _limit() -> int:
    """Return how long a file's name may be, in bytes, where the run was started."""
    try:
        return os.pathconf(".", "PC_NAME_MAX")
    except (AttributeError, ValueError, OSError):
        return _USUAL_LIMIT

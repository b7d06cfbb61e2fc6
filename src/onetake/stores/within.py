"""Whether a file lies where its name says: no symbolic link may lead out of a store.

Names are compared as texts: taking paths apart costs more than reading a small file.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from onetake.errors import CassetteError


def below(path: Path | str, base: Path | str) -> str | None:
    """Return the way from the folder `base` to `path` by their names, None where it does not lie below."""
    inside, outside = os.fspath(path), os.fspath(base)
    if inside == outside:
        return "."
    start = outside if outside.endswith(os.sep) else outside + os.sep
    return inside[len(start) :] if inside.startswith(start) else None


def is_below(path: Path | str, base: Path | str) -> bool:
    """Return whether `path` is `base` or lies below it, by their names alone."""
    return below(os.path.abspath(path), os.path.abspath(base)) is not None


def check_within(path: Path, base: Path) -> None:
    """Raise `CassetteError` where `path`, which need not exist, leads out of the folder `base`."""
    real, within = os.path.realpath(path), os.path.realpath(base)
    if below(real, within) is None:
        raise CassetteError(
            f"{path} leads to {real}, out of {base}.",
            remedy='Put the files themselves there, or name their folder: store = "files:PATH".',
            path=str(path),
        )


def check_read(path: Path, base: Path) -> None:
    """Raise as `check_within` does, for a file that is only read: its folder is looked at once a process."""
    name = os.fspath(path)
    if os.path.islink(name) or not _is_within(os.path.dirname(name), os.fspath(base)):
        check_within(path, base)


@lru_cache(maxsize=4096)
def _is_within(folder: str, base: str) -> bool:
    return below(os.path.realpath(folder), os.path.realpath(base)) is not None

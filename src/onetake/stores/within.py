"""Whether a file lies where its name says: no symbolic link may lead out of a store."""

from __future__ import annotations

import os
from pathlib import Path

from onetake.errors import CassetteError


def is_below(path: Path, base: Path) -> bool:
    """By their names alone."""
    return Path(os.path.abspath(path)).is_relative_to(os.path.abspath(base))


def check_within(path: Path, base: Path) -> None:
    """Raises `CassetteError` where `path`, which need not exist, leads out of the folder `base`."""
    real, within = os.path.realpath(path), os.path.realpath(base)
    if not Path(real).is_relative_to(within):
        raise CassetteError(
            f"{path} leads to {real}, out of {base}.",
            remedy='Put the files themselves there, or name their folder: store = "files:PATH".',
            path=str(path),
        )

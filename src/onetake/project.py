"""The project that a run belongs to: its root, its settings file, its cache directory, its environment.

All reading of files and environment for configuration happens here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onetake.config import Source
from onetake.errors import UsageError

_RUN_ID = "ONETAKE_RUN_ID"


def find_root(start: Path) -> Path:
    """The nearest folder upwards with onetake.toml or pyproject.toml, else `start` itself."""
    for folder in (start, *start.parents):
        if (folder / "onetake.toml").is_file() or (folder / "pyproject.toml").is_file():
            return folder
    return start


def file_source(root: Path) -> Source:
    """The settings in onetake.toml, else in `[tool.onetake]` of pyproject.toml. Raises `UsageError`."""
    own = root / "onetake.toml"
    if own.is_file():
        return Source(str(own), _load(own))
    shared = root / "pyproject.toml"
    if shared.is_file():
        table = _load(shared).get("tool", {}).get("onetake", {})
        return Source(f"{shared} [tool.onetake]", table)
    return Source("no settings file", {})


def _load(path: Path) -> dict[str, Any]:
    import tomllib  # late, like every import that a start without a settings file can do without

    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"Cannot read {path}: {error}.", remedy="Correct the file.") from None


# Variables that are ours but are not settings.
_NOT_SETTINGS = {_RUN_ID, "ONETAKE_KEY"}


def environment_source(environ: Mapping[str, str]) -> Source:
    """Every `ONETAKE_<SETTING>` variable."""
    values = {
        name.removeprefix("ONETAKE_").lower(): value
        for name, value in environ.items()
        if name.startswith("ONETAKE_") and name not in _NOT_SETTINGS and value != ""
    }
    return Source("the environment (ONETAKE_...)", values, lifts_ceiling=True)


def is_ci(environ: Mapping[str, str]) -> bool:
    """CI is set, and not to `0`, `false` or nothing."""
    return environ.get("CI", "").strip().lower() not in ("", "0", "false")


def run_id() -> str:
    """One id for a run: shared with every process that this one starts (pytest-xdist workers too)."""
    if _RUN_ID not in os.environ:
        os.environ[_RUN_ID] = os.urandom(8).hex()
    return os.environ[_RUN_ID]

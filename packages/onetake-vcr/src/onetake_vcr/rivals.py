"""Whether vcrpy or pytest-recording is installed beside this distribution, which has modules of their names.

pip lets two distributions write into one folder: the later one wins file by file, and uninstalling either takes
files of both away.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

_OWNERS = {"vcr": "vcrpy", "pytest_recording": "pytest-recording"}
_REMEDY = (
    "pip uninstall -y vcrpy pytest-recording && pip install --force-reinstall --no-deps onetake-vcr"
)


def describe_stranger() -> str:
    """Return the line for a module that is not ours, so that nothing can run; "" where all are."""
    for module in _OWNERS:
        file = _file_of(module)
        if file is None or b"onetake" not in file.read_bytes():
            given = file or "nothing"
            return f"import {module} gives {given} instead of onetake-vcr's module. Run: {_REMEDY}"
    return ""


def describe_neighbours() -> list[str]:
    """Return a line for each distribution that owns a module of ours too, though ours is in place now."""
    return [
        f"{name} is installed beside onetake-vcr, with a module of the same name. Run: {_REMEDY}"
        for name in _OWNERS.values()
        if _is_installed(name)
    ]


def _file_of(module: str) -> Path | None:
    spec = find_spec(module)
    return None if spec is None or spec.origin is None else Path(spec.origin)


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True

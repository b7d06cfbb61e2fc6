"""Where the code of both distributions lies."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "src" / "onetake"
PACKAGE = ROOT / "packages" / "onetake-vcr" / "src"


def modules() -> dict[str, Path]:
    """Every module by name: `cli/scan.py` is one of onetake, `vcr/filters.py` one of onetake-vcr."""
    return {
        path.relative_to(root).as_posix(): path
        for root in (CORE, PACKAGE)
        for path in sorted(root.rglob("*.py"))
    }

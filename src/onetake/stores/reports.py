"""The reports of the last runs, as `reports/<run id>.json` in the project's cache directory.

What a report says is `onetake.reports.json_report`'s; here it is a text.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from onetake.runtime.secrets import safe_bytes
from onetake.stores import run_files

_KEPT = 10  # runs
_ENDING = ".json"


def keep_report(cache: Path, run_id: str, text: bytes) -> None:
    """Keep a run's report, whole or not at all, and the last ten of all. Never raises."""
    with suppress(OSError):
        run_files.put_of_run(cache, "reports", f"{run_id}{_ENDING}", safe_bytes(text), _KEPT)


def kept_reports(cache: Path) -> list[Path]:
    """The newest first."""
    return run_files.newest_first(cache / "reports", _ENDING)

"""The reports of the last runs, as `reports/<run id>.json` in the project's cache directory.

What a report says is `onetake.reports.json_report`'s; here it is a text.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from onetake.runtime.secrets import safe_bytes
from onetake.stores.placing import put_in_place
from onetake.stores.private import ensure_cache
from onetake.stores.runs import newest_first

_KEPT = 10  # runs
_ENDING = ".json"


def keep_report(cache: Path, run_id: str, text: bytes) -> None:
    """Keep a run's report, whole or not at all, and the last ten of all. Never raises."""
    folder = cache / "reports"
    with suppress(OSError):
        ensure_cache(cache)
        path = folder / f"{run_id}{_ENDING}"
        if path.exists():  # another pytest of the same run
            path = folder / f"{run_id}-{os.getpid()}{_ENDING}"
        put_in_place(path, safe_bytes(text), is_private=True)
        for old in newest_first(folder, _ENDING)[_KEPT:]:
            old.unlink(missing_ok=True)


def kept_reports(cache: Path) -> list[Path]:
    """The newest first."""
    return newest_first(cache / "reports", _ENDING)

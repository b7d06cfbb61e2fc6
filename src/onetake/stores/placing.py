"""A file put in its place whole or not at all, so that no reader ever sees a part."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path


def put_in_place(path: Path, data: bytes, *, synced: bool = False) -> None:
    """Write `data` beside `path` and rename it into place; `synced` waits for the disk. Raises OSError."""
    beside = path.with_name(f".{path.name[:40]}-{secrets.token_hex(6)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(beside, "xb") as file:
            file.write(data)
            if synced:
                file.flush()
                os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise

"""A file put in its place whole or not at all, so that no reader ever sees a part."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from onetake.stores.private import ensure_folder

_ONLY_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def put_in_place(
    path: Path, data: bytes, *, synced: bool = False, is_private: bool = False
) -> None:
    """Write `data` beside `path` and rename it into place; `synced` waits for the disk. Raises OSError.

    A link in its place is replaced, never followed. What `is_private` is for its owner alone.
    """
    beside = path.with_name(f".{path.name[:40]}-{secrets.token_hex(6)}")
    try:
        if is_private:
            ensure_folder(path.parent)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(beside, _ONLY_NEW, 0o600 if is_private else 0o666), "wb") as file:
            file.write(data)
            if synced:
                file.flush()
                os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise

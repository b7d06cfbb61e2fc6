"""Files that are read whole, and written whole or not at all. The system's errors become `StoreError`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onetake.errors import StoreError
from onetake.stores.placing import put_in_place
from onetake.stores.private import read_regular


def read_file(path: Path) -> bytes | None:
    """Return the file's bytes, or None where there is no such file. Raises `StoreError`."""
    try:
        return read_regular(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:  # a name that no file can have
        raise StoreError(
            f"Cannot read {path}: {getattr(error, 'strerror', None) or error}.",
            remedy="Check the file and its permissions.",
            path=str(path),
        ) from error


def read_text(path: Path) -> bytes:
    """Return the file's bytes; none where there is no such file. Raises `StoreError`."""
    return read_file(path) or b""


def replace_file(path: Path, data: bytes) -> None:
    """Put `data` in the file's place, whole and synced, or not at all. Raises `StoreError`."""
    try:
        put_in_place(path, data, synced=True)
    except OSError as error:
        raise StoreError(
            f"Cannot write {path}: {error.strerror or error}.",
            remedy="Make the folder writable (or free some space) and run again.",
            path=str(path),
        ) from error


@contextmanager
def writing(place: str) -> Iterator[None]:
    """Inside, an OSError of writing the cassette at `place` becomes `StoreError`."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"Cannot write the cassette {place}: {error.strerror or error}.",
            remedy="Make the folder writable (or free some space) and run again.",
            path=place,
        ) from error

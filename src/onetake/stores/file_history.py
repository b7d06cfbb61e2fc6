"""The history of one cassette in the project's cache directory: a line for each run that recorded.

It stays on this machine, as nothing in it is for a review.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from onetake.cassettes.growth import RunLine
from onetake.errors import OnetakeError
from onetake.stores import history
from onetake.stores.locks import locked
from onetake.stores.placing import put_in_place
from onetake.stores.port import KEPT_LINES
from onetake.stores.private import ensure_private
from onetake.stores.whole_files import read_file


class FileHistory(Struct, frozen=True):
    """What runs did with the cassette `id`, in the cache directory `cache`."""

    cache: Path
    id: str

    def read(self) -> list[RunLine]:
        """Return the last lines, oldest first. Raises `StoreError`."""
        lines = (read_file(self._path) or b"").split(b"\n")
        return history.decode(lines)[-KEPT_LINES:]

    def add(self, line: RunLine) -> None:
        """Add a line, unless its run recorded nothing. Never raises."""
        if not line.recorded:
            return
        with suppress(OSError, OnetakeError), locked(self._path):
            kept = [*self.read()[1 - KEPT_LINES :], line]
            ensure_private(self._path.parent, self.cache)
            text = b"".join(history.encode(one) + b"\n" for one in kept)
            put_in_place(self._path, text, is_private=True)

    @property
    def _path(self) -> Path:
        return self.cache / "history" / f"{self.id}.jsonl"

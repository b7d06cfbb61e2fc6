"""Recordings in the memory of one process, under names: for trying things out and for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock

from onetake.cassettes.fold import Take, merge
from onetake.cassettes.growth import RunLine
from onetake.errors import CassetteError
from onetake.formats.document import Stored, encode_interaction, join, parse
from onetake.messages import Request
from onetake.stores.names import digest
from onetake.stores.port import KEPT_LINES, Opened, Published

_lock = Lock()
_texts: dict[str, list[bytes]] = {}
_blobs: dict[str, bytes] = {}
_generations: dict[str, str] = {}
_runs: dict[str, list[RunLine]] = {}


class MemoryCassette:
    """One cassette of the process. It goes through the same format as files do."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.id = digest(f"memory:{name}", 10)
        self.place = f"memory:{name}"
        self.path = None

    def load(self, key: Callable[[Request], bytes], fingerprint: str) -> Opened:  # noqa: ARG002
        entries = self._entries()
        return Opened(tuple(entries), tuple(key(entry.request) for entry in entries))

    def _entries(self) -> list[Stored]:
        return list(parse(join(_texts.get(self._name, []), None), self.place, _blob).entries)

    def publish(
        self, takes: Sequence[Take], key: Callable[[Request], bytes], *, replacing_run: str | None
    ) -> Published:
        with _lock:
            if replacing_run is not None and _generations.get(self._name) != replacing_run:
                _texts.pop(self._name, None)
                _generations[self._name] = replacing_run
            entries = self._entries()
            keys = (key(entry.request) for entry in entries)
            merged = merge(keys, takes, entries)
            texts = _texts.setdefault(self._name, [])
            for i, take in merged.replacing.items():
                texts[i] = encode_interaction(take.interaction, _blobs)
            texts += [encode_interaction(take.interaction, _blobs) for take in merged.added]
            return Published(len(merged.added) + len(merged.replacing), merged.paid_twice)

    def history(self) -> list[RunLine]:
        return list(_runs.get(self._name, ()))

    def add_run(self, line: RunLine) -> None:
        with _lock:
            _runs[self._name] = [*self.history(), line][-KEPT_LINES:]


def _blob(name: str) -> bytes:
    try:
        return _blobs[name]
    except KeyError:
        raise CassetteError(f"No blob {name} in memory.", remedy="Record anew.") from None

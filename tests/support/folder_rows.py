"""An example of a store of rows, complete and short: a folder with a JSON-lines file for each cassette.

A file is read whole, changed under a lock and put in place whole, so a reader sees one state of it and two
writers come one after the other. Nothing is ever open between two calls. It runs through tests/contract.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from onetake.errors import CassetteError, StoreError
from onetake.stores.locks import locked
from onetake.stores.names import digest
from onetake.stores.placing import put_in_place
from onetake.stores.port import Claim, Held, Row

_MARKER = b"onetake 1"


class FolderStore:
    """The cassettes in `folder`, which is made when something is first written."""

    def __init__(self, folder: Path) -> None:
        self.place = f"folder:{folder}"
        self._folder = folder
        self._marker, self._claims = folder / "format", folder / "claims.jsonl"

    def read(self, cassette: str, *, known: str = "", slots: Collection[str] | None = None) -> Held:
        with self._translated(cassette):
            head, held = self._loaded(self._path(cassette))
        version = head.get("version", "")
        if known and version == known:
            return Held((), version, True)
        wanted = held if slots is None else [slot for slot in slots if slot in held]
        return Held(tuple(Row(slot, held[slot]) for slot in wanted), version)

    def append(
        self, cassette: str, rows: Sequence[Row], *, replacing_run: str | None = None
    ) -> frozenset[str]:
        added: set[str] = set()
        with self._changing(self._path(cassette), cassette) as (head, held):
            if replacing_run is not None and head.get("run") != replacing_run:
                head["run"] = replacing_run
                held.clear()
            for row in rows:
                if row.slot not in held:
                    held[row.slot] = row.data
                    added.add(row.slot)
        return frozenset(added)

    def rewrite(self, cassette: str, rows: Sequence[Row], *, known: str) -> bool:
        with self._changing(self._path(cassette), cassette) as (head, held):
            if not known or head.get("version") != known:
                return False
            held.update({row.slot: row.data for row in rows if row.slot in held})
        return True

    def remove(self, cassette: str, slots: Sequence[str] | None = None, *, known: str = "") -> int:
        with self._changing(self._path(cassette), cassette) as (head, held):
            if known and head.get("version") != known:
                return 0
            gone = [slot for slot in (held if slots is None else slots) if slot in held]
            for slot in gone:
                del held[slot]
            if slots is None:
                head.clear()  # no head: the file goes
        return len(gone)

    def names(self, cassette: str | None = None) -> Iterator[str]:
        with self._translated(cassette or ""):
            if cassette is not None:
                return iter(list(self._loaded(self._path(cassette))[1]))
            heads = [self._loaded(path)[0] for path in self._folder.glob("c-*.jsonl")]
            return iter([head["name"] for head in heads if "name" in head])

    def claim(self, name: str, holder: str, ttl_s: float) -> Claim:
        with self._changing(self._claims) as (claims, _):
            own = [holder, time.time() + ttl_s, ""]
            found = claims.get(name, own)
            if found[1] <= time.time():
                found = own
            elif found[0] == holder:
                found = [holder, own[1], found[2]]
            claims[name] = found
        return Claim(found[0] == holder, base64.b64decode(found[2]), found[0])

    def settle(self, name: str, holder: str, data: bytes, ttl_s: float) -> None:
        with self._changing(self._claims) as (claims, _):
            claims[name] = [holder, time.time() + ttl_s, base64.b64encode(data).decode()]

    def release(self, names: Sequence[str], holder: str) -> None:
        with self._changing(self._claims) as (claims, _):
            for name in names:
                if claims.get(name, [""])[0] == holder:
                    del claims[name]

    def close(self) -> None:
        """There is nothing to close."""

    def _path(self, cassette: str) -> Path:
        return self._folder / f"c-{digest(cassette)}.jsonl"

    @contextmanager
    def _changing(
        self, path: Path, cassette: str = ""
    ) -> Iterator[tuple[dict[str, Any], dict[str, bytes]]]:
        """The head and the rows of a file, to be changed; what became of them is put in place at the end."""
        with self._translated(cassette), locked(path):
            head, held = self._loaded(path)
            before = _to_text(head, held)
            if path != self._claims and not head:
                head["name"] = cassette
            yield head, held
            if not head or (head.keys() == {"name"} and not held):
                path.unlink(missing_ok=True)
            elif _to_text(head, held) != before:
                if path != self._claims:
                    head["version"] = secrets.token_hex(8)
                put_in_place(self._marker, _MARKER)
                put_in_place(path, _to_text(head, held))

    def _loaded(self, path: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
        with suppress(FileNotFoundError):
            if self._marker.read_bytes() != _MARKER:
                raise StoreError(f"{self.place} is another program's.", path=self.place)
            head, *lines = map(json.loads, path.read_text().splitlines())
            return head, {slot: base64.b64decode(data) for slot, data in lines}
        return {}, {}

    @contextmanager
    def _translated(self, cassette: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(f"{self.place} cannot be used: {error}.", path=self.place) from error
        except (ValueError, KeyError, TypeError) as error:
            raise CassetteError(f"{self.place}#{cassette} cannot be read.") from error


def _to_text(head: dict[str, Any], held: dict[str, bytes]) -> bytes:
    lines = [[slot, base64.b64encode(data).decode()] for slot, data in held.items()]
    return "\n".join(map(json.dumps, [head, *lines])).encode()

"""What lies apart in `.onetake/`: the quarantine of failed tests, and journals whose process died."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from onetake.errors import CassetteError
from onetake.formats.document import decode_plain
from onetake.messages import Interaction
from onetake.stores.journal import _Head, _is_dead, _is_worth_keeping


class Apart(Struct, frozen=True):
    """One file: what is worth keeping of an attempt of `test`, in order of sending, and how many are not.

    `place` and `name` say which cassette it was recorded for (see `Journal`); "" where that is not known.
    """

    path: Path
    cassette_id: str
    test: str
    place: str
    name: str
    interactions: tuple[Interaction, ...]
    left_out: int
    at: float  # when the last was added, UTC seconds


def set_apart(cache: Path) -> list[Apart]:
    """All of it, in order of time; what cannot be read, or is another process's, is left out."""
    quarantined = (cache / "quarantine").glob("*/*.jsonl")
    dead = (path for path in (cache / "journal").glob("*/*.jsonl") if _is_dead(path))
    found = [one for path in (*quarantined, *dead) if (one := _read(path)) is not None]
    return sorted(found, key=lambda one: (one.at, str(one.path)))


def _read(path: Path) -> Apart | None:
    try:
        at = path.stat().st_mtime
        lines = path.read_bytes().split(b"\n")
        head = msgspec.json.decode(lines[0], type=_Head)
    except (OSError, msgspec.MsgspecError):
        return None
    found: list[tuple[int, Interaction]] = []
    for line in filter(None, lines[1:]):
        try:
            found.append(decode_plain(line))
        except (CassetteError, msgspec.MsgspecError):
            continue  # torn
    found.sort(key=lambda pair: pair[0])
    kept = tuple(one for _, one in found if _is_worth_keeping(one))
    return Apart(
        path, head.cassette, head.test, head.place, head.name, kept, len(found) - len(kept), at
    )

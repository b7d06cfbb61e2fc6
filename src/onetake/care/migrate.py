"""What a project uses of vcrpy and its plugins: its Python files, its settings, its cassettes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from onetake.care.scope import is_walked
from onetake.care.side_by_side import Showing
from onetake.care.vcrpy_uses import Fate, Use, uses_in_python, uses_in_settings
from onetake.errors import CassetteError
from onetake.formats import vcr_text
from onetake.formats.foreign import is_vcr, looks_like
from onetake.formats.reading import VCR

_SETTINGS = (".toml", ".ini", ".cfg", ".yml", ".yaml", ".sh")
_PASSED_OVER = {"build", "dist"}
_LARGEST = 4 << 20  # bytes of a file of source or settings


def check(folder: Path, showing: Showing) -> Found:
    """Look at the files below `folder`, and run none of them."""
    found = Found()
    paths = list(_files(folder))
    for path in showing(iter(paths), len(paths), "Reading"):
        found.look_at(path, path.relative_to(folder).as_posix())
    return found


def _files(folder: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(
            one for one in folders if one not in _PASSED_OVER and is_walked(Path(where, one))
        )
        yield from (Path(where, name) for name in sorted(files))


class Found:
    """What the files of a project hold."""

    def __init__(self) -> None:
        self.uses: dict[str, list[Use]] = {}  # by file
        self.cassettes: Counter[str] = Counter()  # by folder
        self.unreadable: dict[str, str] = {}

    @property
    def has_trouble(self) -> bool:
        """Whether something is not supported, or a cassette cannot be read."""
        is_refused = any(one.fate is Fate.NO for uses in self.uses.values() for one in uses)
        return bool(self.unreadable) or is_refused

    def look_at(self, path: Path, name: str) -> None:
        suffix = path.suffix
        if suffix == ".py":
            uses = self._of_source(path, name)
        elif suffix in _SETTINGS or path.name == "Makefile":
            uses = uses_in_settings(self._text(path)) if not self._is_cassette(path, name) else []
        else:
            uses = []
            if suffix in (".json", ".gz") or "cassettes" in Path(name).parts[:-1]:
                self._is_cassette(path, name)
        if uses:
            self.uses[name] = uses

    def _of_source(self, path: Path, name: str) -> list[Use]:
        try:
            return uses_in_python(self._text(path))
        except (SyntaxError, ValueError, RecursionError) as error:
            reason = getattr(error, "msg", None) or str(error)
            self.unreadable[name] = f"no Python that can be read: {reason}"
            return []

    def _text(self, path: Path) -> str:
        try:
            if path.stat().st_size > _LARGEST:
                return ""
            return path.read_bytes().decode("utf-8", "replace")
        except OSError:
            return ""

    def _is_cassette(self, path: Path, name: str) -> bool:
        """Whether it is one of vcrpy's; then it is read, to see whether it can be."""
        try:
            text = path.read_bytes()
            plain = vcr_text.unpacked(text, name)
        except (OSError, CassetteError):  # it is something else
            return False
        is_json = plain.lstrip()[:1] == b"{"
        if not (is_vcr(plain) if is_json else looks_like(plain) == VCR):
            return False
        try:
            vcr_text.read(text, name)
            self.cassettes[Path(name).parent.as_posix()] += 1
        except CassetteError as error:
            self.unreadable[name] = error.message
        return True

    def to_data(self) -> dict[str, object]:
        return {
            "uses": {name: msgspec.to_builtins(uses) for name, uses in self.uses.items()},
            "cassettes": dict(self.cassettes),
            "unreadable": self.unreadable,
        }

"""The two formats of a cassette file, one of which is chosen each time the file is read.

`OwnFile` is a document of ours, also where there is no file yet. `VcrFile` is a cassette of vcrpy: with
`keeps_vcr` it stays one, else its first new recording makes a document of ours beside it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Protocol

from onetake.cassettes.fold import Merge, Take
from onetake.errors import CassetteError
from onetake.formats.document import (
    Document,
    Stored,
    encode_inline,
    encode_interaction,
    join,
    same_but_volatile,
)
from onetake.stores import vcr_files
from onetake.stores.file_place import FilePlace
from onetake.stores.locks import locked
from onetake.stores.whole_files import replace_file


class FileFormat(Protocol):
    """The format of a cassette's file: what it holds, and how more is written. The writer holds its lock."""

    @property
    def document(self) -> Document:
        """The recordings as they answer."""

    def shown(self) -> Document:
        """Return the recordings as they may be shown and copied: nothing in them is unredacted."""

    def fit(self, takes: Sequence[Take]) -> tuple[Sequence[Take], tuple[str, ...]]:
        """Return the takes that the format can hold, and the request lines of the others."""

    def add(self, merged: Merge, replaced: Mapping[bytes, list[Stored]], *, is_anew: bool) -> None:
        """Write what is new; `is_anew` without what was there, some of which, `replaced`, may say the same."""

    def keep(self, places: Sequence[int]) -> None:
        """Write the recordings at these places alone; without any the file goes."""


class OwnFile:
    """A document of ours, which may not be there yet. `name` is the test's own, where it has one."""

    def __init__(self, at: FilePlace, path: Path, document: Document, name: str | None) -> None:
        self._at = at
        self._path = path
        self.document = document
        self._name = name

    def shown(self) -> Document:
        return self.document

    def fit(self, takes: Sequence[Take]) -> tuple[Sequence[Take], tuple[str, ...]]:
        return takes, ()

    def add(self, merged: Merge, replaced: Mapping[bytes, list[Stored]], *, is_anew: bool) -> None:
        there = [] if is_anew else self.document.entries
        blobs: dict[str, bytes] = {}
        texts = [entry.raw for entry in there]
        for i, take in merged.replacing.items():
            texts[i] = encode_interaction(take.interaction, blobs)
        texts += [
            _entry_text(take, replaced.get(take.slot.key, []), blobs) for take in merged.added
        ]
        origin = self.document.origin if there else ""
        put_document(self._at, self._path, texts, blobs, name=self._name, origin=origin)

    def keep(self, places: Sequence[int]) -> None:
        path, document = self._path, self.document
        # Without ours, vcrpy's that it was made of would be read again.
        hides = any(map(os.path.exists, vcr_files.twins(path)))
        if not places and not hides:
            path.unlink()
            return
        texts = [document.entries[i].raw for i in places]
        replace_file(path, join(texts, document.name, document.origin))


class VcrFile:
    """A cassette of vcrpy, whose text may not be there yet where it is to stay one."""

    def __init__(
        self,
        at: FilePlace,
        path: Path,
        text: bytes | None,
        document: Document,
        name: str | None,
        *,
        stays: bool,
    ) -> None:
        self._at = at
        self._path = path
        self._text = text
        self.document = document
        self._name = name
        self._stays = stays

    def shown(self) -> Document:
        calls = vcr_files.fit_to_write(entry.interaction for entry in self.document.entries)
        text = join(list(map(encode_inline, calls)), None, self.document.origin)
        return self._at.parse(text, self._path)

    def fit(self, takes: Sequence[Take]) -> tuple[Sequence[Take], tuple[str, ...]]:
        return vcr_files.expressible(takes) if self._stays else (takes, ())

    def add(
        self,
        merged: Merge,
        replaced: Mapping[bytes, list[Stored]],  # noqa: ARG002
        *,
        is_anew: bool,
    ) -> None:
        if self._stays:
            new = vcr_files.with_takes(self._path, self._text, merged, is_anew=is_anew)
            replace_file(self._path, new)
        else:
            self.take_over(merged, is_anew=is_anew)

    def take_over(self, merged: Merge, *, is_anew: bool = False) -> None:
        """Write a document of ours beside it, with what is in it and what is new."""
        own, there = self._at.own_path, [] if is_anew else self.document.entries
        if own == self._path:
            assert self._text is not None
            replace_file(own.with_name(own.name + vcr_files.BACKUP), self._text)
        blobs: dict[str, bytes] = {}
        calls = vcr_files.fit_to_write(entry.interaction for entry in there)
        for i, take in merged.replacing.items():
            calls[i] = take.interaction
        calls += [take.interaction for take in merged.added]
        origin = vcr_files.ORIGIN if there else ""
        texts = [encode_interaction(one, blobs) for one in calls]
        put_document(self._at, own, texts, blobs, name=self._name, origin=origin)

    def keep(self, places: Sequence[int]) -> None:
        path = self._path
        if not places:
            path.unlink()
            return
        assert self._text is not None
        replace_file(path, vcr_files.with_these(path, self._text, places))


def format_at(
    at: FilePlace, path: Path, text: bytes | None, name: str | None, *, keeps_vcr: bool
) -> FileFormat:
    """Choose the format by the text of the file `path`, or, where there is none, by what is to be made.

    Raises `CassetteError`.
    """
    document = Document(None, []) if text is None else at.document(path, text)
    is_theirs = keeps_vcr if text is None else vcr_files.is_theirs(path, text)
    if is_theirs:
        return VcrFile(at, path, text, document, name, stays=keeps_vcr)
    return OwnFile(at, path, document, name)


def put_document(
    at: FilePlace,
    path: Path,
    texts: Sequence[bytes],
    blobs: Mapping[str, bytes],
    *,
    name: str | None,
    origin: str,
) -> None:
    """Write a document of ours, and the blobs that it names before it."""
    # Until the file names them, nobody may take them for blobs that no file names.
    with locked(at.blobs) if blobs else nullcontext():
        for blob, data in blobs.items():
            if not (at.blobs / blob).exists():
                replace_file(at.blobs / blob, data)
        replace_file(path, join(texts, name, origin))


def _entry_text(take: Take, replaced: list[Stored], blobs: dict[str, bytes]) -> bytes:
    """Return the text of a new recording; the old text where only volatile answer headers changed."""
    if take.slot.n < len(replaced) and not take.ages:
        old = replaced[take.slot.n]
        try:
            if same_but_volatile(old.interaction, take.interaction):
                return old.raw
        except CassetteError:
            pass  # an old recording that cannot be read is one more reason to replace it
    return encode_interaction(take.interaction, blobs)

"""Recordings as readable files, made for review in git.

A cassette is one JSON document; large bodies lie beside it in `blobs/`, named by their content. Writing
is: lock, read anew, append, write a temporary file, sync, rename. Readers need no lock. A cassette of vcrpy
that lies where ours would be is read as it is, and ours wins over it: `file_formats` tells the two apart.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from onetake.cassettes.fold import Merge, Take, merge
from onetake.cassettes.growth import RunLine
from onetake.errors import CassetteError
from onetake.formats.blobs import blobs_named
from onetake.formats.document import Stored, encode_interaction
from onetake.messages import Request
from onetake.stores.file_formats import FileFormat, VcrFile, format_at, put_document
from onetake.stores.file_history import FileHistory
from onetake.stores.file_keys import FileKeys, Index
from onetake.stores.file_place import FilePlace
from onetake.stores.locks import locked
from onetake.stores.placing import put_in_place
from onetake.stores.port import Anew, Opened, Published, Rewritten
from onetake.stores.private import ensure_private
from onetake.stores.whole_files import read_file, writing


def read_cassette(path: Path, within: Path | None = None) -> list[Stored]:
    """Return the recordings of a cassette file, whichever test's it is. Raises `CassetteError`, `StoreError`.

    `within` is the folder out of which no link may lead; None where the user has named the file.
    """
    if within is None and path.is_symlink():
        path = path.resolve()
    root = within or path.parent
    held = FileCassette(path, path.parent / "blobs", cache=root / ".onetake")
    text = held._at.read(path)
    if text is None:
        raise CassetteError(f"There is no cassette {path}.", path=str(path))
    return held._format_of(path, text).shown().entries


def blobs_beside(path: Path) -> Callable[[str], bytes]:
    """Return what gives a blob of the cassette file that the user has named. It raises as `read_cassette`."""
    return FileCassette(path, path.parent / "blobs", cache=path.parent / ".onetake")._at.blob


class FileCassette:
    """One cassette file. `raw_name` is the test's own name where the file name is a safe form of it.

    With `keeps_vcr` recordings are added to a cassette of vcrpy as vcrpy would, and a new cassette is one;
    else the first of them makes one of ours beside it, which holds the old ones too.
    """

    def __init__(
        self,
        path: Path,
        blobs: Path,
        *,
        cache: Path,
        raw_name: str | None = None,
        keeps_vcr: bool = False,
    ) -> None:
        self._keeps_vcr = keeps_vcr
        self._cache = cache
        self._raw_name = raw_name
        self._at = FilePlace(path, blobs, cache=cache, raw_name=raw_name, keeps_vcr=keeps_vcr)

    @property
    def path(self) -> Path:
        """The file in which the recordings lie; where none is there, that of the first one to come."""
        return self._at.path

    @property
    def id(self) -> str:
        return self._at.id

    @property
    def place(self) -> str:
        return str(self._at)

    def load(self, key: Callable[[Request], bytes], fingerprint: str) -> Opened:
        text = self._at.text()
        if text is None:
            return Opened()
        document = self._format_of(self.path, text).document
        entries = tuple(document.entries)
        index = Index(self._cache / "index" / self.id, self._cache, text, fingerprint)
        known = FileKeys(entries, key, index)
        return Opened(
            entries, known.keys, has_principals=document.origin == "", digests=known.digests
        )

    def recordings(self) -> list[Stored]:
        """Return all of them, as they may be shown and copied; none without a file. Raises as `load` does."""
        text = self._at.text()
        return [] if text is None else self._format_of(self.path, text).shown().entries

    def _format_of(self, path: Path, text: bytes | None) -> FileFormat:
        return format_at(self._at, path, text, self._raw_name, keeps_vcr=self._keeps_vcr)

    def publish(
        self, takes: Sequence[Take], key: Callable[[Request], bytes], *, replacing_run: str | None
    ) -> Published:
        self._at.check_writable()
        with writing(self.place), locked(self._at.plain):
            self._at.forget()
            held = self._format_of(self.path, self._at.text())
            document = held.document
            is_anew = (
                replacing_run is not None and read_file(self._generation) != replacing_run.encode()
            )
            there = [] if is_anew else document.entries
            keys = [key(entry.request) for entry in document.entries]
            replaced: dict[bytes, list[Stored]] = defaultdict(list)
            for old_key, entry in zip(keys, document.entries, strict=True):
                if is_anew:
                    replaced[old_key].append(entry)
            takes, left_out = held.fit(takes)
            merged = merge([] if is_anew else keys, takes, there)
            added = len(merged.added) + len(merged.replacing)
            if not added:
                return Published(paid_twice=merged.paid_twice, left_out=left_out)
            held.add(merged, replaced, is_anew=is_anew)
            self._at.forget()
            if replacing_run is not None:
                self._keep(self._generation, replacing_run.encode())
            return Published(added, merged.paid_twice, left_out)

    @property
    def _generation(self) -> Path:
        return self._cache / "generations" / self.id

    def take_over(self) -> int:
        """Make a document of ours beside a cassette of vcrpy, which then wins; how many recordings it holds.

        None where the cassette is ours already, or there is none. Raises as `publish` does.
        """
        self._at.check_writable()
        with writing(self.place), locked(self._at.plain):
            self._at.forget()
            text = self._at.text()
            held = None if text is None else self._format_of(self.path, text)
            if not isinstance(held, VcrFile):
                return 0
            held.take_over(Merge((), {}, 0))
            self._at.forget()
            return len(held.document.entries)

    def rewrite(self, anew: Anew) -> Rewritten:
        """The blobs are told by their files."""
        self._at.check_writable()
        with writing(self.place), locked(self._at.plain):
            self._at.forget()
            text = self._at.text()
            if text is None:
                return Rewritten()
            document = self._format_of(self.path, text).document
            changed = anew(document.entries)
            if not changed:
                return Rewritten()
            blobs: dict[str, bytes] = {}
            texts = [entry.raw for entry in document.entries]
            for at, interaction in changed.items():
                texts[at] = encode_interaction(interaction, blobs)
            put_document(
                self._at, self.path, texts, blobs, name=document.name, origin=document.origin
            )
            gone = set(blobs_named(text)) - set(blobs_named(b"".join(texts)))
            files = (folder / name for folder in self._at.blob_folders() for name in gone)
            return Rewritten(len(changed), frozenset(str(one) for one in files if one.exists()))

    def history(self) -> list[RunLine]:
        return self._history.read()

    def add_run(self, line: RunLine) -> None:
        """On this machine, and only where something was recorded: nothing that a review must see."""
        self._history.add(line)

    def _keep(self, path: Path, data: bytes) -> None:
        """In the cache directory. Raises OSError."""
        ensure_private(path.parent, self._cache)
        put_in_place(path, data, is_private=True)

    @property
    def _history(self) -> FileHistory:
        return FileHistory(self._cache, self.id)

    def remove(self, unwanted: Mapping[bytes, int]) -> int:
        """Take recordings away, safe against other writers; how many. The file goes with its last one.

        `unwanted` are texts, each with how many of its recordings go: of equal ones the last, as the
        first is served first. What another has written meanwhile stays. Raises as `publish` does.
        """
        self._at.check_writable()
        with writing(self.place), locked(self._at.plain):
            self._at.forget()
            text = self._at.text()
            if text is None:
                return 0
            held = self._format_of(self.path, text)
            entries = held.shown().entries
            kept = _all_but_last([entry.raw for entry in entries], unwanted)
            if len(kept) < len(entries) or not entries:
                held.keep(kept)
            return len(entries) - len(kept)


def _all_but_last(texts: Sequence[bytes], unwanted: Mapping[bytes, int]) -> list[int]:
    """The places of those that stay."""
    left = Counter(unwanted)
    kept: list[int] = []
    for i in reversed(range(len(texts))):
        if left[texts[i]] > 0:
            left[texts[i]] -= 1
        else:
            kept.append(i)
    return kept[::-1]

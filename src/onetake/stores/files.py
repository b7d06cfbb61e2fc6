"""Recordings as readable files, made for review in git.

A cassette is one JSON document; large bodies lie beside it in `blobs/`, named by their content. Writing
is: lock, read anew, append, write a temporary file, sync, rename. Readers need no lock. A cassette of vcrpy
that lies where ours would be is read as it is (`vcr_files`); ours wins over it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path

from onetake.cassettes.fold import Merge, Take, merge
from onetake.cassettes.growth import RunLine
from onetake.errors import CassetteError, OnetakeError
from onetake.formats.blobs import blobs_named
from onetake.formats.document import (
    Document,
    Stored,
    encode_inline,
    encode_interaction,
    join,
    same_but_volatile,
)
from onetake.messages import Request
from onetake.stores import history, vcr_files
from onetake.stores.file_keys import FileKeys, Index
from onetake.stores.file_place import FilePlace
from onetake.stores.locks import locked
from onetake.stores.placing import put_in_place
from onetake.stores.port import KEPT_LINES, Anew, Opened, Published, Rewritten
from onetake.stores.private import ensure_private
from onetake.stores.whole_files import read_file, replace_file, writing


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
    return held._fit_to_show(path, text).entries


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
        document = self._at.document(self.path, text)
        entries = tuple(document.entries)
        index = Index(self._cache / "index" / self.id, self._cache, text, fingerprint)
        known = FileKeys(entries, key, index)
        return Opened(
            entries, known.keys, has_principals=document.origin == "", digests=known.digests
        )

    def recordings(self) -> list[Stored]:
        """Return all of them, as they may be shown and copied; none without a file. Raises as `load` does."""
        text = self._at.text()
        return [] if text is None else self._fit_to_show(self.path, text).entries

    def _fit_to_show(self, path: Path, text: bytes) -> Document:
        """Return the document of a cassette with nothing in it that another program has not redacted."""
        document = self._at.document(path, text)
        if not vcr_files.is_theirs(path, text):
            return document
        calls = vcr_files.fit_to_write(entry.interaction for entry in document.entries)
        return self._at.parse(join(list(map(encode_inline, calls)), None, document.origin), path)

    def publish(
        self, takes: Sequence[Take], key: Callable[[Request], bytes], *, replacing_run: str | None
    ) -> Published:
        self._at.check_writable()
        with writing(self.place), locked(self._at.plain):
            self._at.forget()
            text = self._at.text()
            document = Document(None, [])
            if text is not None:
                document = self._at.document(self.path, text)
            is_anew = (
                replacing_run is not None and read_file(self._generation) != replacing_run.encode()
            )
            there = [] if is_anew else document.entries
            keys = [key(entry.request) for entry in document.entries]
            replaced: dict[bytes, list[Stored]] = defaultdict(list)
            for old_key, entry in zip(keys, document.entries, strict=True):
                if is_anew:
                    replaced[old_key].append(entry)
            is_theirs = text is not None and vcr_files.is_theirs(self.path, text)
            stays_theirs = self._keeps_vcr and (is_theirs or text is None)
            left_out: tuple[str, ...] = ()
            if stays_theirs:
                takes, left_out = vcr_files.expressible(takes)
            merged = merge([] if is_anew else keys, takes, lambda i: there[i].at)
            added = len(merged.added) + len(merged.replacing)
            if not added:
                return Published(paid_twice=merged.paid_twice, left_out=left_out)
            if stays_theirs:
                new = vcr_files.with_takes(self.path, text, merged, is_anew=is_anew)
                replace_file(self.path, new)
            elif is_theirs and text is not None:
                self._take_over(text, there, merged)
            else:
                origin = document.origin if there else ""
                self._write(self.path, there, origin, merged, replaced)
            self._at.forget()
            if replacing_run is not None:
                self._keep(self._generation, replacing_run.encode())
            return Published(added, merged.paid_twice, left_out)

    @property
    def _generation(self) -> Path:
        return self._cache / "generations" / self.id

    def _write(
        self,
        path: Path,
        there: Sequence[Stored],
        origin: str,
        merged: Merge,
        replaced: Mapping[bytes, list[Stored]],
    ) -> None:
        """The document with what is new; `replaced` are old recordings of which some may say the same."""
        blobs: dict[str, bytes] = {}
        texts = [entry.raw for entry in there]
        for i, take in merged.replacing.items():
            texts[i] = encode_interaction(take.interaction, blobs)
        texts += [
            _entry_text(take, replaced.get(take.slot.key, []), blobs) for take in merged.added
        ]
        self._put(path, texts, origin, blobs, self._raw_name)

    def take_over(self) -> int:
        """Make a document of ours beside a cassette of vcrpy, which then wins; how many recordings it holds.

        None where the cassette is ours already, or there is none. Raises as `publish` does.
        """
        self._at.check_writable()
        with writing(self.place), locked(self._at.plain):
            self._at.forget()
            text = self._at.text()
            if text is None or not vcr_files.is_theirs(self.path, text):
                return 0
            entries = self._at.document(self.path, text).entries
            self._take_over(text, entries, Merge((), {}, 0))
            self._at.forget()
            return len(entries)

    def _take_over(self, text: bytes, there: Sequence[Stored], merged: Merge) -> None:
        """A document of ours beside a cassette of vcrpy, with what is in it and what is new."""
        own = self._at.own_path
        if own == self.path:
            replace_file(own.with_name(own.name + vcr_files.BACKUP), text)
        blobs: dict[str, bytes] = {}
        calls = vcr_files.fit_to_write(entry.interaction for entry in there)
        for i, take in merged.replacing.items():
            calls[i] = take.interaction
        calls += [take.interaction for take in merged.added]
        origin = vcr_files.ORIGIN if there else ""
        texts = [encode_interaction(one, blobs) for one in calls]
        self._put(own, texts, origin, blobs, self._raw_name)

    def _put(
        self,
        path: Path,
        texts: Sequence[bytes],
        origin: str,
        blobs: Mapping[str, bytes],
        name: str | None,
    ) -> None:
        # Until the file names them, nobody may take them for blobs that no file names.
        with locked(self._at.blobs) if blobs else nullcontext():
            for blob, data in blobs.items():
                if not (self._at.blobs / blob).exists():
                    replace_file(self._at.blobs / blob, data)
            replace_file(path, join(texts, name, origin))

    def rewrite(self, anew: Anew) -> Rewritten:
        """The blobs are told by their files."""
        self._at.check_writable()
        with writing(self.place), locked(self._at.plain):
            self._at.forget()
            text = self._at.text()
            if text is None:
                return Rewritten()
            document = self._at.document(self.path, text)
            changed = anew(document.entries)
            if not changed:
                return Rewritten()
            blobs: dict[str, bytes] = {}
            texts = [entry.raw for entry in document.entries]
            for at, interaction in changed.items():
                texts[at] = encode_interaction(interaction, blobs)
            self._put(self.path, texts, document.origin, blobs, document.name)
            gone = set(blobs_named(text)) - set(blobs_named(b"".join(texts)))
            files = (folder / name for folder in self._at.blob_folders() for name in gone)
            return Rewritten(len(changed), frozenset(str(one) for one in files if one.exists()))

    def history(self) -> list[RunLine]:
        lines = (read_file(self._history_file) or b"").split(b"\n")
        return history.decode(lines)[-KEPT_LINES:]

    def add_run(self, line: RunLine) -> None:
        """On this machine, and only where something was recorded: nothing that a review must see."""
        if not line.recorded:
            return
        with suppress(OSError, OnetakeError), locked(self._history_file):
            kept = [*self.history()[1 - KEPT_LINES :], line]
            text = b"".join(history.encode(one) + b"\n" for one in kept)
            self._keep(self._history_file, text)

    def _keep(self, path: Path, data: bytes) -> None:
        """In the cache directory. Raises OSError."""
        ensure_private(path.parent, self._cache)
        put_in_place(path, data, is_private=True)

    @property
    def _history_file(self) -> Path:
        return self._cache / "history" / f"{self.id}.jsonl"

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
            document = self._fit_to_show(self.path, text)
            entries = document.entries
            kept = _all_but_last([entry.raw for entry in entries], unwanted)
            is_theirs = vcr_files.is_theirs(self.path, text)
            # Without ours, vcrpy's that it was made of would be read again.
            hides = not is_theirs and any(one.exists() for one in vcr_files.twins(self.path))
            if not kept and not hides:
                self.path.unlink()
            elif len(kept) < len(entries):
                if is_theirs:
                    new = vcr_files.with_these(self.path, text, kept)
                else:
                    new = join([entries[i].raw for i in kept], document.name, document.origin)
                replace_file(self.path, new)
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


def _entry_text(take: Take, replaced: list[Stored], blobs: dict[str, bytes]) -> bytes:
    """The text of a new recording; the old text where only volatile answer headers changed."""
    if take.slot.n < len(replaced) and not take.ages:
        old = replaced[take.slot.n]
        try:
            if same_but_volatile(old.interaction, take.interaction):
                return old.raw
        except CassetteError:
            pass  # an old recording that cannot be read is one more reason to replace it
    return encode_interaction(take.interaction, blobs)

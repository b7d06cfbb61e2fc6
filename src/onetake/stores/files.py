"""Recordings as readable files, made for review in git.

A cassette is one JSON document; large bodies lie beside it in `blobs/`, named by their content. Writing
is: lock, read anew, append, write a temporary file, sync, rename. Readers need no lock. A cassette of vcrpy
that lies where ours would be is read as it is (`vcr_files`); ours wins over it.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from functools import cached_property
from pathlib import Path, PureWindowsPath

import msgspec

from onetake.cassettes.fold import Merge, Take, merge
from onetake.cassettes.growth import RunLine
from onetake.errors import CassetteError, OnetakeError, StoreError, UsageError
from onetake.formats.blobs import blob_name, blobs_named
from onetake.formats.document import (
    Document,
    Stored,
    encode_inline,
    encode_interaction,
    join,
    parse,
    same_but_volatile,
)
from onetake.matching.raw import raw_digest
from onetake.messages import Request
from onetake.stores import history, vcr_files
from onetake.stores.locks import locked
from onetake.stores.placing import put_in_place
from onetake.stores.port import KEPT_LINES, Anew, Opened, Published, Rewritten
from onetake.stores.private import ensure_private, read_regular
from onetake.stores.within import check_read, check_within, is_below

_SUFFIXES = (".json", *vcr_files.SUFFIXES)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_NAMED = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"onetake":\s*\d+,\s*"name":\s*("(?:[^"\\]|\\.)*")')
_HEAD_SIZE = 8192
_KEY_SIZE = 16  # also that of the digest of a request's bytes
_DIGEST_SIZE = 20
_INDEX_FROM = 100  # recordings; below that computing the keys is cheaper than a second file


def is_file_name(name: str) -> bool:
    """Whether a cassette's name names a file rather than a place in the store."""
    return Path(name).is_absolute() or name.endswith(_SUFFIXES)


def check_name(name: str) -> None:
    """Raises `UsageError` for unsafe names of cassettes."""
    has_drive = PureWindowsPath(name).drive and not Path(name).is_absolute()
    if not name or has_drive or _CONTROL.search(name) or ".." in re.split(r"[/\\]", name):
        raise UsageError(
            f"The cassette name {name!r} is refused.",
            remedy="Use a name without '..', a drive and control characters.",
        )


def locate(name: str, *, store: str, directory: Path, root: Path) -> tuple[Path, Path]:
    """The file of cassette `name` and the folder of its blobs. Raises `UsageError` for unsafe names."""
    check_name(name)
    if is_file_name(name):
        path = directory / name
        return path, path.parent / "blobs"
    folder = root / store.removeprefix("files:") if store else directory / "cassettes"
    return folder / f"{name}.json", folder / "blobs"


def read_cassette(path: Path, within: Path | None = None) -> list[Stored]:
    """The recordings of a cassette file, whichever test's it is. Raises `CassetteError`, `StoreError`.

    `within` is the folder out of which no link may lead; None where the user has named the file.
    """
    if within is None and path.is_symlink():
        path = path.resolve()
    root = within or path.parent
    held = FileCassette(path, path.parent / "blobs", cache=root / ".onetake")
    text = held._read(path)
    if text is None:
        raise CassetteError(f"There is no cassette {path}.", path=str(path))
    return held._fit_to_show(path, text).entries


def blobs_beside(path: Path) -> Callable[[str], bytes]:
    """What gives a blob of the cassette file that the user has named. It raises as `read_cassette` does."""
    return FileCassette(path, path.parent / "blobs", cache=path.parent / ".onetake")._blob


def read_text(path: Path) -> bytes:
    """The file's bytes; none where there is no such file. Raises `StoreError`."""
    return _read(path) or b""


def replace_text(path: Path, data: bytes) -> None:
    """Put `data` in the file's place, whole and synced, or not at all. Raises `StoreError`."""
    _replace(path, data, sync=True)


def name_in(path: Path) -> str | None:
    """The test's own name that a cassette file holds, where its file's name is a safe form of it."""
    try:
        head = read_regular(path, limit=_HEAD_SIZE)
    except OSError:
        return None
    found = _NAMED.match(head)
    try:
        return msgspec.json.decode(found[1], type=str) if found else None
    except (msgspec.MsgspecError, ValueError):
        return None


def cassette_files(folder: Path) -> Iterator[Path]:
    """Every file that may be a cassette in `folder` and below, in order; no blobs, nothing hidden.

    Those of vcrpy are among them where there is none of ours in their place.
    """
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(one for one in folders if one != "blobs" and not one.startswith("."))
        there = set(files)
        for name in sorted(files):
            path = Path(where, name)
            if name.startswith("."):
                continue
            if name.endswith(".json") or (
                vcr_files.is_vcr_name(name)
                and vcr_files.own_path(path).name not in there
                and vcr_files.looks_like_one(path)
            ):
                yield path


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
        self._named = path
        self._plain = vcr_files.own_path(path)
        self._keeps_vcr = keeps_vcr
        self._blobs = blobs
        self._cache = cache
        self._raw_name = raw_name
        # No link leads out of it: the project, or a folder elsewhere that its settings name.
        self._base = cache.parent if is_below(path, cache.parent) else blobs.parent
        self._looked_at: tuple[Path, bytes] | None = None  # to find the path, and not read since

    def _read(self, path: Path) -> bytes | None:
        """Raises `CassetteError` for a file elsewhere, `StoreError` for one that cannot be read."""
        check_read(path, self._base if is_below(path, self._base) else path.parent)
        return _read(path)

    @cached_property
    def path(self) -> Path:
        """The file in which the recordings lie; where none is there, that of the first one to come."""
        own = self._own_path
        is_there = self._looked_at is not None and self._looked_at[0] == own
        if is_there or own.exists() or (own != self._plain and self._named == self._plain):
            return own
        theirs = dict.fromkeys((self._named, *vcr_files.twins(self._plain)))
        for path in theirs:
            if path.exists():
                return path
        if not self._keeps_vcr:
            return own
        return self._named if self._named != own else vcr_files.twins(own)[0]

    @cached_property
    def _own_path(self) -> Path:
        """The plain name, or with 8 hex digits where that file belongs to a test of another name.

        Also where the cassette was named as a file of vcrpy's, and what lies beside it is none of ours.
        """
        if _is_other_case(self._plain):
            return self._other_path
        text = self._read(self._plain)
        if text is None:
            is_other = self._raw_name and self._other_path.exists()
            return self._other_path if is_other else self._plain
        self._looked_at = self._plain, text
        if self._named != self._plain and vcr_files.is_unrelated(text):
            is_cassette = vcr_files.is_theirs(self._plain, text) and not self._named.exists()
            return self._plain if is_cassette else self._other_path
        if self._raw_name is None and b'"name"' not in text[:64]:
            return self._plain
        if vcr_files.is_theirs(self._plain, text):
            return self._plain
        owner = self._parse(text, self._plain).name or self._plain.stem
        return self._plain if owner == self._wanted else self._other_path

    @property
    def _wanted(self) -> str:
        return self._raw_name or self._plain.stem

    @property
    def _other_path(self) -> Path:
        digest = hashlib.blake2b(self._wanted.encode("utf-8", "surrogatepass"), digest_size=4)
        return self._plain.with_name(f"{self._plain.stem}-{digest.hexdigest()}.json")

    @cached_property
    def id(self) -> str:
        own = os.fsencode(os.path.abspath(self._own_path))
        return hashlib.blake2b(own, digest_size=10).hexdigest()

    def _forget_path(self) -> None:
        """Another writer may have taken the plain name meanwhile."""
        self._looked_at = None
        self.__dict__.pop("path", None)
        self.__dict__.pop("_own_path", None)

    @property
    def place(self) -> str:
        try:
            return str(self.path)
        except OnetakeError:
            return str(self._plain)

    def load(self, key: Callable[[Request], bytes], fingerprint: str) -> Opened:
        path, looked_at = self.path, self._looked_at
        self._looked_at = None
        text = looked_at[1] if looked_at and looked_at[0] == path else self._read(path)
        if text is None:
            return Opened()
        document = self._document(path, text)
        keys, digests = self._indexed(text, document.entries, key, fingerprint)
        return Opened(
            tuple(document.entries),
            tuple(keys),
            has_principals=document.origin == "",
            digests=tuple(digests),
        )

    def recordings(self) -> list[Stored]:
        """All of them, as they may be shown and copied; none if there is no cassette. Raises as `load` does."""
        text = self._read(self.path)
        return [] if text is None else self._fit_to_show(self.path, text).entries

    def _indexed(
        self,
        text: bytes,
        entries: Sequence[Stored],
        key: Callable[[Request], bytes],
        fingerprint: str,
    ) -> tuple[list[bytes], list[bytes]]:
        """The keys and the digests, read from a local index of exactly this text, else computed."""
        if len(entries) < _INDEX_FROM or not fingerprint:
            return _computed(entries, key)
        named = hashlib.sha256(text).digest()
        digest = hashlib.blake2b(
            named, key=fingerprint.encode()[:64], digest_size=_DIGEST_SIZE
        ).digest()
        index = self._cache / "index" / self.id
        known = _read(index) or b""
        if known[:_DIGEST_SIZE] == digest and len(known) == _DIGEST_SIZE + 2 * _KEY_SIZE * len(
            entries
        ):
            places = range(_DIGEST_SIZE, len(known), _KEY_SIZE)
            found = [known[at : at + _KEY_SIZE] for at in places]
            return found[: len(entries)], found[len(entries) :]
        keys, digests = _computed(entries, key)
        try:
            self._keep(index, digest + b"".join(keys + digests))
        except OSError:
            pass  # only a cache
        return keys, digests

    def _document(self, path: Path, text: bytes) -> Document:
        """Return the document of a cassette, of ours or of vcrpy."""
        if vcr_files.is_theirs(path, text):
            return vcr_files.read_document(path, text)
        return self._parse(text, path)

    def _fit_to_show(self, path: Path, text: bytes) -> Document:
        """Return the document of a cassette with nothing in it that another program has not redacted."""
        document = self._document(path, text)
        if not vcr_files.is_theirs(path, text):
            return document
        calls = vcr_files.fit_to_write(entry.interaction for entry in document.entries)
        return self._parse(join(list(map(encode_inline, calls)), None, document.origin), path)

    def _parse(self, text: bytes, path: Path) -> Document:
        return parse(text, str(path), self._blob)

    def _blob(self, name: str) -> bytes:
        """A blob by its name, from the cassette's folder of blobs or one further up."""
        for folder in self._blob_folders():
            data = self._read_blob(folder / name)
            if data is not None:
                if blob_name(data) != name:
                    raise CassetteError(
                        f"The blob {folder / name} does not hold what its name says.",
                        remedy="Restore it from version control, or record anew.",
                        path=str(folder / name),
                    )
                return data
        raise CassetteError(
            f"{self.place} needs the blob {name}, which is not in {self._blobs}.",
            remedy="Restore it from version control, or record anew.",
            path=self.place,
        )

    def _blob_folders(self) -> list[Path]:
        further = (parent / "blobs" for parent in self._plain.parents[:3])
        return list(dict.fromkeys((self._blobs, *further)))

    def _read_blob(self, path: Path) -> bytes | None:
        base = self._base if is_below(path, self._base) else path.parent.parent
        check_within(path, base)
        return _read(path)

    def _check_places(self) -> None:
        """Raises `CassetteError` where a link leads elsewhere."""
        check_within(self._plain, self._base)
        check_within(
            self._blobs, self._base if is_below(self._blobs, self._base) else self._blobs.parent
        )

    def publish(
        self, takes: Sequence[Take], key: Callable[[Request], bytes], *, replacing_run: str | None
    ) -> Published:
        self._check_places()
        with self._translated(), locked(self._plain):
            self._forget_path()
            text = self._read(self.path)
            document = Document(None, [])
            if text is not None:
                document = self._document(self.path, text)
            is_anew = (
                replacing_run is not None and _read(self._generation) != replacing_run.encode()
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
                _replace(self.path, new, sync=True)
            elif is_theirs and text is not None:
                self._take_over(text, there, merged)
            else:
                origin = document.origin if there else ""
                self._write(self.path, there, origin, merged, replaced)
            self._forget_path()
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
        check_within(self._plain, self._base)
        with self._translated(), locked(self._plain):
            self._forget_path()
            text = self._read(self.path)
            if text is None or not vcr_files.is_theirs(self.path, text):
                return 0
            entries = self._document(self.path, text).entries
            self._take_over(text, entries, Merge((), {}, 0))
            self._forget_path()
            return len(entries)

    def _take_over(self, text: bytes, there: Sequence[Stored], merged: Merge) -> None:
        """A document of ours beside a cassette of vcrpy, with what is in it and what is new."""
        own = self._own_path
        if own == self.path:
            _replace(own.with_name(own.name + vcr_files.BACKUP), text, sync=True)
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
        with locked(self._blobs) if blobs else nullcontext():
            for blob, data in blobs.items():
                if not (self._blobs / blob).exists():
                    _replace(self._blobs / blob, data, sync=True)
            _replace(path, join(texts, name, origin), sync=True)

    def rewrite(self, anew: Anew) -> Rewritten:
        """The blobs are told by their files."""
        self._check_places()
        with self._translated(), locked(self._plain):
            self._forget_path()
            text = self._read(self.path)
            if text is None:
                return Rewritten()
            document = self._document(self.path, text)
            changed = anew(document.entries)
            if not changed:
                return Rewritten()
            blobs: dict[str, bytes] = {}
            texts = [entry.raw for entry in document.entries]
            for at, interaction in changed.items():
                texts[at] = encode_interaction(interaction, blobs)
            self._put(self.path, texts, document.origin, blobs, document.name)
            gone = set(blobs_named(text)) - set(blobs_named(b"".join(texts)))
            files = (folder / name for folder in self._blob_folders() for name in gone)
            return Rewritten(len(changed), frozenset(str(one) for one in files if one.exists()))

    def history(self) -> list[RunLine]:
        lines = (_read(self._history_file) or b"").split(b"\n")
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
        check_within(self._plain, self._base)
        with self._translated(), locked(self._plain):
            self._forget_path()
            text = self._read(self.path)
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
                _replace(self.path, new, sync=True)
            return len(entries) - len(kept)

    def _translated(self) -> _Translated:
        return _Translated(self.place)


def _computed(
    entries: Sequence[Stored], key: Callable[[Request], bytes]
) -> tuple[list[bytes], list[bytes]]:
    """The key of each recording, and the digest of its bytes: each request is decoded once."""
    keys: list[bytes] = []
    digests: list[bytes] = []
    for entry in entries:
        request = entry.request
        keys.append(key(request))
        digests.append(raw_digest(request))
    return keys, digests


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


class _Translated:
    """The border at which OSError becomes `StoreError`."""

    def __init__(self, place: str) -> None:
        self._place = place

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError):
            raise StoreError(
                f"Cannot write the cassette {self._place}: {error.strerror or error}.",
                remedy="Make the folder writable (or free some space) and run again.",
                path=self._place,
            ) from error


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


def _read(path: Path) -> bytes | None:
    """The file's bytes, or None where there is no such file. Raises `StoreError`."""
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


def _replace(path: Path, data: bytes, *, sync: bool) -> None:
    """Put `data` in the file's place. Raises `StoreError`."""
    try:
        put_in_place(path, data, synced=sync)
    except OSError as error:
        raise StoreError(
            f"Cannot write {path}: {error.strerror or error}.",
            remedy="Make the folder writable (or free some space) and run again.",
            path=str(path),
        ) from error


def _is_other_case(path: Path) -> bool:
    """Whether, on a file system that folds case, the file of that name belongs to another spelling."""
    if sys.platform not in ("darwin", "win32") or not path.exists():
        return False
    return path.name not in os.listdir(path.parent)

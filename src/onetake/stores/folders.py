"""A store of cassette files as a whole: one folder, or every `cassettes/` of a project.

In a folder `tests/cassettes/` a file `test_a/test_one.json` is the cassette `tests/test_a/test_one`.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct

from onetake.errors import CassetteError, StoreError, UsageError
from onetake.formats.blobs import blobs_named
from onetake.stores import vcr_files
from onetake.stores.file_names import cassette_files, check_name, name_in
from onetake.stores.files import FileCassette
from onetake.stores.locks import locked
from onetake.stores.names import file_safe
from onetake.stores.port import Anew, Capacity, CassetteStore, Rewritten
from onetake.stores.shelf import Kept, blobs_named_by
from onetake.stores.whole_files import read_text, replace_file
from onetake.stores.within import check_within

_SKIPPED = {"node_modules", "site-packages", "__pycache__", "venv", "build", "dist"}
_TOKENS = ".flushed"
BLOB_AGE_S = 86_400.0  # of a folder on a shared disk, the locks of other machines are not seen


class _Place(Struct, frozen=True):
    """The file of a cassette, the folder with its blobs, and the test's own name if it is in the file."""

    path: Path
    blobs: Path
    raw: str | None


class FolderShelf:
    """The cassettes in `folder`, or in every `cassettes/` below `root`.

    Tokens are lines of the file `.flushed` in the folder (or in `cassettes/` of the root), to be
    committed with what was taken away: so they are shared just as the recordings are.
    """

    def __init__(
        self, root: Path, folder: Path | None, cache: Path, *, keeps_vcr: bool = False
    ) -> None:
        """`keeps_vcr` as `FileCassette` has it."""
        self._keeps_vcr = keeps_vcr
        self._root = root
        self._folder = folder
        self._cache = cache
        self._places: dict[str, _Place] | None = None  # as they were listed for the last time
        self.reads_at_once = 1
        self.place = str(folder) if folder is not None else f"cassettes/ below {root}"

    def names(self) -> list[str]:
        self._places = self._listed()
        return sorted(self._places)

    def _listed(self) -> dict[str, _Place]:
        places: dict[str, _Place] = {}
        for folder, prefix in self._folders():
            check_within(folder, self._folder or self._root)
            for path in cassette_files(folder):
                raw = name_in(path)
                below = path.relative_to(folder)
                stem = vcr_files.base_of(path)
                name = "/".join((*prefix.parts, *below.parts[:-1], raw or stem))
                if name in places:  # two folders may give the same
                    name = path.relative_to(self._root).with_name(stem).as_posix()
                places[name] = _Place(path, folder / "blobs", raw)
        return places

    def where(self, name: str) -> str:
        path = self._place(name).path
        return str(path.relative_to(self._root) if path.is_relative_to(self._root) else path)

    def recordings(self, name: str) -> list[Kept]:
        return [Kept(stored, len(stored.raw)) for stored in self._named(name).recordings()]

    def remove(self, name: str, recordings: Sequence[Kept]) -> int:
        return self._named(name).remove(Counter(one.stored.raw for one in recordings))

    def cassette(self, name: str) -> CassetteStore:
        return self._named(name)

    def rewrite(self, name: str, anew: Anew) -> Rewritten:
        return self._named(name).rewrite(anew)

    def replaced(self, name: str) -> list[bytes]:  # noqa: ARG002
        return []

    def finish_rewriting(self, names: Collection[str], blobs: Collection[str]) -> list[str]:  # noqa: ARG002
        return forget_blobs(map(Path, blobs))

    def cassette_at(self, path: Path, raw: str | None) -> FileCassette:
        """Return the cassette of a file, which need not exist; `raw` is its test's name where it differs."""
        within = [one for one in path.parents if one == self._folder or one.name == "cassettes"]
        folder = within[0] if within else path.parent
        return self._cassette(_Place(path, folder / "blobs", raw))

    def _named(self, name: str) -> FileCassette:
        place = self._place(name)
        if not _is_text(name):
            path = str(place.path).encode("utf-8", "backslashreplace").decode()
            raise CassetteError(
                f"The name of {path} is no UTF-8.", remedy="Give the file another name.", path=path
            )
        return self._cassette(place)

    def _cassette(self, place: _Place) -> FileCassette:
        if place.raw is None:
            return self._held(place.path, place)
        # Under the name that its writers lock, which is not its own where that was taken.
        held = self._held(place.path.with_name(f"{file_safe(place.raw)}.json"), place)
        return held if held.path == place.path else self._held(place.path, place)

    def _held(self, path: Path, place: _Place) -> FileCassette:
        return FileCassette(
            path, place.blobs, cache=self._cache, raw_name=place.raw, keeps_vcr=self._keeps_vcr
        )

    def once(self, token: str) -> bool:
        path = (self._folder or self._root / "cassettes") / _TOKENS
        with locked(path):
            used = read_text(path).decode("utf-8", "replace").splitlines()
            if token in used:
                return False
            replace_file(path, "".join(f"{one}\n" for one in (*used, token)).encode())
            return True

    def capacity(self) -> Capacity | None:
        return None  # as large as the disk

    def waiting(self) -> dict[str, int]:
        return {}

    def deliver(self) -> None: ...

    # Blobs.

    def blobs(self) -> list[Path]:
        """The files of all blobs."""
        return [path for folder, _ in self._folders() for path in _blob_files(folder)]

    def unnamed_blobs(self, *, besides: Sequence[Kept] = ()) -> list[str]:
        gone = blobs_named_by(besides)
        found = (one for folder, _ in self._folders() for one in _unnamed_blobs(folder, gone))
        return list(map(str, found))

    def unnamed_blobs_now(self) -> list[str]:
        """Return the blobs that no file names at this moment; a writer may be about to."""
        found: list[str] = []
        for folder, _ in self._folders():
            files = _blob_files(folder)
            named = _named_blobs(folder) if files else Counter()
            found += (str(path) for path in files if not named[path.name])
        return found

    def remove_unnamed_blobs(self) -> list[str]:
        """A writer who is about to name a blob again holds the lock until it has."""
        gone: list[str] = []
        for folder, _ in self._folders():
            if not _unnamed_blobs(folder):
                continue
            with locked(folder / "blobs"):
                for path in _unnamed_blobs(folder):
                    path.unlink(missing_ok=True)
                    gone.append(str(path))
                with suppress(OSError):  # not empty
                    (folder / "blobs").rmdir()
        return gone

    # Places.

    def _folders(self) -> Iterator[tuple[Path, Path]]:
        """Each folder of cassettes, and the path that begins the names of what is in it."""
        if self._folder is not None:
            yield self._folder, Path()
            return
        for folder in cassette_folders(self._root):
            yield folder, folder.parent.relative_to(self._root)

    def _place(self, name: str) -> _Place:
        if self._places is None:
            self._places = self._listed()
        return self._places.get(name) or self._new(name)

    def _new(self, name: str) -> _Place:
        """Where the test or program that uses this name will look for it."""
        check_name(name)
        parts = name.split("/")
        for at in range(len(parts) - 1):
            module = self._root.joinpath(*parts[:at], f"{parts[at]}.py")
            if all(parts[: at + 1]) and module.is_file():
                raw = "/".join(parts[at + 1 :])
                folder, below = self._folder_for(Path(*parts[:at]))
                path = folder / below / parts[at] / f"{file_safe(raw)}.json"
                if self._is_hidden(path, folder):
                    raise _refused(name)
                return _Place(path, folder / "blobs", raw if raw != path.stem else None)
        sizes = [len(part.encode("utf-8", "ignore")) for part in parts]
        folder, _ = self._folder_for(Path())
        path = folder / f"{name}.json"
        is_bad = Path(name).is_absolute() or min(sizes) == 0 or max(sizes) >= 250
        if is_bad or not _is_text(name) or self._is_hidden(path, folder):
            raise _refused(name)
        return _Place(path, folder / "blobs", None)

    def _is_hidden(self, path: Path, folder: Path) -> bool:
        """Whether a file in `folder` would be found by no listing."""
        parts = path.relative_to(self._folder or self._root).parts
        return "blobs" in path.relative_to(folder).parts[:-1] or any(
            part.startswith(".") for part in parts
        )

    def _folder_for(self, directory: Path) -> tuple[Path, Path]:
        if self._folder is not None:
            return self._folder, directory
        return self._root / directory / "cassettes", Path()


def _refused(name: str) -> UsageError:
    return UsageError(
        f"The cassette name {name[:200]!r} is refused.",
        remedy="No file below a folder of cassettes can have it.",
    )


def _is_text(name: str) -> bool:
    """Not so with the name of a file in another coding than UTF-8."""
    return name.encode("utf-8", "ignore").decode() == name


def cassette_folders(root: Path) -> Iterator[Path]:
    """Every folder `cassettes` in a project, in order."""
    for where, folders, _ in os.walk(root):
        folders[:] = sorted(
            one for one in folders if one not in _SKIPPED and not one.startswith(".")
        )
        if "cassettes" in folders:
            folders.remove("cassettes")
            yield Path(where, "cassettes")


def _blob_files(folder: Path) -> list[Path]:
    """Raises `CassetteError` where they lie elsewhere: nothing is taken away there."""
    check_within(folder / "blobs", folder)
    return sorted((folder / "blobs").glob("sha256-*"))


def forget_blobs(paths: Iterable[Path]) -> list[str]:
    """Take away those of the blobs that no file around their folder names any more; which.

    A writer who is about to name one again holds the lock until it has.
    """
    gone: list[str] = []
    for folder, files in groupby(sorted(paths), lambda one: one.parent):
        with locked(folder):
            named = _named_blobs(folder.parent)
            for path in files:
                if not named[path.name]:
                    path.unlink(missing_ok=True)
                    gone.append(str(path))
    return gone


def _unnamed_blobs(folder: Path, gone: Mapping[str, int] = MappingProxyType({})) -> list[Path]:
    latest = time.time() - BLOB_AGE_S
    found: list[Path] = []
    for path in _blob_files(folder):
        with suppress(OSError):
            if path.stat().st_mtime <= latest:
                found.append(path)
    named = _named_blobs(folder) if found else Counter()
    return [path for path in found if named[path.name] <= gone.get(path.name, 0)]


def _named_blobs(folder: Path) -> Counter[str]:
    """How often, by any file at all, whichever program wrote it. Raises `StoreError`."""
    named: Counter[str] = Counter()
    for where, folders, files in os.walk(folder, onerror=_unreadable):
        folders[:] = [one for one in folders if one != "blobs"]
        for file in files:
            text = read_text(Path(where, file))
            named.update(blobs_named(text))
    return named


def _unreadable(error: OSError) -> None:
    raise StoreError(
        f"Cannot read {error.filename}: {error.strerror}.",
        remedy="Make the folder readable.",
        path=str(error.filename),
    )

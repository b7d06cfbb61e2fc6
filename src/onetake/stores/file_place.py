"""The file of a cassette, and what may be read and written beside it.

A cassette has a plain name, which may belong to another test, to another spelling or to a cassette of vcrpy;
then its file has another name. Who looks for the file reads it on the way, so that it is read once.
"""

from __future__ import annotations

import hashlib
import os
import sys
from functools import cached_property, lru_cache
from pathlib import Path

from onetake.errors import CassetteError, OnetakeError
from onetake.formats.blobs import blob_name
from onetake.formats.document import Document, parse
from onetake.stores import vcr_files
from onetake.stores.whole_files import read_file
from onetake.stores.within import check_read, check_within, is_below


class FilePlace:
    """The place of a cassette that was asked for at the path `named`.

    No link leads out of its base: the project, which holds `cache`, or a folder elsewhere that settings name.
    `raw_name` is the test's own name where the file name is a safe form of it. With `keeps_vcr` a new cassette
    is one of vcrpy's.
    """

    def __init__(
        self, named: Path, blobs: Path, *, cache: Path, raw_name: str | None, keeps_vcr: bool
    ) -> None:
        self.plain = vcr_files.own_path(named)
        self.blobs = blobs
        self._named = named
        self._cache = cache
        self._raw_name = raw_name
        self._keeps_vcr = keeps_vcr
        self._looked_at: tuple[Path, bytes | None] | None = (
            None  # to find the path, and not read since
        )

    @cached_property
    def _base(self) -> Path:
        return _base_of(*map(_folder_of, (self._named, self.blobs, self._cache)))

    @cached_property
    def path(self) -> Path:
        """The file in which the recordings lie; where none is there, that of the first one to come."""
        own = self.own_path
        if self._is_there(own) or (own != self.plain and self._named == self.plain):
            return own
        for path in dict.fromkeys((os.fspath(self._named), *vcr_files.twins(self.plain))):
            if os.path.exists(path):
                return Path(path)
        if not self._keeps_vcr:
            return own
        return self._named if self._named != own else Path(vcr_files.twins(own)[0])

    def _is_there(self, path: Path) -> bool:
        if self._looked_at is not None and self._looked_at[0] == path:
            return self._looked_at[1] is not None
        return path.exists()

    @cached_property
    def own_path(self) -> Path:
        """The plain name, or with 8 hex digits where that file belongs to a test of another name.

        Also where the cassette was named as a file of vcrpy's, and what lies beside it is none of ours.
        """
        if _is_other_case(self.plain):
            return self._other_path
        text = self.read(self.plain)
        self._looked_at = self.plain, text
        if text is None:
            is_other = self._raw_name and self._other_path.exists()
            return self._other_path if is_other else self.plain
        if self._named != self.plain and vcr_files.is_unrelated(text):
            is_cassette = vcr_files.is_theirs(self.plain, text) and not self._named.exists()
            return self.plain if is_cassette else self._other_path
        if self._raw_name is None and b'"name"' not in text[:64]:
            return self.plain
        if vcr_files.is_theirs(self.plain, text):
            return self.plain
        owner = self.parse(text, self.plain).name or self.plain.stem
        return self.plain if owner == self._wanted else self._other_path

    @property
    def _wanted(self) -> str:
        return self._raw_name or self.plain.stem

    @property
    def _other_path(self) -> Path:
        digest = hashlib.blake2b(self._wanted.encode("utf-8", "surrogatepass"), digest_size=4)
        return self.plain.with_name(f"{self.plain.stem}-{digest.hexdigest()}.json")

    @cached_property
    def id(self) -> str:
        own = os.fsencode(os.path.abspath(self.own_path))
        return hashlib.blake2b(own, digest_size=10).hexdigest()

    def forget(self) -> None:
        """Look for the file anew: another writer may have taken the plain name meanwhile."""
        self._looked_at = None
        self.__dict__.pop("path", None)
        self.__dict__.pop("own_path", None)

    def __str__(self) -> str:
        try:
            return str(self.path)
        except OnetakeError:
            return str(self.plain)

    def text(self) -> bytes | None:
        """Return what the cassette's file holds; None where there is none. Raises as `read` does."""
        path, looked_at = self.path, self._looked_at
        self._looked_at = None
        return looked_at[1] if looked_at and looked_at[0] == path else self.read(path)

    def read(self, path: Path) -> bytes | None:
        """Return what `path` holds, None where there is no such file.

        Raises `CassetteError` for a file elsewhere, `StoreError` for one that cannot be read.
        """
        check_read(path, _readable_base_of(_folder_of(path), self._base))
        return read_file(path)

    def document(self, path: Path, text: bytes) -> Document:
        """Return the document of a cassette, of ours or of vcrpy. Raises `CassetteError`."""
        if vcr_files.is_theirs(path, text):
            return vcr_files.read_document(path, text)
        return self.parse(text, path)

    def parse(self, text: bytes, path: Path) -> Document:
        """Return the document that `text` is. Raises `CassetteError`."""
        return parse(text, str(path), self.blob)

    def blob(self, name: str) -> bytes:
        """Return a blob by its name, from the cassette's folder of blobs or one further up.

        Raises `CassetteError` where no blob of that name has the bytes that its name says, and as `read` does.
        """
        for folder in self.blob_folders():
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
            f"{self} needs the blob {name}, which is not in {self.blobs}.",
            remedy="Restore it from version control, or record anew.",
            path=str(self),
        )

    def blob_folders(self) -> list[Path]:
        """Return the folders in which blobs of the cassette may lie, the nearest first."""
        further = (parent / "blobs" for parent in self.plain.parents[:3])
        return list(dict.fromkeys((self.blobs, *further)))

    def _read_blob(self, path: Path) -> bytes | None:
        base = self._base if is_below(path, self._base) else path.parent.parent
        check_within(path, base)
        return read_file(path)

    def check_writable(self) -> None:
        """Raise `CassetteError` where a link leads what is written elsewhere."""
        check_within(self.plain, self._base)
        check_within(
            self.blobs, self._base if is_below(self.blobs, self._base) else self.blobs.parent
        )


def _folder_of(path: Path) -> str:
    """Return the absolute name of the folder of `path`, which holds where the working directory changes."""
    name = os.fspath(path)
    return os.path.dirname(name if os.path.isabs(name) else os.path.abspath(name))


@lru_cache(maxsize=1024)  # every test of a module has the same
def _base_of(folder: str, blobs: str, project: str) -> Path:
    return Path(project if is_below(folder, project) else blobs)


@lru_cache(maxsize=1024)
def _readable_base_of(folder: str, base: Path) -> Path:
    return base if is_below(folder, base) else Path(folder)


def _is_other_case(path: Path) -> bool:
    """Return whether, on a file system that folds case, the file of that name belongs to another spelling."""
    if sys.platform not in ("darwin", "win32") or not path.exists():
        return False
    return path.name not in os.listdir(path.parent)

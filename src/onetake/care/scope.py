"""Where recordings lie: the files and cassettes that a command is to look at."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from onetake.care.selection import Selection
from onetake.care.workplace import Workplace
from onetake.config import is_local
from onetake.errors import UsageError
from onetake.formats.foreign import GZIP
from onetake.formats.reading import VCR, recognised
from onetake.stores import vcr_files
from onetake.stores.folders import FolderShelf, cassette_folders
from onetake.stores.journal import every_journal
from onetake.stores.private import read_regular

_SUFFIXES = (".json", ".jsonl", ".yml", ".har", *vcr_files.SUFFIXES, vcr_files.BACKUP)
_NOT_OURS = {"node_modules", "site-packages", "__pycache__"}
_BLOBS = "blobs"  # looked at with what names them
_NO_RECORDINGS = (".py", ".pyi", ".ipynb", ".md", ".rst")
_CACHE, _CASSETTES = ".onetake", "cassettes"
_HEAD_SIZE = 1 << 16  # bytes, as far as a recording is told by its content


class Scope(Struct, frozen=True):
    """What is looked at: files, and cassettes of a shared store by their names."""

    files: list[Path]
    names: list[str]


def scope_of(place: Workplace, words: Sequence[str]) -> Scope:
    """What `words` name: files, folders, cassettes; without any, all that the project keeps.

    Raises `UsageError` for a word that names nothing.
    """
    files, names = list[Path](), list[str]()
    for word in words:
        path = place.here / word
        if path.is_dir():
            files += _files_in(path, place.root)
        elif path.exists() or path.is_symlink():
            files.append(path)
        elif is_local(place.settings.store):
            files += place.named(word)
        else:
            shelf, wanted = place.shelf, Selection(patterns=(word,))
            named = [one for one in shelf.names() if one == word]
            named = named or [one for one in shelf.names() if wanted.fits_name(one)]
            if not named:
                raise UsageError(
                    f"There is no cassette {word!r} in {shelf.place}, and no such file.",
                    remedy="See: onetake ls",
                )
            names += named
    if not words:
        if is_local(place.settings.store):
            files += _project_files(place)
        else:
            names += place.shelf.names()
        files += every_journal(place.cache)
    return Scope(list(dict.fromkeys(files)), list(dict.fromkeys(names)))


def _project_files(place: Workplace) -> Iterator[Path]:
    """Cassettes, what lies beside them, blobs that none of them names, and recordings anywhere else."""
    yield from place.cassettes()
    store = place.settings.store.removeprefix("files:")
    for folder in [place.root / store] if store else cassette_folders(place.root):
        yield from _files_in(folder, place.root)
    yield from map(Path, folder_shelf(place).unnamed_blobs_now())
    yield from filter(_is_recording, _walked(place.root))


def folder_shelf(place: Workplace) -> FolderShelf:
    """The files of the project, whichever its store is."""
    store = place.settings.store
    folder = place.root / store.removeprefix("files:") if store.startswith("files:") else None
    return FolderShelf(place.root, folder, place.cache)


def _files_in(folder: Path, root: Path) -> Iterator[Path]:
    """Those that may be recordings, by their names; below `cassettes` all, as serializers have their own."""
    for path in _walked(folder):
        below = path.relative_to(root) if path.is_relative_to(root) else path
        is_ours = path.name.endswith(_SUFFIXES) or _CACHE in below.parts
        if is_ours or (_CASSETTES in below.parts[:-1] and not path.name.startswith(".")):
            yield path


def _walked(folder: Path) -> Iterator[Path]:
    """Nothing that is hidden but what onetake keeps, and no packages that others have written."""
    if folder.name == _CACHE:
        yield from every_journal(folder)
        return
    for where, folders, files in os.walk(folder):
        if _CACHE in folders:
            yield from every_journal(Path(where, _CACHE))
        folders[:] = sorted(one for one in folders if one != _BLOBS and is_walked(Path(where, one)))
        yield from (Path(where, name) for name in sorted(files))


def _is_recording(path: Path) -> bool:
    """Whether a file begins as one, whatever it is called."""
    if path.suffix in _NO_RECORDINGS:
        return False
    try:
        head = read_regular(path, limit=_HEAD_SIZE)
    except OSError:
        return False
    format_name = recognised(head, str(path))
    if format_name != VCR or head.startswith(GZIP):
        return bool(format_name)
    return b"request" in head  # other programs have lists of interactions too


def is_walked(folder: Path) -> bool:
    """Whether a folder is the project's own: not hidden, no packages, no virtual environment."""
    name = folder.name
    return not (name.startswith(".") or name in _NOT_OURS or (folder / "pyvenv.cfg").exists())

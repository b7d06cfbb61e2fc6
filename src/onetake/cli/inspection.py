"""What `scan` and `scrub` look at, and the secrets that they find there: places and kinds, never values."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from shlex import quote

from msgspec import Struct
from msgspec.structs import replace

from onetake.care.selection import Selection
from onetake.care.side_by_side import Showing, side_by_side
from onetake.care.workplace import Workplace
from onetake.cli.printing import fitted
from onetake.config import is_local, named_store
from onetake.diagnosis import one_line
from onetake.diagnosis.unredacted import Cleaner, holds_secrets, in_text
from onetake.errors import CassetteError, OnetakeError, RedactionError, UsageError
from onetake.formats.document import encode_interaction
from onetake.formats.foreign import GZIP, looks_like
from onetake.formats.reading import (
    JOURNAL,
    NATIVE,
    VCR,
    Entry,
    entry_of,
    read_entries,
    recognised,
)
from onetake.formats.vcr_text import unpacked
from onetake.messages import Interaction
from onetake.recorder.principals import names_in
from onetake.redaction import Redactor, Values, kinds_in_name
from onetake.reports.terminal import of_noun
from onetake.runtime.secrets import known_values, safe_bytes, safe_name
from onetake.stores import vcr_files
from onetake.stores.files import blobs_beside
from onetake.stores.folders import FolderShelf, cassette_folders
from onetake.stores.journal import every_journal
from onetake.stores.private import read_regular
from onetake.stores.within import check_within, is_below

_SUFFIXES = (".json", ".jsonl", ".yml", ".har", *vcr_files.SUFFIXES, vcr_files.BACKUP)
_NOT_OURS = {"node_modules", "site-packages", "__pycache__"}
_BLOBS = "blobs"  # looked at with what names them
_NO_RECORDINGS = (".py", ".pyi", ".ipynb", ".md", ".rst")
_CACHE, _CASSETTES = ".onetake", "cassettes"
_HEAD_SIZE = 1 << 16  # bytes, as far as a recording is told by its content
_BLOB = re.compile(r"sha256-[0-9a-f]{64}")
_REQUEST = 60  # characters of its line that are shown
_UNKNOWN = "secret"
_ITS_NAME = "in its name"
_RENAME = "rename it, or record it anew in a test whose parameter has an id"
_REPLACED = "a recording that was replaced"


class Leak(Struct, frozen=True, kw_only=True):
    """A secret of a `kind` in the `place`, a file or a cassette.

    In a recording `interaction` is its number and `path` where it stands ("" in one that cannot be read),
    else `line` is that of the file, or `path` says that it stands in its name. `remedy` is the command that
    takes it out, or a sentence.
    """

    place: str
    kind: str
    remedy: str
    interaction: int | None = None
    request: str = ""
    path: str = ""
    line: int | None = None

    @property
    def is_in_recording(self) -> bool:
        """Whether it stands in one that can be read, and so written anew."""
        return self.interaction is not None and bool(self.path)


class Looked(Struct, frozen=True):
    """What was found in one place: also how many recordings it holds, and what of it cannot be read."""

    place: str
    format: str
    leaks: list[Leak]
    interactions: int = 0
    problems: list[str] = []
    """What, and what there is to do."""
    anew: dict[int, Interaction] = {}
    """Of the recordings, by their places, those that are written anew to take the secrets out."""

    @property
    def is_rewritten_alone(self) -> bool:
        """Whether all that was found stands in recordings that can be written anew."""
        return all(leak.is_in_recording for leak in self.leaks)


class Inspection:
    """With the settings of the project, and what its environment holds now."""

    def __init__(self, place: Workplace) -> None:
        self._place = place

    @cached_property
    def values(self) -> Values:
        return known_values()

    @cached_property
    def _credentials(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        places = [one for rule in self._place.settings.rules for one in rule.credential_paths]
        return names_in(places, "header"), names_in(places, "query")

    def anew(self, entries: Sequence[Entry]) -> dict[int, Interaction]:
        """Those of a cassette's recordings that are to be written anew. Raises `RedactionError`."""
        return self._looked("", "", entries, "").anew

    def of_text(self, text: bytes) -> bytes:
        """A line that no reader understands, without its secrets."""
        return safe_bytes(text)

    def file(self, path: Path) -> Looked:
        """Never raises: what cannot be read is told in the problems."""
        return self._named(self._file(path))

    def _named(self, found: Looked) -> Looked:
        """With the secrets in the name of the place, which nothing shows then."""
        kinds = kinds_in_name(found.place, self.values)
        if not kinds:
            return found
        place = safe_name(found.place)
        named = [Leak(place=place, kind=kind, path=_ITS_NAME, remedy=_RENAME) for kind in kinds]
        leaks = [replace(one, place=place, remedy=safe_name(one.remedy)) for one in found.leaks]
        problems = list(map(safe_name, found.problems))
        return replace(found, place=place, leaks=[*named, *leaks], problems=problems)

    def _file(self, path: Path) -> Looked:
        shown = self._place.shown(path)
        try:
            self._check_within(path)
            data = read_regular(path)
        except CassetteError as error:
            return Looked(shown, "", [], problems=[_told(error)])
        except OSError as error:
            problem = f"Cannot read {shown}: {error.strerror or error}."
            return Looked(shown, "", [], problems=[problem])
        format_name = ""
        try:
            format_name = recognised(data, str(path))
            data = _plain(path, shown, data)
            if format_name:
                entries = read_entries(data, str(path), blobs_beside(path))
                if format_name in (NATIVE, JOURNAL):
                    return self._looked(
                        shown, format_name, entries, f"onetake scrub {quote(shown)}"
                    )
                if format_name == VCR:
                    return self._foreign(
                        shown, format_name, entries, data, f"onetake scrub {quote(shown)}"
                    )
                found = self._foreign(shown, format_name, entries, data, _import_of(shown))
                return replace(found, anew={})
        except OnetakeError as error:
            leaks = self._in_text(shown, data, f"{error.remedy} Then: onetake scrub {quote(shown)}")
            return Looked(shown, format_name, leaks, problems=[_told(error)])
        return Looked(shown, "", self._in_text(shown, data, _remedy_of(path, shown, data)))

    def _foreign(
        self, shown: str, format_name: str, entries: Sequence[Entry], data: bytes, remedy: str
    ) -> Looked:
        """Of a file of another program, which may hold more than its recordings."""
        found = self._looked(shown, format_name, entries, remedy)
        kinds = {leak.kind for leak in found.leaks}
        rest = [one for one in self._in_text(shown, data, remedy) if one.kind not in kinds]
        return replace(found, leaks=[*found.leaks, *rest])

    def _check_within(self, path: Path) -> None:
        """Raises `CassetteError` where a link leads out of the project, or of the folder of its store."""
        store = self._place.settings.store
        kept = (
            [self._place.root / store.removeprefix("files:")] if store.startswith("files:") else []
        )
        for base in (*kept, self._place.root):
            if is_below(path, base):
                check_within(path, base)
                return

    def cassette(self, name: str) -> Looked:
        """One of the project's store. Raises `StoreError`, and nothing else."""
        return self._named(self._cassette(name))

    def _cassette(self, name: str) -> Looked:
        shelf = self._place.shelf
        place = shelf.where(name)
        remedy = scrub_command(self._place, name)
        try:
            entries = [entry_of(one.stored) for one in shelf.recordings(name)]
            found = self._looked(place, NATIVE, entries, remedy)
            replaced = shelf.replaced(name)
        except (CassetteError, RedactionError, UsageError) as error:
            return Looked(place, NATIVE, [], problems=[_told(error)])
        if not found.leaks and entries:
            kinds = {one.kind for text in replaced for one in in_text(text, self.values)}
            found.leaks.extend(
                Leak(place=place, kind=kind, path=_REPLACED, interaction=1, remedy=remedy)
                for kind in sorted(kinds)
            )
            if kinds:
                found.anew[0] = entries[0].read()
        return found

    def leaks_of(self, name: str, held: Mapping[int, Interaction]) -> list[Leak]:
        """Those in recordings of a cassette of the project's store, by their numbers in it.

        Raises `RedactionError`.
        """
        entries = [Entry(partial(_as_it_is, one)) for one in held.values()]
        place, numbers = self._place.shelf.where(name), list(held)
        found = self._looked(place, "", entries, scrub_command(self._place, name)).leaks
        return [replace(one, interaction=numbers[(one.interaction or 1) - 1]) for one in found]

    def _looked(
        self, place: str, format_name: str, entries: Sequence[Entry], remedy: str
    ) -> Looked:
        numbers, interactions = list[int](), list[Interaction]()
        leaks, problems, anew = list[Leak](), list[str](), dict[int, Interaction]()
        for at, entry in enumerate(entries):
            try:
                interactions.append(entry.read())
                numbers.append(at)
            except CassetteError as error:
                problems += [] if entry.is_torn else [_told(error)]
                what = remedy if entry.is_torn else "repair it, or take it out by hand"
                leaks += self._in_text(place, entry.text, what, at + 1)
        cleaner = Cleaner(self._place.matcher, Redactor(*self._credentials, self.values))
        for at, before, one in zip(numbers, interactions, cleaner.clean(interactions), strict=True):
            paths = [(found.path, found.kind) for found in one.found]
            if not paths and self._is_stale(entries[at].text, before):
                paths = [("what is kept beside its bodies", _UNKNOWN)]
            for path, kind in paths:
                anew[at] = one.interaction
                leaks.append(
                    Leak(
                        place=place,
                        kind=kind,
                        interaction=at + 1,
                        request=one.interaction.request.line,
                        path=path,
                        remedy=remedy,
                    )
                )
        return Looked(place, format_name, leaks, len(entries), problems, anew)

    def _is_stale(self, text: bytes, interaction: Interaction) -> bool:
        """Whether a secret stands in the text of a recording that holds none, as after an edit by hand."""
        if not holds_secrets(text, self.values):
            return False
        return not holds_secrets(encode_interaction(interaction, {}), self.values)

    def _in_text(
        self, place: str, data: bytes, remedy: str, number: int | None = None
    ) -> list[Leak]:
        return [
            Leak(
                place=place,
                kind=one.kind,
                interaction=number,
                line=one.line if number is None else None,
                remedy=remedy,
            )
            for one in in_text(data, self.values)
        ]


def _told(error: OnetakeError) -> str:
    return f"{error.message} {error.remedy}".rstrip()


def _as_it_is(interaction: Interaction) -> Interaction:
    return interaction


def scrub_command(place: Workplace, name: str) -> str:
    """What takes the secrets out of a cassette of the project's store."""
    if is_local(place.settings.store):
        return f"onetake scrub {quote(place.shown(place.root / place.shelf.where(name)))}"
    store = f" --store {quote(named_store(place.given_store))}" if place.given_store else ""
    return f"onetake scrub {quote(name)}{store}"


def is_blob(path: Path) -> bool:
    return path.parent.name == "blobs" and _BLOB.fullmatch(path.name) is not None


def _plain(path: Path, shown: str, data: bytes) -> bytes:
    """Without gzip. A blob may begin as one by chance. Raises `CassetteError`."""
    try:
        return unpacked(data, shown)
    except CassetteError:
        if is_blob(path):
            return data
        raise


def _remedy_of(path: Path, shown: str, data: bytes) -> str:
    if is_blob(path):
        return "onetake scrub, which takes it away with what names it"
    if looks_like(data):
        return _import_of(shown)
    return "take it out by hand"


def _import_of(shown: str) -> str:
    return f"onetake import {quote(shown)}, which makes a cassette without secrets of it"


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


def look_at(
    place: Workplace, scope: Scope, showing: Showing
) -> Iterator[tuple[Path | str, Looked]]:
    """Everything, one after another; of a store that is far away some at once."""
    inspection = Inspection(place)
    inspection.values  # noqa: B018 - read once, before threads do

    def at(one: Path | str) -> tuple[Path | str, Looked]:
        return one, inspection.file(one) if isinstance(one, Path) else inspection.cassette(one)

    everything: list[Path | str] = [*scope.files, *scope.names]
    at_once = place.shelf.reads_at_once if scope.names else 1
    return showing(side_by_side(at, everything, at_once), len(everything), "Looking")


def line_of_leak(leak: Leak, *, with_remedy: bool = True) -> str:
    """One line: where, what, and what takes it out."""
    where = f"{leak.place}:{leak.line}" if leak.line is not None else leak.place
    if leak.interaction is not None:
        where += f", interaction {leak.interaction}"
    if leak.request:
        where += f", {fitted(leak.request, _REQUEST)}"
    if leak.path:
        where += f", {leak.path}"
    return one_line(f"{where}: {leak.kind}" + (f" ({leak.remedy})" if with_remedy else ""))


def of_unread(looked: Collection[Looked]) -> str:
    """`, but not everything could be read (in 1 of 3 places)`; nothing where it could."""
    number = sum(bool(one.problems) for one in looked)
    if not number:
        return ""
    places = of_noun(len(looked), "place")
    return f", but not everything could be read (in {number} of {places})"

"""The secrets that lie in recordings: their places and kinds, never their values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from shlex import quote

from msgspec import Struct
from msgspec.structs import replace

from onetake.care.scope import Scope
from onetake.care.side_by_side import Showing, side_by_side
from onetake.care.workplace import Workplace
from onetake.config import is_local, named_store
from onetake.diagnosis.unredacted import Cleaner, holds_secrets, in_text
from onetake.errors import CassetteError, OnetakeError, RedactionError, UsageError
from onetake.formats.document import encode_interaction
from onetake.formats.foreign import looks_like
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
from onetake.runtime.secrets import known_values, safe_bytes, safe_name
from onetake.stores.files import blobs_beside
from onetake.stores.private import read_regular
from onetake.stores.within import check_within, is_below

_BLOB = re.compile(r"sha256-[0-9a-f]{64}")
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

    def of(self, one: Path | str) -> Looked:
        """Look at a file, or at the cassette of the project's store that has this name."""
        return self.file(one) if isinstance(one, Path) else self.cassette(one)

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


def look_at(
    place: Workplace, scope: Scope, showing: Showing
) -> Iterator[tuple[Path | str, Looked]]:
    """Everything, one after another; of a store that is far away some at once."""
    inspection = Inspection(place)
    inspection.values  # noqa: B018 - read once, before threads do

    def at(one: Path | str) -> tuple[Path | str, Looked]:
        return one, inspection.of(one)

    everything: list[Path | str] = [*scope.files, *scope.names]
    at_once = place.shelf.reads_at_once if scope.names else 1
    return showing(side_by_side(at, everything, at_once), len(everything), "Looking")

"""vcrpy's cassettes beside ours: where they lie, and how one is read in place and written.

What is read in place stays a tree, and becomes messages when it is asked for. Its requests are redacted as live
ones are before they are compared, so that a raw credential in it, or somebody's placeholder for it, is found by
any; its answers stay as they are. What is written anew for good, in our format, is redacted whole.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from onetake.cassettes.fold import Merge, Take
from onetake.errors import CassetteError
from onetake.formats.document import Document, Stored
from onetake.formats.foreign import conflict, is_vcr
from onetake.messages import Interaction
from onetake.runtime.secrets import known_values
from onetake.stores.locks import locked
from onetake.stores.placing import put_in_place
from onetake.stores.private import read_regular

if TYPE_CHECKING:
    from onetake.formats.reading import Entry

# What reads and makes them is imported late, as most projects have none.

SUFFIXES = (".yaml", ".yml", ".yaml.gz")
BACKUP = ".vcrpy"
"""What the name of one ends with that lay where the document of ours lies now."""
ORIGIN = "vcrpy"
"""What a document of ours says that began as a cassette of vcrpy."""

_OURS = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"onetake"\s*:')
_HEAD_SIZE = 8192


def base_of(path: Path) -> str:
    """Return the name of a cassette file without its suffix."""
    for suffix in (*SUFFIXES[::-1], ".json"):
        if path.name.endswith(suffix):
            return path.name[: -len(suffix)]
    return path.name


def is_vcr_name(name: str) -> bool:
    return name.endswith(SUFFIXES)


def own_path(path: Path) -> Path:
    """Where a cassette that was named as a file of vcrpy's has its document of ours.

    Whoever writes either of them holds the lock of this one.
    """
    return path.with_name(f"{base_of(path)}.json") if is_vcr_name(path.name) else path


def twins(path: Path) -> list[str]:
    """Return where vcrpy would have the cassette whose document of ours is `path`."""
    base = os.fspath(path).removesuffix(".json")
    return [] if base == os.fspath(path) else [base + suffix for suffix in SUFFIXES]


def is_own(text: bytes) -> bool:
    """Whether a text begins as a document of ours does, whatever its file is called."""
    return _OURS.match(text) is not None


def is_unrelated(text: bytes) -> bool:
    """Whether a text that lies where a document of ours would is somebody else's, and no broken one of ours."""
    return bool(text.strip()) and not is_own(text) and conflict(text, "") is None


def is_theirs(path: Path, text: bytes) -> bool:
    """Whether `text`, which lies in `path`, is to be read as vcrpy's."""
    return not is_own(text) and (is_vcr_name(path.name) or is_vcr(text))


def read_document(path: Path, text: bytes) -> Document:
    """Read vcrpy's cassette at `path`: each recording when it is wanted, its request redacted.

    Raises `CassetteError`, and `UsageError` without the extra.
    """
    from onetake.formats import vcr, vcr_text
    from onetake.formats.vcr_entry import VcrEntry
    from onetake.redaction import Redactor

    tree = vcr_text.read_tree(text, str(path))
    fit = Redactor().request
    entries: list[Stored] = [
        VcrEntry(partial(_itself, entry), (str(path), at), fit)
        for at, entry in enumerate(vcr.entries_of(tree, str(path)))
    ]
    return Document(None, entries, ORIGIN)


def _itself(entry: object) -> object:
    return entry


def fit_to_write(interactions: Iterable[Interaction]) -> list[Interaction]:
    """What was read in place as it may be written in our format."""
    from onetake.matching import paths_by_value
    from onetake.redaction import Redactor

    redactor = Redactor(values=known_values())
    safe: list[Interaction] = []
    for one in interactions:
        shaped = redactor.request(one.request)
        request = redactor.by_value(shaped)
        if request is not shaped:
            request = request.replace(by_value=paths_by_value(request))
        safe.append(redactor.interaction(one.replace(request=request)))
    return safe


def shown_text(entry: object, place: tuple[str, int]) -> bytes:
    """Return the text of an entry of a file as it may be shown, by which `onetake prune` finds it there."""
    from onetake.formats.document import encode_inline
    from onetake.formats.vcr_entry import VcrEntry

    (safe,) = fit_to_write([VcrEntry(partial(_itself, entry), place).interaction])
    return encode_inline(safe)


def looks_like_one(path: Path) -> bool:
    """Whether a file with a name as vcrpy gives them begins as its cassettes do, or may, as it is packed."""
    try:
        head = read_regular(path, limit=_HEAD_SIZE)
    except OSError:
        return False
    return path.suffix == ".gz" or is_own(head) or is_vcr(head) or head.lstrip()[:1] == b"{"


def expressible(takes: Sequence[Take]) -> tuple[list[Take], tuple[str, ...]]:
    """Return the takes that vcrpy's format can hold, and what there is to say of the others."""
    from onetake.formats import vcr

    fit = [take for take in takes if vcr.is_expressible(take.interaction)]
    lines = [take.interaction.request.line for take in takes if take not in fit]
    why = "vcrpy's format cannot hold an error of the network, so it is not recorded"
    return fit, tuple(f"{line}: {why}." for line in lines)


def with_takes(path: Path, text: bytes | None, merged: Merge, *, is_anew: bool) -> bytes:
    """The text of vcrpy's cassette at `path` with what is new; `is_anew` without what was in it.

    Everything else in it stays. Raises as `read_document`, and `UsageError` for what its form cannot hold.
    """
    from onetake.formats import vcr

    def change(entries: list[object]) -> list[object]:
        entries = [] if is_anew else list(entries)
        for i, take in merged.replacing.items():
            entries[i] = vcr.to_entry(take.interaction)
        return entries + [vcr.to_entry(take.interaction) for take in merged.added]

    return _changed(path, text, change)


def rewrite(path: Path, anew: Callable[[list[Entry]], Mapping[int, Interaction]]) -> int:
    """Put others in the place of interactions of the file, in its own format; how many.

    Under the lock of those who record into it, and whole or not at all. Raises `CassetteError`,
    `UsageError`, OSError.
    """
    from onetake.formats import vcr
    from onetake.formats.reading import read_entries

    with locked(own_path(path)):
        text = read_regular(path)
        changed = anew(read_entries(text, str(path), _no_blob))

        def change(entries: list[object]) -> list[object]:
            return [
                vcr.to_entry(changed[i]) if i in changed else entry
                for i, entry in enumerate(entries)
            ]

        if changed:
            put_in_place(path, _changed(path, text, change), synced=True)
        return len(changed)


def _no_blob(name: str) -> bytes:
    raise CassetteError(f"vcrpy has no blobs, such as {name}.")


def with_these(path: Path, text: bytes, places: Sequence[int]) -> bytes:
    """Return the file with those of its interactions that have these places."""
    return _changed(path, text, lambda entries: [entries[i] for i in places])


def _changed(
    path: Path, text: bytes | None, change: Callable[[list[object]], list[object]]
) -> bytes:
    from onetake.formats import vcr, vcr_text

    tree = None if text is None else vcr_text.read_tree(text, str(path))
    new = vcr.with_entries(tree, change(vcr.entries_of(tree, str(path))))
    is_json = path.suffix == ".json" or (text or b"").lstrip()[:1] == b"{"
    made = vcr_text.to_json(new) if is_json else vcr_text.to_yaml(new)
    if path.suffix != ".gz":
        return made
    import gzip

    return gzip.compress(made, mtime=0)

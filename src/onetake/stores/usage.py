"""Which recordings a run used: a line for each cassette, in the project's cache directory.

A recording lies unused only where every opening of its cassette left it so, over all workers and shards,
and only where each came to all of its calls. What nobody can know, such as what a part of a suite leaves
of a cassette that tests share, is never called unused: what is may be deleted on request.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePath

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from onetake.errors import StoreError
from onetake.stores import run_files, vcr_files
from onetake.stores.file_names import cassette_files
from onetake.stores.names import digest_of_text
from onetake.stores.private import read_private
from onetake.stores.within import below
from onetake.wire.late import late_decoder

_FORMAT = 1
_KEPT = 10  # runs
_HEAD_SIZE = 64  # bytes, in which a document says that it is one of ours
_FILES = "files:"
CHANGED = "changed"


class Usage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one opening used of its cassette, or several of them together.

    `place` is the file, or the URL and name; `cassette` its name in `store`, which is `files:FOLDER`, a
    URL, or empty for a cassette that is a file by its name. In a file of usages these are relative to the
    project's root. `passed` says that it came to all of its calls (a failed or skipped test may not
    have), `is_own` that the cassette is named after the test, so that no other opens it. `held` is how
    many recordings there were, `unused` the `digests` of those that answered nothing, `digest` that of all
    in their order (`CHANGED` where openings have seen different ones). One that `is_foreign` was opened
    through the interface of another program.
    """

    place: str
    cassette: str
    store: str
    tests: tuple[str, ...]
    passed: bool
    is_own: bool = False
    held: int = 0
    unused: tuple[str, ...] = ()
    digest: str = ""
    is_foreign: bool = False

    def with_another(self, other: Usage) -> Usage:
        """The union with `other` of the same cassette: unused is what both left."""
        left = set(other.unused)
        return replace(
            self,
            tests=tuple(dict.fromkeys((*self.tests, *other.tests))),
            passed=self.passed and other.passed,
            is_own=self.is_own and other.is_own,
            held=max(self.held, other.held),
            unused=tuple(name for name in self.unused if name in left),
            digest=same_digest(self.digest, other.digest),
            is_foreign=self.is_foreign or other.is_foreign,
        )


def same_digest(one: str, other: str) -> str:
    """What two openings say of a cassette; empty is what one does not know."""
    return (one or other) if one == other or not one or not other else CHANGED


class Usages(Struct, frozen=True, kw_only=True):
    """What one or several runs used, each cassette once.

    `is_whole`: they were all of the suite; `all_passed`: no test of theirs failed or was skipped;
    `lying`: their `neighbours` at the end of each run.
    """

    cassettes: tuple[Usage, ...] = ()
    is_whole: bool = False
    all_passed: bool = False
    lying: tuple[str, ...] = ()


class _Head(Struct, frozen=True):
    usage: int
    at: int
    is_whole: bool
    all_passed: bool
    lying: tuple[str, ...]


def is_near(store: str) -> bool:
    """Whether a store is of this machine; recordings of one elsewhere may be those of other branches."""
    return store.partition(":")[0] in ("", "files", "sqlite")


def digests(texts: Iterable[bytes]) -> Iterator[str]:
    """A name for each recording of a cassette, given their texts (`Stored.raw`) in order.

    It is the BLAKE2b digest of the text, 8 bytes as hex; the second of equal texts has `.2` behind it.
    """
    seen: Counter[str] = Counter()
    for text in texts:
        name = digest_of_text(text)
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name}.{seen[name]}"


def united(
    usages: Iterable[Usage], *, is_whole: bool, all_passed: bool, lying: Iterable[str] = ()
) -> Usages:
    """The union over all openings, cassette by cassette."""
    cassettes = tuple(
        one if one.passed and (is_whole or one.is_own) else replace(one, unused=())
        for one in by_cassette(usages)
    )
    return Usages(cassettes=cassettes, is_whole=is_whole, all_passed=all_passed, lying=tuple(lying))


def by_cassette(usages: Iterable[Usage]) -> list[Usage]:
    """The usages of each cassette as one."""
    found: dict[str, Usage] = {}
    for usage in usages:
        before = found.get(usage.place)
        found[usage.place] = usage if before is None else before.with_another(usage)
    return list(found.values())


def neighbours(usages: Iterable[Usage], root: Path) -> list[str]:
    """The places of cassette files that lie now in a folder named after a test module of the run.

    Others may be those of programs, of child processes, and of modules that the run left out. Files of vcrpy
    are among them where tests of the run have used others of the folder through vcrpy's interface, whose plugin
    names folders after modules too (`cassettes/test_module/`).
    """
    usages = list(usages)
    files = [one for one in usages if one.store.startswith(_FILES)]
    used = {one.place for one in files if one.held}
    modules = {PurePath(one.place).parent for one in files if one.is_own}
    of_vcr = {PurePath(one.place).parent for one in usages if _is_of_module(one)}
    return [
        place
        for module in sorted({*modules, *of_vcr})
        for path in cassette_files(root / module)
        if path.parent == root / module
        if (place := to_relative(path, root)) in used
        or (module in of_vcr if _is_theirs(path) else module in modules)
    ]


def _is_of_module(usage: Usage) -> bool:
    folder = PurePath(usage.place).parent
    return usage.is_foreign and folder.parent.name == "cassettes"


def _is_theirs(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as file:
        head = file.read(_HEAD_SIZE)
        return not vcr_files.is_own(head) and vcr_files.is_theirs(path, head + file.read())
    return False


def orphans(usages: Usages) -> list[str]:
    """The places of cassette files that lay among those of the run's tests and belonged to none.

    None is known but of a whole suite. Where a test failed or was skipped, fixtures may not have come
    to open theirs, and tests with cassettes of vcrpy may not have come to open any.
    """
    if not usages.is_whole:
        return []
    known = {one.place for one in usages.cassettes}
    left = [place for place in dict.fromkeys(usages.lying) if place not in known]
    if usages.all_passed:
        return left
    return [
        place
        for place in left
        if not PurePath(place).name.startswith("@") and not vcr_files.is_vcr_name(place)
    ]


def to_relative(path: Path | str, root: Path) -> str:
    """Name `path` as on every machine: from `root` on, with `/`. A path outside `root` stays whole."""
    return (below(path, root) or os.fspath(path)).replace(os.sep, "/")


def relative_to(usage: Usage, root: Path) -> Usage:
    """`usage` with files and folders below `root` named from there."""
    if not usage.store.startswith(_FILES) and usage.store:
        return usage
    place = to_relative(usage.place, root)
    folder = to_relative(usage.store.removeprefix(_FILES), root)
    return replace(usage, place=place, store=f"{_FILES}{folder}" if usage.store else "")


def write_usage(
    cache: Path,
    run_id: str,
    usages: Sequence[Usage],
    *,
    is_whole: bool,
    all_passed: bool,
    lying: Sequence[str] = (),
) -> None:
    """Keep what the run used as `usage/<run id>.jsonl`, whole or not at all. Never raises."""
    head = _Head(_FORMAT, int(time.time()), is_whole, all_passed, tuple(lying))
    lines = b"".join(msgspec.json.encode(one) + b"\n" for one in (head, *usages))
    with suppress(OSError):
        run_files.put_of_run(cache, "usage", f"{run_id}.jsonl", lines, _KEPT)


def last_usage(cache: Path) -> Path | None:
    """The newest file of usages; None where there is none."""
    return next(iter(run_files.newest_first(cache / "usage")), None)


def read_usage(paths: Sequence[Path], *, is_whole: bool | None = None) -> Usages:
    """What the runs in `paths` (files in `.onetake/usage/`) used together.

    Each cassette comes once, with the recordings that no opening of any file used; none where an
    opening failed or was skipped. Places are relative to the project's root, with `/`. `is_whole` says
    whether the files are all of the suite together (shards of it); by default one file says it of
    itself, and several are not. Of what is not whole, only a cassette named after its own test has
    unused recordings. Raises `StoreError` for a file that cannot be read.
    """
    files = [_read(path) for path in paths]
    if is_whole is None:
        is_whole = len(files) == 1 and files[0][0].is_whole
    return united(
        (usage for _, usages in files for usage in usages),
        is_whole=is_whole,
        all_passed=all(head.all_passed for head, _ in files),
        lying=(place for head, _ in files for place in head.lying),
    )


def _read(path: Path) -> tuple[_Head, list[Usage]]:
    try:
        first, *rest = read_private(path).splitlines()
        head = msgspec.json.decode(first, type=_Head)
        if head.usage != _FORMAT:
            raise ValueError(f"its format {head.usage} is not known")
        return head, [_usages.decode(line) for line in rest]
    except (OSError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise StoreError(
            f"{path} tells no usage of recordings: {error}.",
            remedy="Give a file of .onetake/usage/, which each run of pytest writes.",
            path=str(path),
        ) from error


_usages = late_decoder(Usage)

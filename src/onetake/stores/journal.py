"""What an opening has recorded so far, one JSON line each, in the project's cache directory.

Appending is one write: it survives `kill -9` (the bytes are the kernel's), a torn last line is dropped.
A lock marks a journal as alive; one whose process died is taken up as quarantine by the next opening of
the same cassette by the same test. What a failed test paid for lies in quarantine too.

The id of a test says that an opening is another attempt at the same. Programs, and the fixtures of
several workers, share an id and record different things: there a pass leaves alone what it did not use.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from onetake.cassettes.gates import is_worth_keeping
from onetake.errors import CassetteError
from onetake.formats.lines import decode_plain, encode_plain
from onetake.messages import Body, Interaction
from onetake.stores.locks import is_free, locked, try_lock
from onetake.stores.placing import put_in_place
from onetake.stores.private import ensure_private, open_private, read_private

_JOURNAL_FORMAT = 1


class _Head(Struct):
    journal: int
    cassette: str
    test: str
    place: str = ""
    name: str = ""


class Journal:
    """The journal of one opening. Nothing is written before the first `append`. Not thread-safe."""

    def __init__(
        self, cache: Path, cassette_id: str, test_id: str, *, place: str = "", name: str = ""
    ) -> None:
        """`place` is that of the cassette, and `name` its test's own where the file's is a safe form."""
        self._cache = cache
        self._id = cassette_id
        self._test = test_id
        self._place = _sound(place)
        self._name = _sound(name)
        self._fd = -1
        self._pid = 0
        self._opening = f"{time.time_ns():x}-{secrets.token_hex(4)}"
        self.path: Path | None = None

    def append(self, seq: int, interaction: Interaction) -> None:
        """Add one finished interaction. Raises OSError."""
        if self._pid != os.getpid():
            self._start()
        line = encode_plain(interaction, seq) + b"\n"
        written = os.write(self._fd, line)
        while written < len(line):
            written += os.write(self._fd, line[written:])

    def _start(self) -> None:
        """A new file; a forked child has its own, so that two processes never share one."""
        self._pid = os.getpid()
        folder = self._cache / "journal" / self._id
        ensure_private(folder, self._cache)
        self.path = folder / f"{self._opening}.{self._pid}.jsonl"
        # Locked before it has its name, so that nobody can take it for a dead one.
        unnamed = self.path.with_suffix(".new")
        self._fd = open_private(unnamed, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND)
        try_lock(self._fd)
        head = _Head(_JOURNAL_FORMAT, self._id, self._test, self._place, self._name)
        os.write(self._fd, msgspec.json.encode(head) + b"\n")
        unnamed.rename(self.path)

    def of_children(self) -> Iterator[tuple[Path, list[Interaction]]]:
        """The finished journals of forked children of this opening."""
        for path in sorted((self._cache / "journal" / self._id).glob(f"{self._opening}.*.jsonl")):
            if path != self.path and _is_dead(path):
                yield path, [interaction for interaction, _ in _read(path, self._test) or ()]

    def drop(self) -> None:
        """Everything in it is published."""
        path, self.path = self.path, None
        if path is not None:
            # While it is locked: nobody may take it for one whose process died.
            with suppress(PermissionError):  # Windows keeps what is open
                path.unlink(missing_ok=True)
        self._close()
        if path is not None:
            path.unlink(missing_ok=True)

    def quarantine(self) -> Path | None:
        """Set it apart for the next run of the same test; the path, if there is anything."""
        self._close()
        if self.path is None:
            return None
        kept = _set_apart(self._cache, self._id, self.path)
        self.path = None
        return kept

    def _close(self) -> None:
        if self._fd >= 0 and self._pid == os.getpid():
            os.close(self._fd)
        self._fd = -1
        self._pid = 0


def _sound(text: str) -> str:
    """Nothing where UTF-8 cannot hold it, as the name of a file in another coding."""
    return text if text.isascii() or text.encode("utf-8", "ignore").decode() == text else ""


class Quarantine(Struct, frozen=True):
    """Recordings of earlier attempts that did not pass, the line of each, and the files that hold them."""

    interactions: tuple[Interaction, ...] = ()
    lines: tuple[bytes, ...] = ()
    files: tuple[Path, ...] = ()
    is_of_one_test: bool = True

    def without(self, published: Collection[Interaction]) -> Quarantine:
        """Less those: whoever published them died before it could drop them."""
        there = list(map(_without_times, published))
        told = zip(self.interactions, self.lines, strict=True)
        left = [(one, line) for one, line in told if _without_times(one) not in there]
        interactions, lines = (one for one, _ in left), (line for _, line in left)
        return Quarantine(tuple(interactions), tuple(lines), self.files, self.is_of_one_test)

    def drop(self, used: Collection[int]) -> None:
        """A pass has published those whose `id` is in `used`. The rest goes if it was of the same test."""
        kept: set[bytes] = set()
        if not self.is_of_one_test:
            told = zip(self.interactions, self.lines, strict=True)
            kept = {line for interaction, line in told if id(interaction) not in used}
        for path in self.files:
            with locked(path.parent):  # others may drop what they have used
                _keep_lines(path, kept)


def _without_times(interaction: Interaction) -> Interaction:
    """Less when each chunk came, which a store may leave out."""
    response = interaction.response
    if response is None:
        return interaction
    body = Body(data=response.body.data, encoding=response.body.encoding)
    return interaction.replace(response=response.replace(body=body))


def _keep_lines(path: Path, kept: Collection[bytes]) -> None:
    """Leave the head and those of `kept`; without any, nothing."""
    try:
        head, *lines = read_private(path).split(b"\n")
    except FileNotFoundError:
        return
    left = [line for line in lines if line in kept]
    if not left:
        path.unlink(missing_ok=True)
    elif len(left) < sum(map(bool, lines)):
        put_in_place(path, b"\n".join((head, *left, b"")), is_private=True)


def read_quarantine(cache: Path, cassette_id: str, test_id: str) -> Quarantine:
    """What earlier failed or killed attempts of `test_id` paid for and is worth keeping.

    Transport errors, 408, 429, 5xx, cut and cancelled answers are left out: they are paid anew, so that
    a failure never becomes permanent.
    """
    live = os.path.join(cache, "journal", cassette_id)
    if os.path.isdir(live):
        for path in sorted(Path(live).glob("*.jsonl")):
            if _is_dead(path):
                _set_apart(cache, cassette_id, path)
    apart = os.path.join(cache, "quarantine", cassette_id)
    if not os.path.isdir(apart):
        return Quarantine()
    folder = Path(apart)
    held: list[tuple[Interaction, bytes]] = []
    files: list[Path] = []
    for path in sorted(folder.glob("*.jsonl")):
        found = _read(path, test_id)
        if found is not None:
            files.append(path)
            held += [one for one in found if is_worth_keeping(one[0])]
    interactions, lines = (one for one, _ in held), (line for _, line in held)
    return Quarantine(tuple(interactions), tuple(lines), tuple(files), "::" in test_id)


def look_at_quarantine(
    cache: Path, cassette_id: str, test_id: str
) -> tuple[Quarantine, tuple[Interaction, ...]]:
    """What `read_quarantine` would give, and the failures that it would leave out. Changes nothing."""
    quarantined = sorted((cache / "quarantine" / cassette_id).glob("*.jsonl"))
    journals = sorted((cache / "journal" / cassette_id).glob("*.jsonl"))
    told = [_read(path, test_id) or () for path in (*quarantined, *filter(_is_dead, journals))]
    held = [one for some in told for one in some]
    kept = [one for one in held if is_worth_keeping(one[0])]
    interactions, lines = (one for one, _ in kept), (line for _, line in kept)
    failures = tuple(one for one, _ in held if not is_worth_keeping(one))
    return Quarantine(tuple(interactions), tuple(lines)), failures


def every_journal(cache: Path) -> list[Path]:
    """The files of all journals and of the quarantine, also of those that are being written."""
    return sorted(
        path for folder in ("journal", "quarantine") for path in (cache / folder).glob("*/*.jsonl")
    )


def rewrite_journal(path: Path, anew: Callable[[bytes], bytes]) -> bool:
    """Put what `anew` makes of all of it in its place; whether that is done.

    It is not where its process lives, or another has taken it up. Raises OSError.
    """
    with locked(path.parent):  # others may drop what they have used
        if not _is_dead(path):
            return False
        old = read_private(path)
        if (new := anew(old)) != old:
            put_in_place(path, new, is_private=True)
        return True


def _is_dead(path: Path) -> bool:
    try:
        fd = open_private(path, os.O_RDWR)
    except OSError:
        return False
    try:
        return is_free(fd)
    finally:
        os.close(fd)


def _set_apart(cache: Path, cassette_id: str, path: Path) -> Path | None:
    folder = cache / "quarantine" / cassette_id
    ensure_private(folder, cache)
    target = folder / path.name
    try:
        path.rename(target)
    except FileNotFoundError:  # another process took it up first
        return None
    return target


def _read(path: Path, test_id: str) -> list[tuple[Interaction, bytes]] | None:
    """The interactions in order of sending, each with its line; None for the journal of another test.

    Torn lines are dropped.
    """
    told = _told(path)
    return told.lines if told is not None and told.head.test == test_id else None


class _Told(Struct, frozen=True):
    """What a journal says: interactions in order of sending, each with its line.

    `is_whole` where no line but a torn last one was left out.
    """

    head: _Head
    lines: list[tuple[Interaction, bytes]]
    is_whole: bool


def _told(path: Path) -> _Told | None:
    """None for a file that cannot be read, or is of another format."""
    try:
        first, *lines, torn = read_private(path).split(b"\n")
        head = msgspec.json.decode(first, type=_Head)
    except (OSError, ValueError, RecursionError, msgspec.MsgspecError):
        return None
    if head.journal != _JOURNAL_FORMAT:
        return None
    found: list[tuple[int, Interaction, bytes]] = []
    is_whole = True
    for line in filter(None, (*lines, torn)):
        try:
            found.append((*decode_plain(line), line))
        except (CassetteError, msgspec.MsgspecError):
            is_whole = is_whole and line is torn
    found.sort(key=lambda each: each[0])
    return _Told(head, [(one, line) for _, one, line in found], is_whole)


class Apart(Struct, frozen=True):
    """One file apart: what is worth keeping of an attempt of `test`, in order of sending, and how many are not.

    `place` and `name` say which cassette it was recorded for (see `Journal`); "" where that is not known.
    `is_whole` where all of it could be read.
    """

    path: Path
    cassette_id: str
    test: str
    place: str
    name: str
    interactions: tuple[Interaction, ...]
    left_out: int
    at: float  # when the last was added, UTC seconds
    is_whole: bool


def all_apart(cache: Path, problems: list[str]) -> list[Apart]:
    """The quarantine, and journals whose process died, in order of time.

    A file that cannot be read at all is left out and told in `problems`.
    """
    quarantined = (cache / "quarantine").glob("*/*.jsonl")
    dead = (path for path in (cache / "journal").glob("*/*.jsonl") if _is_dead(path))
    found: list[Apart] = []
    for path in (*quarantined, *dead):
        one = _read_apart(path)
        if one is not None:
            found.append(one)
        elif path.exists():  # not taken up by a run meanwhile
            problems.append(f"{path} is no journal that this version of onetake reads.")
    return sorted(found, key=lambda one: (one.at, str(one.path)))


def _read_apart(path: Path) -> Apart | None:
    told = _told(path)
    if told is None:
        return None
    try:
        at = path.stat().st_mtime
    except OSError:
        return None
    kept = tuple(one for one, _ in told.lines if is_worth_keeping(one))
    head, left_out = told.head, len(told.lines) - len(kept)
    return Apart(
        path, head.cassette, head.test, head.place, head.name, kept, left_out, at, told.is_whole
    )

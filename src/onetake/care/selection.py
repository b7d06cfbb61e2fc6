"""Which recordings a command is about: by name or test, host, age and status."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from onetake.care.side_by_side import Showing, in_silence, side_by_side
from onetake.config.statuses import holds
from onetake.errors import CassetteError, UsageError
from onetake.messages import glob, read_url
from onetake.runtime.secrets import safe_id
from onetake.stores.names import name_of_test
from onetake.stores.shelf import Kept, Shelf
from onetake.stores.vcr_files import SUFFIXES

_SUFFIXES = (".json", *SUFFIXES)


class Selection(Struct, frozen=True, kw_only=True):
    """What was asked for; everything where nothing was. Ages are seconds before `now_s`."""

    patterns: tuple[str, ...] = ()
    host: str = ""
    older_s: float | None = None
    newer_s: float | None = None
    statuses: tuple[str, ...] = ()
    failed: bool = False  # among the statuses: those without an answer
    now_s: float = 0.0

    @property
    def is_everything(self) -> bool:
        return self == Selection(now_s=self.now_s)

    def fits_name(self, name: str, where: str = "") -> bool:
        """Whether a cassette of this name, in this file, is meant by every pattern."""
        return all(_is_meant(pattern, name, where) for pattern in self.patterns)

    def fits(self, one: Kept) -> bool:
        """Whether a recording is. Raises `CassetteError`."""
        if self.host and not _is_at(self.host, one):
            return False
        if self.older_s is not None or self.newer_s is not None:
            at = one.stored.at
            age_s = self.now_s - at
            least_s = age_s if self.older_s is None else self.older_s
            most_s = age_s if self.newer_s is None else self.newer_s
            if not at or not least_s <= age_s <= most_s:  # of what has no date nobody knows
                return False
        if self.statuses or self.failed:
            status = one.stored.outcome.status
            if not status:
                return self.failed
            return bool(self.statuses) and holds(self.statuses, status)
        return True


class Found(Struct, frozen=True):
    """A cassette with all its recordings, and those of them that were asked for."""

    name: str
    where: str
    held: list[Kept]
    chosen: list[Kept]


def _is_meant(pattern: str, name: str, where: str) -> bool:
    if "::" in pattern or pattern.endswith(".py"):
        rest = r"(?:[.\[].*)?" if "::" in pattern else "/.*"
        wanted = rf"(?:.*/)?{glob(name_of_test(safe_id(pattern))).pattern}{rest}"
        return re.fullmatch(wanted, name, re.DOTALL) is not None
    if pattern.endswith(_SUFFIXES):
        end = f"/{pattern.removeprefix('./')}"
        return f"/{where}".endswith(end) or f"/{name}".endswith(end)
    return bool(glob(pattern).fullmatch(name)) if "*" in pattern else pattern in name


def _is_at(host: str, one: Kept) -> bool:
    netloc = host_of(one)
    name = netloc if ":" in host else netloc.partition(":")[0]
    return glob(host.lower()).fullmatch(name) is not None


def host_of(one: Kept) -> str:
    """The host with its port; "" for a recording that cannot be read."""
    line = one.stored.line
    return read_url(line[1]).netloc if line is not None else ""


def search(
    shelf: Shelf, selection: Selection, problems: list[str], showing: Showing = in_silence
) -> Iterator[Found]:
    """The cassettes that hold what was asked for. What cannot be read is told in `problems`."""
    names = [name for name in shelf.names() if selection.fits_name(name, shelf.where(name))]

    def read(name: str) -> Found | CassetteError:
        try:
            held = shelf.recordings(name)
            for one in held:
                one.stored.outcome  # noqa: B018 - of what cannot be read nothing else is asked
            chosen = [one for one in held if selection.fits(one)]
        except CassetteError as error:
            return error
        return Found(name, shelf.where(name), held, chosen)

    for found in showing(side_by_side(read, names, shelf.reads_at_once), len(names), "Reading"):
        if isinstance(found, CassetteError):
            problems.append(found.message)
        elif found.chosen:
            yield found


def one_cassette(shelf: Shelf, text: str) -> str:
    """The name of the one cassette that `text` names. Raises `UsageError`."""
    names = shelf.names()
    if text in names:
        return text
    if at := [name for name in names if shelf.where(name) == text]:
        return at[0]
    wanted = Selection(patterns=(text,))
    found = [name for name in names if wanted.fits_name(name, shelf.where(name))]
    exact = [name for name in found if name.endswith(f"/{text.removesuffix('.json')}")]
    if len(found) == 1 or len(exact) == 1:
        return (found if len(found) == 1 else exact)[0]
    if not found:
        raise UsageError(
            f"There is no cassette {text!r} in {shelf.place}.", remedy="See: onetake ls"
        )
    some = ", ".join(found[:5]) + (", ..." if len(found) > 5 else "")
    raise UsageError(f"{text!r} is not one cassette.", remedy=f"It could be: {some}")


def recording_to_data(number: int, one: Kept) -> dict[str, object]:
    """Return what tells a recording from others, for `--json`. Raises `CassetteError`."""
    outcome = one.stored.outcome
    method, url = one.stored.line or ("", "")
    return {
        "number": number,
        "method": method,
        "url": url,
        "status": outcome.status or None,
        "at": outcome.at or None,
        "digest": one.digest,
    }

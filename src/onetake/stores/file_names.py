"""The names of cassettes and of their files, and which files of a folder may be cassettes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PureWindowsPath

import msgspec

from onetake.errors import UsageError
from onetake.stores import vcr_files
from onetake.stores.private import read_regular

_SUFFIXES = (".json", *vcr_files.SUFFIXES)
_REFUSED = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|(?:\A|[/\\])\.\.(?:[/\\]|\Z)|\A\Z"
)
_NAMED = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"onetake":\s*\d+,\s*"name":\s*("(?:[^"\\]|\\.)*")')
_HEAD_SIZE = 8192


def is_file_name(name: str) -> bool:
    """Return whether a cassette's name names a file rather than a place in the store."""
    return name.endswith(_SUFFIXES) or _is_absolute(name)


def check_name(name: str) -> None:
    """Raise `UsageError` for an unsafe name of a cassette."""
    if _REFUSED.search(name) or (_may_have_drive(name) and _has_drive(name)):
        raise UsageError(
            f"The cassette name {name!r} is refused.",
            remedy="Use a name without '..', a drive and control characters.",
        )


def _may_have_drive(name: str) -> bool:
    return ":" in name or name[:2].replace("/", "\\") == "\\\\"


def _has_drive(name: str) -> bool:
    return bool(PureWindowsPath(name).drive) and not _is_absolute(name)


def _is_absolute(name: str) -> bool:
    # Taking a path apart is slow, and each test asks.
    return os.path.isabs(name) and Path(name).is_absolute()


def locate(name: str, *, store: str, directory: Path, root: Path) -> tuple[Path, Path]:
    """Return the file of cassette `name` and the folder of its blobs. Raises `UsageError` for unsafe names."""
    check_name(name)
    if is_file_name(name):
        path = directory / name
        return path, path.parent / "blobs"
    folder, blobs = _folders(store, directory, root)
    return folder / f"{name}.json", blobs


@lru_cache(maxsize=1024)  # every test of a module has the same
def _folders(store: str, directory: Path, root: Path) -> tuple[Path, Path]:
    folder = root / store.removeprefix("files:") if store else directory / "cassettes"
    return folder, folder / "blobs"


def name_in(path: Path) -> str | None:
    """Return the test's own name that a cassette file holds, where its file's name is a safe form of it."""
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
    """Yield every file that may be a cassette in `folder` and below, in order; no blobs, nothing hidden.

    Files of vcrpy are among them where there is none of ours in their place.
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

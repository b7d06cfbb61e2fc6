"""What every command starts from: the project around the working directory, its settings, its cassettes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from msgspec.structs import replace

from onetake import project
from onetake.config import Settings, Source, resolve
from onetake.errors import UsageError
from onetake.matching import BUILT_IN, Matcher
from onetake.recorder import matcher_of
from onetake.stores.file_names import cassette_files
from onetake.stores.folders import cassette_folders
from onetake.stores.opening import open_shelf
from onetake.stores.shelf import Shelf
from onetake.stores.vcr_files import base_of

_PROJECT = (
    "pyproject.toml",
    "onetake.toml",
    "pytest.ini",
    "tox.ini",
    "setup.cfg",
    "setup.py",
    "cassettes",
)


class Workplace:
    """The project of the working directory. Raises `UsageError` for wrong settings."""

    def __init__(self, store: str | None = None, *, option: str = "--store") -> None:
        """`store`, which was given as `option`, stands for the one of the settings."""
        if store is not None and not store.strip():
            raise UsageError(f"{option} is empty.", remedy="Give it a URL, or leave it out.")
        self._store = self.given_store = store
        self._option = option
        try:
            self.here = Path.cwd()
        except OSError:
            raise UsageError(
                "The working directory is gone.", remedy="Go into the project's folder."
            ) from None
        self.root = project.find_root(self.here)
        self.cache = self.root / ".onetake"

    @cached_property
    def settings(self) -> Settings:
        sources = [project.file_source(self.root), project.environment_source(os.environ)]
        if self._store is not None:
            sources.append(Source(self._option, {"store": self._store}))
        return resolve(sources, ci=False)

    @cached_property
    def matcher(self) -> Matcher:
        """That of the settings; functions that a program registers are not known here and left out."""
        known = tuple(name for name in self.settings.match_on if name in BUILT_IN)
        return matcher_of(replace(self.settings, match_on=known or Settings().match_on))

    @cached_property
    def shelf(self) -> Shelf:
        """The store as a whole. Raises `UsageError`."""
        self.check_has_store()
        settings = self.settings
        return open_shelf(
            settings.store,
            self.root,
            self.matcher.fingerprint,
            settings.encrypt,
            keeps_vcr=settings.format == "vcrpy",
        )

    def cassettes(self, places: Sequence[str] = ()) -> list[Path]:
        """The files that `places` name; without any, every cassette of the project.

        A place is a file, a folder, or a name in the store. Raises `UsageError` for one that is none.
        """
        if places:
            return list(dict.fromkeys(path for place in places for path in self.named(place)))
        return list(self._all())

    def named(self, place: str) -> list[Path]:
        """The files that `place` names, one or more."""
        path = self.here / place
        if path.is_file():
            return [path]
        if path.is_dir():
            return list(cassette_files(path))
        name = (Path(place).with_name(base_of(Path(place)))).as_posix()
        found = [one for one in self._all() if _is_called(one, name)]
        if not found:
            raise UsageError(
                f"There is no cassette {place!r} here.",
                remedy="Give a file, a folder, or a name as below cassettes/ (test_a/test_one).",
            )
        return found

    def shown(self, path: Path) -> str:
        """`path` as short as it can be."""
        return str(path.relative_to(self.here) if path.is_relative_to(self.here) else path)

    def _all(self) -> Iterator[Path]:
        store = self.settings.store
        if store.startswith("files:"):
            yield from cassette_files(self.root / store.removeprefix("files:"))
            return
        self._check_is_project()
        for folder in cassette_folders(self.root):
            yield from cassette_files(folder)

    def check_has_store(self) -> None:
        """Raises `UsageError` where the store is the folders of a project, and here is none."""
        if self.settings.store == "":
            self._check_is_project()

    def _check_is_project(self) -> None:
        if not any((self.root / name).exists() for name in _PROJECT):
            raise UsageError(
                f"{self.root} is no project: it has none of {', '.join(_PROJECT)}.",
                remedy="Go into the project's folder, or name cassettes or folders.",
            )


def _is_called(path: Path, name: str) -> bool:
    return f"/{path.with_name(base_of(path)).as_posix()}".endswith(f"/{name}")

"""The cassette of a marked test: the default one, which is written, and others that are only read.

The module is called as pytest-recording's, from which suites import `use_cassette`.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from onetake.runtime.secrets import safe_id
from onetake_vcr import naming
from onetake_vcr.modes import RunModes
from vcr import VCR
from vcr.persisters.filesystem import (
    CassetteNotFoundError,
    FilesystemPersister,
    writes_files,
)
from vcr.record_mode import RecordMode

if TYPE_CHECKING:
    from onetake.config import Settings
    from onetake_vcr.context import CassetteContextDecorator

OPTION = "--record-mode"
REWRITE = "rewrite"


def merged(config: Mapping[str, Any], markers: Iterable[pytest.Mark]) -> dict[str, Any]:
    """What `vcr_config` gives, and over it what each mark says, the closest (which comes first) last."""
    settings = dict(copy.deepcopy(config))
    for marker in reversed([*markers]):
        settings |= marker.kwargs
    return settings


def use_cassette(
    default_cassette: str,
    vcr_cassette_dir: str,
    record_mode: str,
    markers: Sequence[pytest.Mark],
    config: Mapping[str, Any],
    pytestconfig: pytest.Config,
) -> CassetteContextDecorator:
    """The context in which the test's requests belong to its cassette.

    `record_mode` is what counts where neither `config` nor a mark says one.
    """
    settings = merged(config, markers)
    suffix = f".{settings.get('serializer', 'yaml')}"
    modes = RunModes.of(pytestconfig, OPTION)
    wanted = settings.get("record_mode", record_mode)
    rewrites = wanted == REWRITE
    if rewrites:
        wanted = RecordMode.NEW_EPISODES
        settings.pop("record_mode", None)
    vcr = modes.vcr(
        path_transformer=VCR.ensure_suffix(suffix),
        cassette_library_dir=vcr_cassette_dir,
        record_mode=wanted,
    )
    extras = [
        os.path.join(vcr_cassette_dir, path)  # which leaves an absolute one as it is
        for marker in markers
        for path in marker.args
    ]
    vcr.register_persister(
        CombinedPersister(extras, rewrites=rewrites and modes.may_record(wanted))
    )
    pytestconfig.hook.pytest_recording_configure(config=pytestconfig, vcr=vcr)
    if rewrites:
        settings["record_mode"] = wanted  # marks and the fixture are stronger than the hook
    name = _without_secrets(default_cassette, suffix, vcr_cassette_dir)
    context: CassetteContextDecorator = vcr.use_cassette(name, **settings)
    return context


def planned(
    default_cassette: str,
    folder: str,
    markers: Sequence[pytest.Mark],
    pytestconfig: pytest.Config,
) -> tuple[Path, Settings]:
    """Return the file of the cassette that a test would open, and the settings of its mode."""
    settings = merged({}, markers)
    suffix = f".{settings.get('serializer', 'yaml')}"
    wanted = settings.get("record_mode", pytestconfig.getoption(OPTION) or RecordMode.NONE)
    wanted = RecordMode.ALL if wanted == REWRITE else wanted
    name = _without_secrets(default_cassette, suffix, folder).removesuffix(suffix) + suffix
    return Path(folder, name), RunModes.of(pytestconfig, OPTION).settle(wanted)


def _without_secrets(name: str, suffix: str, folder: str) -> str:
    """A file's name, without what a parameter may have brought into it, unless the file is there."""
    given = naming.within_limit(name, suffix)
    if os.path.exists(os.path.join(folder, given.removesuffix(suffix) + suffix)):
        return given
    return naming.within_limit(safe_id(name), suffix)


def load_cassette(path: str, serializer: Any) -> tuple[Any, ...]:
    """Requests, responses and perhaps metadata; nothing where there is no such file."""
    try:
        return FilesystemPersister.load_cassette(path, serializer)
    except CassetteNotFoundError:
        return [], []


class CombinedPersister:
    """Reads the interactions of `extra_paths` behind those of the default cassette, which alone is written.

    Where it `rewrites`, what the default one held is left out, and is gone when the new one is written: not
    before, so that a test that cannot record loses nothing.
    """

    def __init__(self, extra_paths: Iterable[str], *, rewrites: bool = False) -> None:
        self.extra_paths = list(extra_paths)
        self._rewrites = rewrites
        self._held: int | None = None  # how many the default one held when it was first read
        self._extras: list[tuple[Any, Any]] = []

    @writes_files
    def save_cassette(self, cassette_path: Any, cassette_dict: Any, serializer: Any) -> None:
        FilesystemPersister.save_cassette(cassette_path, cassette_dict, serializer)
        self._rewrites = False  # what it holds from now on is not what it held

    def load_cassette(self, cassette_path: Any, serializer: Any) -> tuple[Any, ...]:
        """Read again, it gives the same, and behind it what others have added to the default one."""
        path = os.fspath(cassette_path)
        own: tuple[Any, ...] = ([], []) if self._rewrites else load_cassette(path, serializer)
        pairs = [*zip(*own[:2], strict=False)]
        if self._held is None:
            self._held = len(pairs)
            paths = dict.fromkeys(one for one in self.extra_paths if one != path)
            loaded = (load_cassette(one, serializer) for one in paths)
            self._extras = [pair for one in loaded for pair in zip(*one[:2], strict=False)]
        found = [*pairs[: self._held], *self._extras, *pairs[self._held :]]
        if not found:
            raise CassetteNotFoundError(f"There is no cassette {path}, and none beside it.")
        requests, responses = zip(*found, strict=True)
        return (list(requests), list(responses), *own[2:])

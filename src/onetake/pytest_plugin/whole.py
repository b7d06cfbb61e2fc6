"""Whether a run is of the whole suite, as its command and its end tell."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pytest

_COLLECTING = ("testpaths", "python_", "norecursedirs")
_NARROWING = ("lf", "stepwise", "ignore", "ignore_glob", "collectonly")
_BY_ITSELF = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)


def is_whole(session: pytest.Session) -> bool:
    """Nobody chose tests or folders, and the run came to its end by itself.

    What was deselected or could not be collected is told by the processes that collect.
    """
    config = session.config
    if session.exitstatus not in _BY_ITSELF or session.shouldfail or session.shouldstop:
        return False
    if any(config.getoption(name, None) for name in _NARROWING):
        return False
    if any(one.startswith(_COLLECTING) for one in config.getoption("override_ini", None) or ()):
        return False
    source = config.args_source
    if source is pytest.Config.ArgsSource.INVOCATION_DIR:
        return config.invocation_params.dir == config.rootpath
    return source is pytest.Config.ArgsSource.TESTPATHS


def hides_tests(path: Path, config: pytest.Config) -> bool:
    """Whether a run that ignores `path` may leave out tests, and not only what never has any."""
    if not path.is_relative_to(config.rootpath):
        return False
    patterns = config.getini("norecursedirs" if path.is_dir() else "python_files")
    is_named = any(fnmatch(path.name, one) for one in patterns)
    if path.is_dir():
        return not is_named and path.name != "__pycache__" and not _is_environment(path)
    return is_named


def _is_environment(folder: Path) -> bool:
    return (folder / "pyvenv.cfg").is_file() or (folder / "conda-meta" / "history").is_file()

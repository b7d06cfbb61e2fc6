"""Whether a run is of the whole suite, as its command and its end tell."""

from __future__ import annotations

import pytest

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
    source = config.args_source
    if source is pytest.Config.ArgsSource.INVOCATION_DIR:
        return config.invocation_params.dir == config.rootpath
    return source is pytest.Config.ArgsSource.TESTPATHS

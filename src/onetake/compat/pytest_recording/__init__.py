"""pytest-recording's surface over onetake, where that plugin is not installed; pytest-vcr's where a project
asks for it (`vcr_compat`).

This module is the entry point, and decides: what it registers has the options, fixtures and marks. The import
name `pytest_recording` is this package too (`onetake.compat.alias`).
"""

from __future__ import annotations

import os

import pytest

from onetake.compat import alias

_PLUGINS = ("pytest_recording", "pytest_vcr")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, parser: pytest.Parser) -> None:
    """Before conftest files, which may import `vcr`, and after the plugins that may be in the way.

    Only now the folder is known whose settings decide.
    """
    manager = early_config.pluginmanager
    if manager.is_blocked("onetake") or any(map(alias.is_installed, _PLUGINS)):
        return
    name = _wanted(early_config)
    if name == "off":
        return
    alias.install()
    from onetake.compat.pytest_recording import options

    if not options.add(parser, name):
        return  # some other plugin has options of these names
    if name == "pytest-vcr":
        from onetake.compat.pytest_recording import pytest_vcr

        manager.register(pytest_vcr, "vcr")
        return
    from onetake.compat.pytest_recording import plugin

    manager.register(plugin, "recording")


def _wanted(config: pytest.Config) -> str:
    """The setting `vcr_compat`. Raises `pytest.UsageError`."""
    from onetake import project
    from onetake.config import resolve
    from onetake.errors import UsageError

    try:
        sources = (project.file_source(config.rootpath), project.environment_source(os.environ))
        given = [one for one in sources if "vcr_compat" in one.values]
        wanted = [type(one)(one.name, {"vcr_compat": one.values["vcr_compat"]}) for one in given]
        return resolve(wanted, ci=False).vcr_compat
    except UsageError as error:
        raise pytest.UsageError(f"onetake: {' '.join(str(error).split())}") from None

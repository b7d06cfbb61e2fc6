"""The pytest plugin: pytest-recording's surface over onetake, or pytest-vcr's where the project asks for it.

This module is the entry point, and decides; what it registers has the options, fixtures and marks.
"""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from onetake_vcr import rivals

_SETTING = "vcr_compat"
_SURFACES = ("pytest-recording", "pytest-vcr", "off")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(
        _SETTING,
        "whose marks, fixtures and options onetake-vcr has: pytest-recording, pytest-vcr, or off",
        default=_SURFACES[0],
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Register a surface, behind the plugins that are installed and before conftest files."""
    manager = early_config.pluginmanager
    surface = _surface(early_config)
    if surface == "off" or manager.is_blocked("onetake"):
        return
    if stranger := rivals.describe_stranger():
        raise pytest.UsageError(f"onetake-vcr: {stranger}")
    if manager.has_plugin("recording") or find_spec("pytest_vcr") is not None:
        return  # pytest-vcr's own plugin is there, and finds `vcr`
    if surface == "pytest-vcr":
        from onetake_vcr import pytest_vcr

        _register(manager, pytest_vcr, "vcr")
    else:
        from pytest_recording import plugin

        _register(manager, plugin, "recording")


def pytest_report_header(config: pytest.Config) -> list[str]:
    return [] if _surface(config) == "off" else rivals.describe_neighbours()


def _surface(config: pytest.Config) -> str:
    """Return the setting. Raises `pytest.UsageError`."""
    name: str = config.getini(_SETTING)
    if name not in _SURFACES:
        raise pytest.UsageError(
            f"onetake-vcr: pytest's setting {_SETTING} is one of {', '.join(_SURFACES)}, and not {name!r}."
        )
    return name


def _register(manager: pytest.PytestPluginManager, plugin: object, name: str) -> None:
    """Register a surface, unless another plugin has options of its names."""
    try:
        manager.register(plugin, name)
    except ValueError:  # so pytest says that an option's name is taken
        manager.unregister(plugin)

"""The fixtures that a test can ask for, and the one that opens its cassette before all others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

from onetake.pytest_plugin.fixture_names import OPENING

if TYPE_CHECKING:
    from onetake.pytest_plugin.session import SessionPlugin
    from onetake.recorder import Cassette

PLUGIN: pytest.StashKey[SessionPlugin] = pytest.StashKey()
_DEFINES_CONFIG = pytest.StashKey[bool]()  # of what holds tests: a module, a class


@pytest.fixture(scope="session")
def onetake_config() -> Mapping[str, Any]:
    """Settings of onetake, by name; define your own, in module, class or session scope."""
    return {}


@pytest.fixture(name=OPENING)
def _opening(request: pytest.FixtureRequest) -> None:
    __tracebackhide__ = True
    plugin = request.config.stash.get(PLUGIN, None)
    if plugin is not None:
        plugin.open_for(request.node, _config_of(request))


def _config_of(request: pytest.FixtureRequest) -> object:
    """Return what `onetake_config` gives to a test. Most projects define none, and asking costs each test."""
    node = request.node
    if "onetake_config" in node.fixturenames:  # as where the test's own parameters are the settings
        return request.getfixturevalue("onetake_config")
    folder = node.parent if node.parent is not None else node
    is_own = folder.stash.get(_DEFINES_CONFIG, None)
    if is_own is None:
        is_own = folder.stash[_DEFINES_CONFIG] = _defines_config(node)
    return request.getfixturevalue("onetake_config") if is_own else {}


def _defines_config(node: pytest.Item) -> bool:
    """Return whether there may be another `onetake_config` than the one of this module."""
    try:
        defined = node.session._fixturemanager.getfixturedefs("onetake_config", node)
    except (AttributeError, TypeError):  # it is pytest's own, and may change
        return True
    return defined is None or len(defined) != 1


@pytest.fixture
def cassette(request: pytest.FixtureRequest) -> Cassette:
    """The cassette of this test: `interactions`, `calls`, `counts`, `verdict`, `expect_miss()`."""
    __tracebackhide__ = True
    plugin = request.config.stash.get(PLUGIN, None)
    if plugin is None:
        pytest.skip("onetake is switched off (--no-onetake), so there is no cassette")
    found = plugin.cassette_of(request.node)
    if found is None:
        pytest.fail(
            f"{request.node.nodeid} asks for the fixture 'cassette' but has no cassette.\n"
            "Mark it: @pytest.mark.onetake",
            pytrace=False,
        )
    return found

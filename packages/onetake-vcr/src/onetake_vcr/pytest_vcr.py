"""pytest-vcr's hooks and fixtures: `vcr` is a VCR of the module, `vcr_cassette` a test's cassette.

Registered instead of pytest-recording's surface where pytest's setting `vcr_compat` is `pytest-vcr`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from onetake_vcr.running import fail_if_both, header, hold_to_none, is_off

if TYPE_CHECKING:
    from pathlib import Path

    from onetake.config import Settings
    from vcr import VCR
    from vcr.cassette import Cassette

_OPTION = "--vcr-record"
_RECORD_MODES = ("once", "new_episodes", "none", "all")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("vcr")
    group.addoption(
        _OPTION,
        "--vcr-record-mode",
        dest="vcr_record",
        choices=_RECORD_MODES,
        help="The VCR.py record mode, whatever tests say. Default: once.",
    )
    group.addoption(
        "--disable-vcr",
        action="store_true",
        help="play nothing from cassettes, and record nothing: calls go to the network",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    hold_to_none(config, config.getoption(_OPTION))
    config.addinivalue_line("markers", "vcr(**settings): give this test a cassette of vcrpy's kind")


def pytest_report_header(config: pytest.Config) -> str:
    return header(config, f"record mode {config.getoption(_OPTION) or 'once'}", "--disable-vcr")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    __tracebackhide__ = True
    fail_if_both(item)


@pytest.fixture(scope="module")
def vcr_config() -> dict[str, Any]:
    """Settings for all cassettes; define your own, in module or session scope."""
    return {}


@pytest.fixture(scope="module")
def vcr_cassette_dir(request: pytest.FixtureRequest) -> str:
    return str(request.path.parent / "cassettes")


@pytest.fixture
def vcr_cassette_name(request: pytest.FixtureRequest) -> str:
    test: str = request.node.name
    return f"{request.cls.__name__}.{test}" if request.cls else test


@pytest.fixture(scope="module")
def vcr(
    request: pytest.FixtureRequest, vcr_config: Mapping[str, Any], vcr_cassette_dir: str
) -> VCR:
    """The module's, with `vcr_config` and what a mark of the module says."""
    from onetake_vcr.modes import RunModes
    from vcr import VCR

    settings = {
        "cassette_library_dir": vcr_cassette_dir,
        "path_transformer": VCR.ensure_suffix(".yaml"),
        **vcr_config,
        **_settings_of(request.node),
    }
    is_disabled = is_off(request.config, "--disable-vcr")
    return RunModes.of(request.config, _OPTION, is_off=is_disabled).vcr(**settings)


@pytest.fixture
def vcr_cassette(
    request: pytest.FixtureRequest, vcr: VCR, vcr_cassette_name: str
) -> Iterator[Cassette]:
    """The test's cassette, open."""
    with vcr.use_cassette(vcr_cassette_name, **_settings_of(request.node)) as cassette:
        yield cassette


@pytest.fixture(autouse=True)
def _vcr_marker(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("vcr") is not None:
        request.getfixturevalue("vcr_cassette")


def onetake_cassette_of(item: pytest.Item) -> tuple[Path, Settings] | None:
    """Say for `onetake plan` which file the test's cassette is, and under which settings it is opened.

    Fixtures of the suite that have a say in it are only known in a run.
    """
    from onetake_vcr.modes import RunModes
    from onetake_vcr.running import has_say

    fixtures = ("vcr_cassette_dir", "vcr_cassette_name", "vcr", "vcr_cassette")
    if is_off(item.config, "--disable-vcr") or has_say(item, fixtures):
        return None
    owner = getattr(item, "cls", None)
    name = f"{owner.__name__}.{item.name}" if owner else item.name
    path = item.path.parent / "cassettes" / f"{name.removesuffix('.yaml')}.yaml"
    wanted = _settings_of(item).get("record_mode", "once")
    return path, RunModes.of(item.config, _OPTION).settle(wanted)


def _settings_of(node: Any) -> dict[str, Any]:
    """What the closest mark says, then the command line."""
    marker = node.get_closest_marker("vcr")
    settings: dict[str, Any] = {} if marker is None else dict(marker.kwargs)
    if mode := node.config.getoption(_OPTION):
        settings["record_mode"] = mode
    return settings

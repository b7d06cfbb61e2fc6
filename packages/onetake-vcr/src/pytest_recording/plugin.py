"""pytest-recording's hooks and fixtures, by its names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from onetake_vcr import naming, running
from onetake_vcr.running import fail_if_both, is_off
from pytest_recording import hooks

if TYPE_CHECKING:
    from pathlib import Path

    from onetake.config import Settings
    from vcr.cassette import Cassette

RECORD_MODES = ("once", "new_episodes", "none", "all", "rewrite")

_MARKERS = (
    "vcr(*paths, **settings): give this test a cassette of vcrpy's kind; paths are of others, read too",
    "default_cassette(name): the name of the test's cassette",
    "block_network(allowed_hosts=None): let the test connect to nothing, save while its cassette records",
    "allowed_hosts: known, and without a meaning",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("recording")
    group.addoption(
        "--record-mode",
        choices=RECORD_MODES,
        help="The VCR.py record mode. Default: none. An explicit none holds against marks too.",
    )
    group.addoption(
        "--block-network",
        action="store_true",
        help="let no test connect to anything, save where a cassette records",
    )
    group.addoption(
        "--allowed-hosts",
        metavar="REGEXES",
        help="hosts that tests may connect to all the same, by regular expressions with commas between",
    )
    group.addoption(
        "--disable-recording",
        action="store_true",
        help="use no cassettes: calls go to the network, and nothing is kept of them",
    )


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(hooks)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    running.hold_to_none(config, config.getoption("--record-mode"))
    for line in _MARKERS:
        config.addinivalue_line("markers", line)


def pytest_report_header(config: pytest.Config) -> str:
    mode = config.getoption("--record-mode") or "none"
    return running.header(config, f"record mode {mode}", "--disable-recording")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """No fixture is autouse: of all tests that pytest runs, few want one of these."""
    __tracebackhide__ = True
    fail_if_both(item)
    is_marked = any(mark.name in ("vcr", "block_network") for mark in item.iter_markers())
    if is_marked or item.config.getoption("--block-network"):
        running.add_fixtures(item, ["block_network", "vcr"])


@pytest.fixture(scope="session")
def record_mode(request: pytest.FixtureRequest) -> str:
    """The record mode of the command line, or `none`."""
    mode: str = request.config.getoption("--record-mode") or "none"
    return mode


@pytest.fixture(scope="session")
def disable_recording(request: pytest.FixtureRequest) -> bool:
    return is_off(request.config, "--disable-recording")


@pytest.fixture
def vcr_config() -> dict[str, Any]:
    """Settings for all cassettes; define your own, in any scope."""
    return {}


@pytest.fixture(scope="module")
def vcr_cassette_dir(request: pytest.FixtureRequest) -> str:
    return naming.directory(request.path)


@pytest.fixture
def default_cassette_name(request: pytest.FixtureRequest) -> str:
    marker = request.node.get_closest_marker("default_cassette")
    if marker is None:
        return naming.default_name(request.cls, request.node.name)
    if not marker.args:
        raise pytest.UsageError(
            f"The default_cassette marker of {request.node.nodeid} has no name."
        )
    name: str = marker.args[0]
    return name


@pytest.fixture
def vcr_markers(request: pytest.FixtureRequest) -> list[pytest.Mark]:
    """The `vcr` marks of the test, the closest first."""
    return list(request.node.iter_markers("vcr"))


@pytest.fixture
def allowed_hosts(request: pytest.FixtureRequest) -> Sequence[str] | None:
    """Regular expressions: of the mark, else of the command line, else of `vcr_config`."""
    marker = request.node.get_closest_marker("block_network")
    hosts = (
        (marker.kwargs.get("allowed_hosts") if marker else None)
        or request.config.getoption("--allowed-hosts")
        or request.getfixturevalue("vcr_config").get("allowed_hosts")
    )
    return hosts.split(",") if isinstance(hosts, str) else hosts


@pytest.fixture
def block_network(
    request: pytest.FixtureRequest, vcr_markers: Sequence[pytest.Mark]
) -> Iterator[None]:
    """Nothing is connected to where that is asked for, save while a cassette may record."""
    __tracebackhide__ = True
    marker = request.node.get_closest_marker("block_network")
    if marker is not None:
        _check(marker, request.node.nodeid)
    is_asked = marker is not None or request.config.getoption("--block-network")
    if not is_asked or (vcr_markers and _may_record(request, vcr_markers)):
        yield
        return
    from onetake.runtime.context import is_passing
    from pytest_recording.network import blocking_context

    # A test of onetake's own mark is guarded by its mode: here it is held to what onetake handles.
    is_exempt = is_passing if request.node.get_closest_marker("onetake") else None
    hosts = request.getfixturevalue("allowed_hosts")
    with blocking_context(hosts, is_exempt=is_exempt):
        yield


@pytest.fixture
def vcr(
    request: pytest.FixtureRequest, vcr_markers: Sequence[pytest.Mark]
) -> Iterator[Cassette | None]:
    """The cassette of a test that is marked `vcr`; None for others, and where recording is disabled."""
    if not vcr_markers or request.getfixturevalue("disable_recording"):
        yield None
        return
    from pytest_recording._vcr import use_cassette

    with use_cassette(
        request.getfixturevalue("default_cassette_name"),
        request.getfixturevalue("vcr_cassette_dir"),
        request.getfixturevalue("record_mode"),
        vcr_markers,
        request.getfixturevalue("vcr_config"),
        request.config,
    ) as cassette:
        yield cassette


def onetake_cassette_of(item: pytest.Item) -> tuple[Path, Settings] | None:
    """Say for `onetake plan` which file the test's cassette is, and under which settings it is opened.

    Fixtures of the suite that have a say in it are only known in a run, and so are further cassettes.
    """
    from pytest_recording._vcr import planned

    fixtures = ("vcr_cassette_dir", "default_cassette_name", "record_mode", "vcr_markers")
    marks = list(item.iter_markers("vcr"))
    if any(mark.args for mark in marks) or is_off(item.config, "--disable-recording"):
        return None
    if running.has_say(item, fixtures):
        return None
    default = item.get_closest_marker("default_cassette")
    name = naming.default_name(getattr(item, "cls", None), item.name)
    if default is not None and default.args:
        name = default.args[0]
    return planned(name, naming.directory(item.path), marks, item.config)


def _may_record(request: pytest.FixtureRequest, markers: Sequence[pytest.Mark]) -> bool:
    """Here the command line is stronger than marks, and the run's ceiling than both."""
    from onetake_vcr.modes import RunModes
    from pytest_recording._vcr import OPTION, REWRITE, merged

    settings: Mapping[str, Any] = merged(request.getfixturevalue("vcr_config"), markers)
    wanted = request.config.getoption("--record-mode") or settings.get("record_mode", "none")
    wanted = "new_episodes" if wanted == REWRITE else wanted
    return wanted != "none" and RunModes.of(request.config, OPTION).may_record(wanted)


def _check(marker: pytest.Mark, test: str) -> None:
    """Raises `pytest.UsageError`."""
    __tracebackhide__ = True
    if marker.args or marker.kwargs.keys() - {"allowed_hosts"}:
        raise pytest.UsageError(
            f"The block_network marker of {test} takes allowed_hosts=[...] and nothing else, "
            f"and has {[*marker.args, *marker.kwargs]}."
        )

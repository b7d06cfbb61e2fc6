"""onetake-vcr beside pytest-vcr, vcrpy and pytest-recording, as pip leaves them in site-packages."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import fakeprovider
from tests.plugin.suite import Suite
from tests.support.runs import environment, run_python

# pytest-vcr 1.0.2 begins so: it is loaded by its entry point, before anything of ours is asked.
PYTEST_VCR = """
import pytest
from vcr import VCR


def pytest_addoption(parser):
    parser.getgroup("vcr").addoption("--vcr-record", choices=["once", "none"], default=None)


def pytest_configure(config):
    config.addinivalue_line("markers", "vcr: a test with a cassette")


@pytest.fixture(autouse=True)
def _vcr_marker(request):
    if request.node.get_closest_marker("vcr"):
        request.getfixturevalue("vcr_cassette")


@pytest.fixture(scope="module")
def vcr(request):
    folder = str(request.path.parent / "cassettes")
    mode = request.config.getoption("--vcr-record") or "once"
    made = VCR(cassette_library_dir=folder, path_transformer=VCR.ensure_suffix(".yaml"))
    made.record_mode = mode
    return made


@pytest.fixture
def vcr_cassette(request, vcr):
    with vcr.use_cassette(request.node.name) as cassette:
        yield cassette
"""
# Plugins that these tests have no use for, and that are slow to load or in each other's way.
LEFT_OUT = [
    word
    for name in ("cacheprovider", "flaky", "pytest-retry", "hypothesispytest", "randomly", "anyio")
    for word in ("-p", f"no:{name}")
]
TEST = """
    import pytest
    from calls import ask
    from vcr.cassette import Cassette

    @pytest.mark.vcr
    def test_a(vcr_cassette):
        ask("a")
        assert isinstance(vcr_cassette, Cassette)
"""


def installed(site: Path, name: str, file: str, text: str, entry_point: str = "") -> None:
    """Put a distribution of one file into `site` as pip does: the file, and what it says of itself."""
    said = site / f"{name.replace('-', '_')}-1.0.2.dist-info"
    said.mkdir(parents=True)
    (said / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0.2\n")
    if entry_point:
        (said / "entry_points.txt").write_text(f"[pytest11]\n{entry_point}\n")
    path = site / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def run(suite: Suite, site: Path, *arguments: str, first: bool = True) -> tuple[int, str]:
    """Run pytest with the plugins of all that is installed, `site` before or behind the rest."""
    ours = environment()["PYTHONPATH"]
    path = os.pathsep.join([str(site), ours] if first else [ours, str(site)])
    done = run_python(
        suite.root,
        *("-m", "pytest", *LEFT_OUT, "-o", "asyncio_default_fixture_loop_scope=function"),
        *arguments,
        PYTHONPATH=path,
        PROVIDER_URL=suite.url,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_suite_with_pytest_vcr_still_installed_runs_without_vcrpy(
    suite: Suite, tmp_path: Path, provider: fakeprovider.Provider
) -> None:
    site = tmp_path / "site"
    installed(site, "pytest-vcr", "pytest_vcr.py", PYTEST_VCR, "vcr = pytest_vcr")
    suite.write("test_a.py", TEST)

    recorded = run(suite, site)
    replayed = run(suite, site, "--vcr-record=none")

    assert (recorded[0], replayed[0]) == (0, 0), recorded[1] + replayed[1]
    assert provider.billed() == 1
    assert "onetake for tests marked vcr" not in replayed[1]


@pytest.mark.parametrize(
    ("name", "module"),
    [("vcrpy", "vcr"), ("pytest-recording", "pytest_recording")],
)
def test_a_module_that_is_not_ours_ends_the_run_with_one_line(
    suite: Suite, tmp_path: Path, name: str, module: str
) -> None:
    site = tmp_path / "site"
    installed(site, name, f"{module}/__init__.py", "whose = 'theirs'\n")
    suite.write("test_a.py", TEST)

    code, output = run(suite, site)

    assert code == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in output.splitlines() if line.startswith("ERROR: onetake-vcr:")]
    assert f"import {module} gives {site / module}" in line
    assert "pip uninstall -y vcrpy pytest-recording && pip install --force-reinstall" in line


def test_vcrpy_that_is_installed_beside_and_written_over_is_named_in_the_header(
    suite: Suite, tmp_path: Path, provider: fakeprovider.Provider
) -> None:
    site = tmp_path / "site"
    installed(site, "vcrpy", "vcr/__init__.py", "whose = 'theirs'\n")
    suite.write("test_a.py", TEST.replace("vcr_cassette", "vcr"))

    code, output = run(suite, site, "--record-mode=once", first=False)

    assert code == 0, output
    (line,) = [line for line in output.splitlines() if line.startswith("vcrpy is installed")]
    assert line.endswith("&& pip install --force-reinstall --no-deps onetake-vcr")
    assert provider.billed() == 1

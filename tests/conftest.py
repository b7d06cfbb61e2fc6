"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

import fakeprovider
from tests.support import runs, shared

_KEEPER = pytest.StashKey[str]()

# The one authority that clients trust here, so that none loads all those of the world for a call to this
# machine: for most of them that takes longer than all else they do.
os.environ["SSL_CERT_FILE"] = str(Path(__file__).parent / "support" / "nobody.pem")

# No test fails for how long it takes: machines differ, and so does what else they do.
settings.register_profile("onetake", deadline=None)
settings.load_profile("onetake")


def pytest_configure(config: pytest.Config) -> None:
    if address := getattr(config, "workerinput", {}).get("keeper"):
        shared.ask(address)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    config.stash[_KEEPER] = shared.listen()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["keeper"] = node.config.stash[_KEEPER]


def pytest_unconfigure() -> None:
    shared.close()


def pytest_runtest_setup() -> None:
    runs.ended.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show beside a failure what the programs of the test said, whatever the test looked at."""
    report = yield
    for done in runs.ended if report.failed else ():
        if done.returncode or done.stderr:
            title = f"Program of the test, ended with {done.returncode}"
            report.sections.append((title, f"{done.stdout}{done.stderr}"))
    return report


@pytest.fixture(scope="session")
def shared_provider() -> Iterator[fakeprovider.Provider]:
    with fakeprovider.running() as provider:
        yield provider


@pytest.fixture
def provider(shared_provider: fakeprovider.Provider) -> fakeprovider.Provider:
    """The local provider, its counters at zero."""
    shared_provider.reset()
    return shared_provider


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real server, for tests that keep to namespaces of their own; so with the next two."""
    from tests.support.valkey import Valkey  # late: most workers need no server

    with Valkey() as server:
        yield server.url


@pytest.fixture(scope="session")
def cluster_url() -> str:
    return shared.address_of("cluster")


@pytest.fixture(scope="session")
def s3_url() -> str:
    return shared.address_of("s3")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project as working directory, on a machine that is no CI."""
    (tmp_path / "onetake.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    for name in ("CI", "ONETAKE_MODE", "ONETAKE_STORE", "ONETAKE_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path

"""Fixtures that every room's tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import fakeprovider


@pytest.fixture(scope="session")
def shared_provider() -> Iterator[fakeprovider.Provider]:
    with fakeprovider.running() as provider:
        yield provider


@pytest.fixture
def provider(shared_provider: fakeprovider.Provider) -> fakeprovider.Provider:
    """The local provider, its counters at zero."""
    shared_provider.reset()
    return shared_provider


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project as working directory, on a machine that is no CI."""
    (tmp_path / "onetake.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    for name in ("CI", "ONETAKE_MODE", "ONETAKE_STORE", "ONETAKE_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path

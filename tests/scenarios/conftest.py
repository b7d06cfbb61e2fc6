"""The stores that recordings can lie in, each as the scenarios' programs are told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.stores import EVERY, Store, url_of


@pytest.fixture(params=EVERY)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(request.param, url_of(request.param, request, tmp_path))

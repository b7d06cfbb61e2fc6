from __future__ import annotations

from pathlib import Path

import pytest

import fakeprovider
from tests.plugin.suite import Suite, new_suite


@pytest.fixture
def suite(tmp_path: Path, provider: fakeprovider.Provider) -> Suite:
    return new_suite(tmp_path, provider.url)

"""The hook that projects implement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from vcr import VCR


def pytest_recording_configure(config: pytest.Config, vcr: VCR) -> None:
    """Called for each marked test before its cassette opens; `vcr` may be changed."""

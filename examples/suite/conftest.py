"""Where the paid API is. In your project this file need not exist: the SDKs know their own addresses."""

import os

import pytest


@pytest.fixture
def provider_url() -> str:
    return os.environ["PROVIDER_URL"]

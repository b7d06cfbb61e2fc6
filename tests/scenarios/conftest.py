"""Every store that recordings can lie in, each as the scenarios' programs are told of it."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from tests.support.stores import Store

STORES = ("files", "sqlite", "redis", "cluster", "s3", "object-files")


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """One that nobody else writes into."""
    mark = secrets.token_hex(4)
    match request.param:
        case "files":
            url = f"files:{tmp_path}/recordings"
        case "sqlite":
            url = f"sqlite:{tmp_path}/store.sqlite"
        case "redis":
            url = f"{request.getfixturevalue('redis_url')}?namespace={mark}"
        case "cluster":
            url = f"{request.getfixturevalue('cluster_url')}?namespace={mark}"
        case "s3":
            url = f"{request.getfixturevalue('s3_url')}&namespace={mark}"
        case _:
            url = f"file://{tmp_path}/objects"
    return Store(request.param, url)

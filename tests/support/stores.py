"""URLs of stores of every kind, each a place of its own."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

SHARED = ("sqlite", "redis", "cluster", "s3", "object-files")
EVERY = ("files", *SHARED)


def url_of(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    """A new store of `kind`; that of files is the project's own folder."""
    mark = secrets.token_hex(4)
    match kind:
        case "files":
            return "files:cassettes"
        case "sqlite":
            return f"sqlite:{folder}/store.sqlite"
        case "redis":
            return f"{request.getfixturevalue('redis_url')}?namespace={mark}"
        case "cluster":
            return f"{request.getfixturevalue('cluster_url')}?namespace={mark}"
        case "s3":
            return f"{request.getfixturevalue('s3_url')}&namespace={mark}"
        case _:
            return f"file://{folder}/objects"

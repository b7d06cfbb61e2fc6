"""A project with recordings in each kind of store, and the command as it is typed there."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from onetake.cli import main
from onetake.stores.opening import open_shelf
from onetake.stores.shelf import Shelf
from tests.cli.recordings import MATCHER
from tests.support import s3

STORES = ["cassettes", "files", "sqlite", "redis", "s3"]


@pytest.fixture(params=STORES)
def url(request: pytest.FixtureRequest, project: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The project's store, of each kind."""
    made = make_url(request.param, request)
    for name, value in s3.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ONETAKE_STORE", made)
    return made


def make_url(kind: str, request: pytest.FixtureRequest) -> str:
    mark = f"test-{secrets.token_hex(4)}"
    match kind:
        case "cassettes":
            return ""
        case "files":
            return "files:kept"
        case "sqlite":
            return f"sqlite:{mark}.db"
        case "redis" | "cluster":
            return f"{request.getfixturevalue(f'{kind}_url')}?namespace={mark}"
        case "s3":
            return f"{request.getfixturevalue('s3_url')}&namespace={mark}"
    return f"file://{request.getfixturevalue('tmp_path')}/objects?namespace={mark}"


@pytest.fixture
def shelf(url: str, project: Path) -> Shelf:
    """The project's store as a whole."""
    return open_shelf(url, project, MATCHER.fingerprint)


@pytest.fixture
def typed(project: Path) -> Callable[..., Result]:
    """`typed("ls", "--json")` is the command in the project."""
    return lambda *words: CliRunner().invoke(main, words)


@pytest.fixture
def told(typed: Callable[..., Result]) -> Callable[..., Any]:
    """What the command prints with `--json`."""

    def run(*words: str) -> Any:
        done = typed(*words, "--json")
        assert done.exit_code in (0, 1), done.output
        return json.loads(done.stdout)

    return run

"""A store as a program in a process of its own is told of it, and what lies in it."""

from __future__ import annotations

import os
import secrets
import sqlite3
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import pytest
import redis

from onetake.stores.port import Owned, is_own
from onetake.stores.rows.objects import ObjectStore
from onetake.stores.rows.redis_ import RedisStore
from onetake.stores.rows.sqlite import SqliteStore
from tests.support import s3

# `make stress` has every store; tests/contract has all of them each time.
_IN_FULL = os.environ.get("STRESS") == "1"
SHARED = ("sqlite", "redis", "s3", "cluster", "object-files") if _IN_FULL else ("redis",)
EVERY = ("files", *SHARED)


def url_of(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    """A store of `kind` that nobody else writes into; one on this machine lies in `folder`."""
    mark = secrets.token_hex(4)
    match kind:
        case "files":
            return f"files:{folder}/recordings"
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


@dataclass(frozen=True)
class Store:
    """`kind` is "files", "sqlite", "redis", "cluster", "s3" or "object-files"."""

    kind: str
    url: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which a program finds it."""
        return {**s3.ENVIRONMENT, "ONETAKE_STORE": self.url}

    @property
    def folder(self) -> Path:
        """The folder of a store on this machine."""
        return Path(self.url.partition(":")[2].removeprefix("//"))

    @property
    def is_remote(self) -> bool:
        """Whether it has a cache and a spool in `.onetake/`, so that trouble with it fails no test."""
        return self.kind not in ("files", "sqlite")

    def held(self) -> dict[str, bytes]:
        """All that lies in it, byte for byte, by file or by cassette and slot."""
        if self.kind == "files":
            paths = [path for path in self.folder.glob("**/*") if path.is_file()]
            return {str(path.relative_to(self.folder)): path.read_bytes() for path in paths}
        with self.opened() as store:
            return {
                f"{name}#{row.slot}": row.data
                for name in store.names()
                if not is_own(name)
                for row in store.read(name).rows
            }

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Inside, the store can be reached and takes nothing; what a bucket held is gone after it."""
        match self.kind:
            case "files" | "object-files":
                aside = self.folder.with_name("aside")
                self.folder.rename(aside)
                self.folder.write_text("in the way")
                try:
                    yield
                finally:
                    self.folder.unlink()
                    aside.rename(self.folder)
            case "sqlite":
                with closing(sqlite3.connect(self.folder)) as file:
                    (last,) = file.execute("SELECT coalesce(max(rowid), 0) FROM rows").fetchone()
                    # An index that fails for each further row; a file with a trigger would not be opened.
                    file.execute(
                        "CREATE INDEX no ON rows (abs(-9223372036854775808 + 0 * length(slot))) "
                        f"WHERE rowid > {last}"
                    )
                    try:
                        yield
                    finally:
                        file.execute("DROP INDEX no")
            case "redis" | "cluster":
                kind = redis.RedisCluster if self.kind == "cluster" else redis.Redis
                to = {"target_nodes": "primaries"} if self.kind == "cluster" else {}
                with kind.from_url(self.url.partition("?")[0], protocol=2) as server:
                    server.config_set("min-replicas-to-write", 1, **to)
                    try:
                        yield
                    finally:
                        server.config_set("min-replicas-to-write", 0, **to)
            case _:
                parts = urlsplit(self.url)
                endpoint = parse_qs(parts.query)["endpoint"][0]
                _ask("POST", f"{endpoint}/moto-api/reset")
                try:
                    yield
                finally:
                    _ask("PUT", f"{endpoint}/{parts.hostname}")

    @contextmanager
    def opened(self) -> Iterator[Owned]:
        """The store itself, without cache and spool."""
        made: Owned
        with mock.patch.dict("os.environ", s3.ENVIRONMENT):
            match self.kind:
                case "sqlite":
                    made = SqliteStore(self.folder)
                case "redis" | "cluster":
                    made = RedisStore(self.url)
                case _:
                    made = ObjectStore(self.url)
            try:
                yield made
            finally:
                made.close()


def _ask(method: str, url: str) -> None:
    urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10).close()

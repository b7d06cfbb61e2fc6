"""The cache in front of a store on another machine."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from onetake.stores.layered import LayeredStore
from onetake.stores.port import Row
from onetake.stores.sqlite import SqliteStore

_LIMIT = 1 << 20


@pytest.fixture
def stores(tmp_path: Path) -> list[SqliteStore]:
    return [SqliteStore(tmp_path / f"{name}.sqlite") for name in ("remote", "cache", "spool")]


def test_the_cache_stays_within_its_limit_and_what_it_forgets_is_read_again(stores):
    remote, cache, _ = stores
    layered = LayeredStore(*stores, cache_limit=_LIMIT)
    rows = [Row("a", secrets.token_bytes(20_000)), Row("b", secrets.token_bytes(20_000))]
    names = [f"c{n}" for n in range(100)]
    blobs = {f"blob{n}": secrets.token_bytes(50_000) for n in range(30)}
    for name in names:
        remote.append(name, rows)
    remote.put_blobs(blobs)

    largest = 0
    for name in names:
        assert len(layered.read(name).rows) == 2
        largest = max(largest, cache._used())
    assert 0 < len(list(cache.cassettes())) < 50
    for name, data in blobs.items():
        assert layered.blobs([name]) == {name: data}
        largest = max(largest, cache._used())

    assert largest < 1.2 * _LIMIT
    assert {row.data for row in layered.read("c0").rows} == {row.data for row in rows}
    assert layered.blobs(list(blobs)) == blobs


def test_what_waits_to_be_delivered_is_never_forgotten(stores):
    *_, spool = stores
    layered = LayeredStore(*stores, cache_limit=1)
    spool.append("c", [Row("a", secrets.token_bytes(100_000))])

    layered.read("another")
    layered.blobs(["none"])

    assert spool.read("c").rows or stores[0].read("c").rows

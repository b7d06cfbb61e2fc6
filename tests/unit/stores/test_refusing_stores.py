"""A store on another machine that refuses, behind its cache and its spool."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from onetake.errors import CassetteError
from onetake.stores.port import Patience, Row
from onetake.stores.rows import layered
from onetake.stores.rows.layered import LayeredStore
from onetake.stores.rows.redis_ import RedisStore
from onetake.stores.rows.sqlite import SqliteStore
from tests.support.valkey import Valkey


@pytest.fixture
def server() -> Iterator[Valkey]:
    with Valkey() as one:
        yield one


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layered, "_PAUSE_S", 0.0)
    monkeypatch.setattr(layered, "_PAUSE_RATE", 0)


def machine(server: Valkey, folder: Path) -> LayeredStore:
    return layers(RedisStore(server.url, patience=Patience(retries=0)), folder)


def layers(remote: RedisStore, folder: Path) -> LayeredStore:
    folder.mkdir(exist_ok=True)
    return LayeredStore(
        remote,
        SqliteStore(folder / "cache.sqlite"),
        SqliteStore(folder / "spool.sqlite"),
    )


def slots(store: LayeredStore, cassette: str) -> set[str]:
    return {row.slot for row in store.read(cassette).rows}


def test_a_store_that_refuses_to_be_written_is_read(tmp_path, server):
    with (
        closing(machine(server, tmp_path / "one")) as one,
        closing(machine(server, tmp_path / "other")) as other,
        server.client() as client,
    ):
        one.append("c", [Row("a", b"1")])
        client.config_set("min-replicas-to-write", 1)
        other.append("d", [Row("a", b"1")])

        assert slots(other, "c") == {"a"}
        assert slots(other, "d") == {"a"}
        trouble = other.drain_trouble()
        assert trouble is not None
        assert (trouble.spooled, trouble.delivered) == (1, 0)

        client.config_set("min-replicas-to-write", 0)
        assert slots(other, "c") == {"a"}
        assert slots(one, "d") == {"a"}


def test_a_cassette_that_cannot_be_read_holds_up_no_other(tmp_path, server):
    with closing(machine(server, tmp_path / "one")) as one, server.client() as client:
        server.stop()
        one.append("bad", [Row("a", b"1")])
        one.append("good", [Row("a", b"1")])
        server.start()
        client.set(RedisStore(server.url)._cassette_key("bad"), "of another program")

        assert slots(one, "good") == {"a"}
        with pytest.raises(CassetteError, match="another program"):
            one.read("bad")
        with closing(machine(server, tmp_path / "other")) as other:
            assert slots(other, "good") == {"a"}

        client.delete(RedisStore(server.url)._cassette_key("bad"))
        one.read("good")
        with closing(machine(server, tmp_path / "third")) as third:
            assert slots(third, "bad") == {"a"}


def test_a_new_generation_in_the_spool_is_not_mixed_with_the_old_one(tmp_path, server):
    with closing(machine(server, tmp_path / "one")) as one, server.client() as client:
        one.append("c", [Row("a", b"old"), Row("b", b"old")])
        client.config_set("min-replicas-to-write", 1)
        one.append("c", [Row("a", b"new")], replacing_run="run")

        assert [(row.slot, row.data) for row in one.read("c").rows] == [("a", b"new")]
        client.config_set("min-replicas-to-write", 0)
        one.read("c")
        assert [(row.slot, row.data) for row in one.read("c").rows] == [("a", b"new")]


def test_who_waited_for_a_silent_store_leaves_it_alone_for_longer(tmp_path, monkeypatch):
    monkeypatch.setattr(layered, "_PAUSE_RATE", 1000)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        remote = RedisStore(url, patience=Patience(command_s=0.1, retries=0))
        with closing(layers(remote, tmp_path)) as store:
            for _ in range(5):
                store.read("c")
            trouble = store.drain_trouble()

    assert trouble is not None
    assert trouble.failures == 1

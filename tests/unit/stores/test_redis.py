"""Recordings in Redis: a real server, a real cluster, and what can be wrong with them."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from onetake.errors import CassetteError, StoreError, UsageError
from onetake.stores.port import Patience, Row
from onetake.stores.rows.redis_ import RedisStore
from tests.support.valkey import Valkey, free_port, start_cluster


@pytest.fixture(scope="module")
def server() -> Iterator[Valkey]:
    with Valkey() as one:
        yield one


@pytest.fixture(scope="module")
def cluster() -> Iterator[list[Valkey]]:
    with start_cluster() as nodes:
        yield nodes


@pytest.fixture(params=["server", "cluster"])
def store(request: pytest.FixtureRequest) -> Iterator[RedisStore]:
    made = request.getfixturevalue(request.param)
    nodes = made if isinstance(made, list) else [made]
    for node in nodes:
        with node.client() as client:
            client.flushall()
    with closing(RedisStore(nodes[0].url)) as one:
        yield one


def rows(*names: str, data: bytes = b"x") -> list[Row]:
    return [Row(name, data) for name in names]


def held(store: RedisStore, cassette: str = "c") -> dict[str, bytes]:
    return {row.slot: row.data for row in store.read(cassette).rows}


def test_closing_in_one_thread_does_not_disturb_another(store):
    failed: list[BaseException] = []

    def write(n: int) -> None:
        try:
            for m in range(20):
                store.append("c", rows(f"{n}-{m}"))
                store.close()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert len(held(store)) == 80


def test_a_forked_child_connects_anew(server):
    with closing(RedisStore(server.url, namespace="fork")) as store:
        store.append("c", rows("a"))
        child = os.fork()
        if child == 0:
            try:
                added = store.append("c", rows("a", "b"))
                os._exit(0 if added == {"b"} else 1)
            finally:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        assert held(store).keys() == {"a", "b"}


def test_namespaces_do_not_see_each_other(server):
    with (
        closing(RedisStore(f"{server.url}/1?namespace=one")) as one,
        closing(RedisStore(f"{server.url}/1?namespace=two")) as two,
    ):
        one.append("c", rows("a"))

        assert list(two.names()) == []
        assert one.place == f"{server.url}/1?namespace=one"


def test_it_goes_on_after_a_restart():
    with Valkey(is_persistent=True) as server, closing(RedisStore(server.url)) as store:
        store.append("c", rows("a"))
        server.kill()
        server.start()

        assert held(store).keys() == {"a"}
        server.restart()
        assert store.append("c", rows("a", "b")) == {"b"}


def test_nobody_there_is_told_in_bounded_time():
    store = RedisStore(f"redis://u:SECRET@127.0.0.1:{free_port()}/0?password=SECRET")
    began = time.monotonic()
    with pytest.raises(StoreError, match="refused") as told:
        store.read("c")

    assert time.monotonic() - began < 2
    assert "SECRET" not in str(told.value) + store.place + told.value.path


def test_a_silent_server_is_told_in_bounded_time():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        with closing(RedisStore(url, patience=Patience(command_s=0.2, retries=1))) as store:
            began = time.monotonic()
            with pytest.raises(StoreError, match="in time"):
                store.append("c", rows("a"))
            assert time.monotonic() - began < 10  # the usual patience is 15 s


def test_a_lost_answer_does_not_lose_the_rows(server):
    """The server did what was asked, but the connection broke before the answer came."""
    with closing(RedisStore(server.url, namespace="lost")) as store:
        store.append("c", rows("old"))
        client = store._server._own.client
        whole = client.pipeline
        import redis

        def broken(*args, **options):
            client.pipeline = whole
            pipe = whole(*args, **options)
            execute = pipe.execute

            def unheard():
                execute()
                raise redis.ConnectionError("lost")

            pipe.execute = unheard
            return pipe

        client.pipeline = broken
        assert store.append("c", rows("new")) == {"new"}


def test_a_wrong_password_is_told_without_it():
    with Valkey(password="right") as server:
        for user in ("", ":WRONG@", "me:WRONG@"):
            with closing(RedisStore(f"redis://{user}127.0.0.1:{server.port}")) as store:
                with pytest.raises(StoreError, match="user or password") as told:
                    store.read("c")
            assert "WRONG" not in str(told.value) + store.place
        with closing(RedisStore(server.url)) as store:
            store.append("c", rows("a"))
            assert "right" not in store.place


def test_tls_to_a_plain_server_is_told(server):
    url = server.url.replace("redis:", "rediss:")
    with closing(RedisStore(url, patience=Patience(0.3, 0.3))) as store:
        with pytest.raises(StoreError, match=r"TLS|in time|connection failed"):
            store.read("c")


def test_a_full_server_refuses_the_whole_append():
    with Valkey("maxmemory 3mb", "maxmemory-policy noeviction") as server:
        with closing(RedisStore(server.url)) as store:
            store.append("c", rows("a"))

            def fill():
                for n in range(50):
                    store.append("big", rows(f"{n}-1", f"{n}-2", data=bytes(100_000)))

            with pytest.raises(StoreError, match="memory is full"):
                fill()

            assert held(store) == {"a": b"x"}
            assert len(held(store, "big")) % 2 == 0
            capacity = store.capacity()
            assert capacity is not None
            assert capacity.limit == 3 * 1024 * 1024
            store.remove("big")
            store.append("c", rows("b"))


def test_a_server_without_a_limit_has_no_capacity(store):
    assert store.capacity() is None


def test_a_replica_is_read_but_not_written():
    with Valkey() as server, closing(RedisStore(server.url)) as store:
        store.append("c", rows("a"))
        with server.client() as client:
            client.replicaof("127.0.0.1", str(free_port()))

        assert held(store).keys() == {"a"}
        with pytest.raises(StoreError, match="read-only replica"):
            store.append("c", rows("b"))
        with pytest.raises(StoreError, match="read-only replica"):
            store.append("c", rows("b"), replacing_run="r")


@pytest.mark.parametrize(
    ("marker", "reason"), [("onetake 2", "newer"), ("mine", "another program")]
)
def test_another_format_is_refused(store, server, cluster, marker, reason):
    store.append("c", rows("a"))
    store._server._own.client.set("onetake:format", marker)
    store.close()

    for use in (lambda: store.read("c"), lambda: store.append("c", rows("b"))):
        with pytest.raises(StoreError, match=reason):
            use()


def test_a_foreign_key_is_refused(store):
    store.append("c", rows("a"))
    store._server._own.client.set(store._cassette_key("d"), "text")

    for use in (lambda: store.read("d"), lambda: store.append("d", rows("b"))):
        with pytest.raises(CassetteError, match="another program"):
            use()


@pytest.mark.parametrize(
    "url",
    ["redis://u:SEC/RET@host", "http://host", "redis://host?namespace={a}", "redis://h?SEC=1"],
)
def test_a_url_that_cannot_work_is_refused(url):
    with pytest.raises(UsageError) as told:
        RedisStore(url).read("c")
    assert "SEC" not in str(told.value)


def test_a_cluster_can_be_named_by_the_url(cluster):
    with closing(RedisStore(f"{cluster[1].url}?cluster=true&namespace=named")) as store:
        store.append("named", rows("a"))
        assert held(store, "named").keys() == {"a"}

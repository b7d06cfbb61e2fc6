"""The shared store in a bucket, over a local S3 server and over a folder."""

from __future__ import annotations

import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from onetake.errors import StoreError, UsageError
from onetake.stores import history
from onetake.stores.port import BLOBS, FOREVER, LINES, Held, Patience, Row, RowStore, capacity_of
from onetake.stores.rows import bucket
from onetake.stores.rows.objects import ObjectStore
from tests.support.runs import run_program
from tests.support.s3 import ENVIRONMENT, S3Server, s3_server

pytest.importorskip("obstore")
SECRET = ENVIRONMENT["AWS_SECRET_ACCESS_KEY"]


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    pytest.importorskip("moto")
    with s3_server() as running:
        yield running


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["s3", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "file":
        return f"file://{tmp_path}/store"
    server: S3Server = request.getfixturevalue("server")
    return server.url_of(f"tests/{uuid.uuid4().hex}")


@pytest.fixture
def store(url: str) -> ObjectStore:
    return ObjectStore(url)


def rows(*names: str, data: bytes | None = None) -> list[Row]:
    return [Row(name, name.encode() if data is None else data) for name in names]


def slots(store: RowStore, cassette: str = "c") -> list[str]:
    return sorted(row.slot for row in store.read(cassette).rows)


def count(store: ObjectStore, cassette: str = "c") -> int:
    return len(store._list(store._folder(cassette)))


def test_it_is_a_row_store(store: ObjectStore) -> None:
    port: RowStore = store
    assert capacity_of(port) is None


def test_nothing_is_there_before_the_first_append(store: ObjectStore) -> None:
    assert (store.read("c").rows, store.read("c").version) == ((), "")
    assert list(store.names()) == []
    assert store.remove("c") == 0
    assert store.read(BLOBS, slots=["x"]) == Held()


def test_what_was_appended_is_read_by_another(store: ObjectStore, url: str) -> None:
    assert store.append("c", rows("a", "b")) == {"a", "b"}
    assert {row.slot: row.data for row in ObjectStore(url).read("c").rows} == {"a": b"a", "b": b"b"}


def test_the_first_to_fill_a_slot_owns_it(store: ObjectStore, url: str) -> None:
    other = ObjectStore(url)
    store.append("c", rows("a", data=b"first"))
    assert other.append("c", rows("a", "b", data=b"second")) == {"b"}
    assert other.append("c", rows("a")) == frozenset()
    held = {row.slot: row.data for row in store.read("c").rows}
    assert held == {"a": b"first", "b": b"second"}


def test_a_known_version_needs_no_rows(store: ObjectStore) -> None:
    store.append("c", rows("a"))
    version = store.read("c").version
    assert store.read("c", known=version).is_unchanged
    store.append("c", rows("b"))
    held = store.read("c", known=version)
    assert (held.is_unchanged, len(held.rows)) == (False, 2)
    assert held.version != version


def test_the_first_append_of_a_run_begins_a_generation(store: ObjectStore, url: str) -> None:
    other = ObjectStore(url)
    store.append("c", rows("a", "old"))
    assert store.append("c", rows("a", data=b"new"), replacing_run="r1") == {"a"}
    assert other.append("c", rows("b"), replacing_run="r1") == {"b"}
    assert {row.slot: row.data for row in other.read("c").rows} == {"a": b"new", "b": b"b"}
    assert other.append("c", rows("z"), replacing_run="r2") == {"z"}
    assert store.append("c", rows("late"), replacing_run="r1") == {"late"}
    assert slots(store) == ["late", "z"]


def test_two_processes_of_a_run_replace_once(url: str) -> None:
    ObjectStore(url).append("c", rows("old"))
    stores = [ObjectStore(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(
                lambda at: stores[at].append("c", rows(f"s{at}"), replacing_run="run"), range(4)
            )
        )
    assert slots(ObjectStore(url)) == ["s0", "s1", "s2", "s3"]


def test_many_small_objects_become_one(store: ObjectStore, url: str) -> None:
    store.append("c", rows("first"), replacing_run="r")
    for at in range(40):
        assert store.append("c", rows(f"s{at}", "first")) == {f"s{at}"}
    assert count(store) < 34
    assert slots(ObjectStore(url)) == sorted(["first", *(f"s{at}" for at in range(40))])
    assert store.append("c", rows("still"), replacing_run="r") == {"still"}
    assert len(slots(store)) == 42


def test_an_append_that_lands_below_a_merge_is_kept(
    store: ObjectStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append("c", rows("a"))
    slow = ObjectStore(url)
    create, waited = slow._bucket.create, threading.Event()

    def late(path: str, data: bytes) -> bool:
        if "/c/" in path and not waited.is_set():
            waited.set()
            for at in range(80):
                store.append("c", rows(f"s{at}"))
        return create(path, data)

    monkeypatch.setattr(slow._bucket, "create", late)
    assert slow.append("c", rows("slow")) == {"slow"}
    assert "slow" in slots(ObjectStore(url))
    for at in range(80, 120):
        store.append("c", rows(f"s{at}"))
    assert len(slots(ObjectStore(url))) == 122


def test_what_is_replaced_but_still_listed_is_ignored(
    store: ObjectStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append("c", rows("old"))
    monkeypatch.setattr(store._bucket, "delete", lambda path: None)
    store.append("c", rows("new"), replacing_run="r")
    assert count(store) == 2
    assert slots(ObjectStore(url)) == ["new"]


def test_threads_appending_at_once_lose_nothing(url: str) -> None:
    stores = [ObjectStore(url), ObjectStore(url)]

    def fill(at: int) -> int:
        wanted = (rows(f"t{at}-{n}", f"shared-{n}") for n in range(20))
        return sum(len(stores[at % 2].append("c", some)) for some in wanted)

    with ThreadPoolExecutor(8) as pool:
        added = sum(pool.map(fill, range(8)))
    assert added == 8 * 20 + 20
    held = [row.slot for row in ObjectStore(url).read("c").rows]
    assert len(held) == len(set(held)) == added


def test_a_reader_never_sees_less_than_before(store: ObjectStore, url: str) -> None:
    reader, seen, done = ObjectStore(url), [0], threading.Event()

    def watch() -> bool:
        while not done.is_set():
            seen.append(len(reader.read("c").rows))
        return seen == sorted(seen)

    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(watch)
        for at in range(70):
            store.append("c", rows(f"s{at}"))
        done.set()
        assert result.result()


def test_blobs(store: ObjectStore, url: str) -> None:
    large = Row("three", b"x" * 100_000)
    assert store.append(BLOBS, rows("one", "two")) == {"one", "two"}
    assert store.append(BLOBS, [*rows("one", data=b"changed"), large]) == {"three"}
    found = ObjectStore(url).read(BLOBS, slots=["one", "two", "three", "four"]).rows
    assert sorted(found, key=lambda row: row.slot) == [
        Row("one", b"one"),
        large,
        Row("two", b"two"),
    ]


def test_a_claim_is_one_holders_until_its_time_is_up(store: ObjectStore, url: str) -> None:
    other = ObjectStore(url)
    assert store.claim("x", "me", 60).is_own
    assert store.claim("x", "me", 0.05).is_own
    assert not other.claim("y", "me", 60).is_own or not store.claim("y", "you", 60).is_own
    time.sleep(0.1)
    assert other.claim("x", "you", 60).is_own
    assert not store.claim("x", "me", 60).is_own
    store.release(["x"], "me")
    assert not store.claim("x", "me", 60).is_own
    other.release(["x"], "you")
    assert store.claim("x", "me", 60).is_own


def test_one_of_many_gets_an_expired_claim(url: str) -> None:
    ObjectStore(url).claim("x", "gone", 0.0)
    stores = [ObjectStore(url) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(lambda at: stores[at].claim("x", f"h{at}", 60).is_own, range(6)))
    assert won.count(True) == 1


def test_a_token_is_used_once(store: ObjectStore, url: str) -> None:
    assert store.claim("t", "one", FOREVER).is_own
    assert not ObjectStore(url).claim("t", "another", FOREVER).is_own
    assert store.claim("other", "another", FOREVER).is_own


def test_history_keeps_the_last_runs(store: ObjectStore) -> None:
    assert history.read(store, "c") == []
    for at in range(40):  # more than are merged into one object
        history.write(store, {"c": b"%d" % at, "d": b"d"})
    assert history.read(store, "c") == [b"%d" % at for at in range(20, 40)]


def test_a_run_is_one_object_and_old_ones_are_merged(store: ObjectStore) -> None:
    names = [f"c{n}" for n in range(50)]
    for _ in range(40):
        history.write(store, dict.fromkeys(names, b"line"))
    assert count(store, LINES) <= 32
    assert [len(history.read(store, name)) for name in names] == [20] * 50


def test_histories_written_at_once_are_all_kept(url: str) -> None:
    stores = [ObjectStore(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda at: history.write(stores[at], {"c": b"%d" % at}), range(4)))
    assert sorted(history.read(ObjectStore(url), "c")) == [b"0", b"1", b"2", b"3"]


def test_what_runs_did_is_told_while_the_interpreter_ends(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/store"
    program = f"""
    import atexit
    from onetake.stores import history
    from onetake.stores.rows.objects import ObjectStore

    for n in range(3):
        history.write(ObjectStore({url!r}), {{"c": b"before"}})
    atexit.register(lambda: history.write(ObjectStore({url!r}), {{"c": b"at the end"}}))
    """
    done = run_program(program, tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert history.read(ObjectStore(url), "c") == [*[b"before"] * 3, b"at the end"]


def test_rows_are_taken_away(store: ObjectStore, url: str) -> None:
    store.append("c", rows("a", "b", "d"))
    assert store.remove("c", ["a", "none"]) == 1
    assert store.remove("c", ["a"]) == 0
    assert slots(ObjectStore(url)) == ["b", "d"]
    assert store.append("c", rows("a", data=b"again")) == {"a"}
    assert store.remove("c") == 3
    assert list(store.names()) == []
    assert store.read("c").version == ""
    assert store.append("c", rows("a")) == {"a"}


def test_names_are_any_text(store: ObjectStore, url: str) -> None:
    names = {"a/b", "..", ".", "", "é ü", "a%2Fb", "~", "x~y", "n" * 400, "n" * 401, "a\nb", "?#&="}
    for name in names:
        store.append(name, rows("s", data=name.encode()))
    assert set(ObjectStore(url).names()) == names
    for name in names:
        assert store.read(name).rows == (Row("s", name.encode()),)


@pytest.mark.parametrize(
    ("text", "word"), [(b"hello", "another program"), (b"onetake 2", "a newer onetake")]
)
def test_what_another_wrote_is_refused(store: ObjectStore, text: bytes, word: str) -> None:
    store._bucket.create(store._path("format"), text)
    calls: list[Callable[[], object]] = [
        lambda: store.read("c"),
        lambda: store.append("c", rows("a")),
        lambda: list(store.names()),
        lambda: store.claim("t", "me", FOREVER),
    ]
    for call in calls:
        with pytest.raises(StoreError, match=word):
            call()


def test_a_namespace_of_its_own(url: str) -> None:
    mark = "&" if "?" in url else "?"
    ObjectStore(url).append("c", rows("a"))
    assert slots(ObjectStore(f"{url}{mark}namespace=other")) == []
    assert slots(ObjectStore(url, namespace="onetake")) == ["a"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_can_use_it(store: ObjectStore, url: str) -> None:
    store.append("c", rows("parent"))
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        code = 1
        try:
            fine = slots(store) == ["parent"] and store.append("c", rows("child")) == {"child"}
            code = 0 if fine else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert slots(store) == ["child", "parent"]


def test_an_unreachable_server_is_an_error_in_bounded_time() -> None:
    store = ObjectStore(
        f"s3://user:{SECRET}@bucket/p?endpoint=http://127.0.0.1:9&region=us-east-1",
        patience=Patience(connect_s=0.5),
    )
    begin = time.monotonic()
    for call in (lambda: store.read("c"), lambda: store.append("c", rows("a"))):
        with pytest.raises(StoreError, match="cannot be reached") as caught:
            call()
        assert SECRET not in f"{caught.value}{caught.value.path}{store.place}"
        assert caught.value.__cause__ is None
    assert time.monotonic() - begin < 8
    assert store.place == "s3://bucket/p/onetake"


def test_a_server_that_ignores_conditions_is_refused(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append(BLOBS, rows("a"))
    store.close()
    monkeypatch.setattr(store._bucket, "create", lambda path, data: True)
    with pytest.raises(StoreError, match="ignores the condition"):
        store.append("c", rows("a"))


def test_a_missing_bucket_is_an_error(server: S3Server) -> None:
    store = ObjectStore(server.url_of("p", bucket="nowhere"))
    for call in (
        lambda: store.read("c"),
        lambda: store.read(BLOBS, slots=["a"]),
        lambda: store.append("c", rows("a")),
        lambda: store.claim("a", "me", FOREVER),
    ):
        with pytest.raises(StoreError, match="no such bucket") as caught:
            call()
        assert SECRET not in str(caught.value)


def test_a_server_that_stops_and_comes_back() -> None:
    with s3_server() as server:
        store = ObjectStore(server.url, patience=Patience(connect_s=0.5, retries=0))
        store.append("c", rows("a"))
        server.stop()
        with pytest.raises(StoreError):
            store.read("c")
        server.start()
        assert slots(store) == []


def test_an_unknown_scheme_is_the_callers_mistake() -> None:
    with pytest.raises(UsageError, match="ftp"):
        ObjectStore("ftp://host/x")


def test_without_obstore_the_remedy_is_an_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bucket, "_loaded", {})
    monkeypatch.setitem(__import__("sys").modules, "obstore", None)
    with pytest.raises(UsageError, match=r"onetake\[objects\]"):
        ObjectStore(f"file://{tmp_path}").read("c")

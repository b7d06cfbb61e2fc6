"""What every shared store promises (`RowStore` in stores/port.py), over every store."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from onetake.stores.port import RUNS, Claim, Held, Row, RowStore
from onetake.stores.rows.encrypted import EncryptedStore
from onetake.stores.rows.keyring import Keyring
from onetake.stores.rows.objects import ObjectStore
from onetake.stores.rows.redis_ import RedisStore
from onetake.stores.rows.sqlite import SqliteStore
from tests.support import s3

_KEYS = Keyring((bytes(range(32)),), "env:KEY")
_ENCRYPTED = ["encrypted sqlite", "encrypted redis_url", "encrypted object-files"]


@pytest.fixture(
    params=["sqlite", "redis_url", "cluster_url", "s3_url", "object-files", *_ENCRYPTED]
)
def store(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[RowStore]:
    made: RowStore
    namespace = f"test-{secrets.token_hex(4)}"
    encrypted, _, kind = request.param.rpartition(" ")
    match kind:
        case "sqlite":
            made = SqliteStore(tmp_path / "store.sqlite")
        case "redis_url" | "cluster_url":
            made = RedisStore(request.getfixturevalue(kind), namespace=namespace)
        case "s3_url":
            for name, value in s3.ENVIRONMENT.items():
                monkeypatch.setenv(name, value)
            made = ObjectStore(request.getfixturevalue("s3_url"), namespace=namespace)
        case _:
            made = ObjectStore(f"file://{tmp_path}/objects", namespace=namespace)
    yield EncryptedStore(made, _KEYS) if encrypted else made
    made.close()


def rows(*names: str, data: bytes = b"x") -> list[Row]:
    return [Row(name, data) for name in names]


def held(store: RowStore, cassette: str = "c") -> dict[str, bytes]:
    return {row.slot: row.data for row in store.read(cassette).rows}


def test_what_does_not_exist_is_empty(store):
    assert store.read("c") == Held()
    assert list(store.cassettes()) == []
    assert store.blobs(["a"]) == {}
    assert store.history("c") == []
    assert store.remove("c") == 0
    assert store.remove("c", ["a"]) == 0
    assert store.read("c") == Held()


def test_the_first_to_fill_a_slot_owns_it(store):
    assert store.append("c", rows("a", "b", data=b"1")) == {"a", "b"}
    assert store.append("c", rows("b", "c", data=b"2")) == {"c"}

    assert held(store) == {"a": b"1", "b": b"1", "c": b"2"}


def test_any_word_names_a_slot(store):
    assert store.append("c", rows("a", "!name", data=b"1")) == {"a", "!name"}
    assert store.append("c", rows("!name", "c", data=b"2")) == {"c"}

    assert held(store) == {"a": b"1", "!name": b"1", "c": b"2"}


def test_a_run_replaces_once_and_then_adds(store):
    store.append("c", rows("a", "b"))

    assert store.append("c", rows("a", "c"), replacing_run="run-1") == {"a", "c"}
    assert store.append("c", rows("c", "d"), replacing_run="run-1") == {"d"}
    assert held(store).keys() == {"a", "c", "d"}

    store.append("c", rows("a"), replacing_run="run-2")
    assert held(store).keys() == {"a"}


def test_blobs_that_nobody_has_put_for_long_may_go(store):
    store.put_blobs({"old": b"1", "again": b"2", "other": b"3"})
    time.sleep(1.2)
    store.put_blobs({"again": b"2"})
    old = sorted(store.old_blobs(1.0))

    assert store.old_blobs(3600.0) == []
    assert store.remove_blobs(["old", "again", "other", "never"], 3600.0) == 0
    assert len(store.blobs(["old", "again", "other"])) == 3
    if isinstance(getattr(store, "within", store), ObjectStore):
        assert old == []  # it cannot tell
        return
    assert old == ["old", "other"]
    assert store.remove_blobs(["old", "again"], 1.0) == 1
    assert store.blobs(["old", "again", "other"]) == {"again": b"2", "other": b"3"}
    store.put_blobs({"old": b"1"})
    assert store.blobs(["old"]) == {"old": b"1"}


def test_blobs_may_go_at_once_whenever_they_were_put(store):
    store.put_blobs({"one": b"1", "other": b"2"})

    assert store.remove_blobs(["one", "never"], 0.0) == 1
    assert store.blobs(["one", "other"]) == {"other": b"2"}
    store.put_blobs({"one": b"1"})
    assert store.blobs(["one"]) == {"one": b"1"}


def test_rows_are_rewritten_where_nobody_has_changed_them(store):
    store.append("c", rows("a", "b", "!name", data=b"1"))
    store.append("other", rows("a", data=b"1"))
    first = store.read("c").version

    assert store.rewrite("c", [*rows("a", "!name", data=b"2"), Row("new", b"2")], known=first)
    assert held(store) == {"a": b"2", "b": b"1", "!name": b"2"}
    assert held(store, "other") == {"a": b"1"}
    assert not store.read("c", known=first).is_unchanged
    assert not store.rewrite("c", rows("a", data=b"3"), known=first)
    assert not store.rewrite("never", rows("a", data=b"3"), known=first)
    assert held(store)["a"] == b"2"
    assert store.append("c", rows("a", "c", data=b"4")) == {"c"}
    assert list(store.read("never").rows) == []


def test_a_run_goes_on_after_its_rows_were_rewritten(store):
    store.append("c", rows("a"), replacing_run="run-1")
    store.rewrite("c", rows("a", data=b"2"), known=store.read("c").version)

    store.append("c", rows("b", data=b"2"), replacing_run="run-1")
    assert held(store) == {"a": b"2", "b": b"2"}


def test_blobs_are_rewritten_where_they_are_there(store):
    assert store.blob_names() == []
    store.put_blobs({"sha256-a": b"1", "sha256-b": b"1"})

    assert sorted(store.blob_names()) == ["sha256-a", "sha256-b"]
    store.rewrite_blobs({"sha256-a": b"2", "never": b"2"})
    assert store.blobs(["sha256-a", "sha256-b", "never"]) == {"sha256-a": b"2", "sha256-b": b"1"}


def test_lines_are_rewritten_in_their_places(store):
    for line in (b"1", b"2", b"3"):
        store.append("c", rows("a"))
        store.append("other", rows("a"))
        store.add_histories({"c": line, "other": line})

    store.rewrite_histories({"c": {b"2": b"two", b"9": b"nine"}, "never": {b"1": b"one"}})
    store.add_histories({"c": b"4"})

    assert store.history("c") == [b"1", b"two", b"3", b"4"]
    assert store.history("other") == [b"1", b"2", b"3"]
    assert store.history("never") == []


def test_a_known_version_needs_no_rows(store):
    store.append("c", rows("a"))
    first = store.read("c")

    again = store.read("c", known=first.version)
    store.append("c", rows("b"))
    changed = store.read("c", known=first.version)

    assert (again.is_unchanged, again.rows, again.version) == (True, (), first.version)
    assert not changed.is_unchanged
    assert {row.slot for row in changed.rows} == {"a", "b"}


def test_what_changed_since_it_was_read_is_not_removed(store):
    store.append("c", rows("a", "b", data=b"1"))
    old = store.read("c").version
    store.append("c", rows("a", data=b"2"), replacing_run="run-1")

    assert store.remove("c", ["a"], known=old) == store.remove("c", known=old) == 0
    assert held(store) == {"a": b"2"}
    assert store.remove("c", ["a"], known=store.read("c").version) == 1
    store.append("c", rows("b"))
    assert store.remove("c", known=store.read("c").version) == 1
    assert store.read("c") == Held()
    assert store.remove("never", known=old) == 0


def test_a_version_is_never_had_again(store):
    store.append("c", rows("a", data=b"1"))
    version = store.read("c").version
    store.remove("c")
    store.append("c", rows("a", data=b"2"))

    assert not store.read("c", known=version).is_unchanged


def test_cassettes_do_not_know_each_other(store):
    store.append("one/test[ä b%/]", rows("a"))
    store.append("two", rows("a", "b"))

    assert sorted(store.cassettes()) == ["one/test[ä b%/]", "two"]
    assert held(store, "one/test[ä b%/]").keys() == {"a"}


def test_rows_and_cassettes_are_removed(store):
    store.append("c", rows("a", "b", "d"))

    assert store.remove("c", ["a", "z"]) == 1
    assert held(store).keys() == {"b", "d"}
    assert store.remove("c") == 2
    assert list(store.cassettes()) == []


def test_a_history_goes_with_its_cassette(store):
    store.append("c", rows("a"))
    store.add_histories({"c": b"run"})

    assert store.remove("c") == 1
    assert store.history("c") == []


def test_blobs_are_kept_once(store):
    store.put_blobs({"a": b"1", "b": bytes(100_000), "d": b""})
    store.put_blobs({"a": b"2"})

    assert store.blobs(["a", "b", "d", "none"]) == {"a": b"1", "b": bytes(100_000), "d": b""}


def test_a_claim_has_one_holder_until_its_time_is_up(store):
    assert store.claim("slot", "me", 30).is_own
    assert store.claim("slot", "me", 30).is_own
    assert not store.claim("slot", "you", 30).is_own
    store.release(["slot"], "you")
    assert not store.claim("slot", "you", 30).is_own
    store.release(["slot"], "me")
    assert store.claim("slot", "you", 0.05).is_own
    threading.Event().wait(0.2)
    assert store.claim("slot", "me", 30).is_own


def test_who_has_a_name_leaves_what_the_others_wait_for(store):
    store.claim("slot", "me", 30)
    assert store.claim("slot", "you", 30) == Claim(False, holder="me")

    store.settle("slot", "me", b"the answer\0", 30)

    assert store.claim("slot", "you", 30) == Claim(False, b"the answer\0", "me")
    store.release(["slot", "another"], "me")
    assert store.claim("slot", "you", 30) == Claim(True, holder="you")


def test_what_was_left_is_gone_when_its_time_is_up(store):
    store.claim("slot", "me", 30)
    store.settle("slot", "me", b"the answer", 0.05)
    threading.Event().wait(0.2)

    assert store.claim("slot", "you", 30) == Claim(True, holder="you")


def test_the_last_runs_are_remembered(store):
    for n in range(25):
        store.add_histories({"c": b"%d" % n})

    assert store.history("c") == [b"%d" % n for n in range(5, 25)]


def test_of_runs_as_a_whole_more_are_remembered(store):
    for n in range(105):
        store.add_histories({RUNS: b"%d" % n})

    assert store.history(RUNS) == [b"%d" % n for n in range(5, 105)]
    assert store.read(RUNS).rows == ()


def test_many_cassettes_are_remembered_in_one_batch(store):
    store.add_histories({})
    store.add_histories({f"c{n}": b"%d" % n for n in range(30)})
    store.add_histories({"c1": b"again", "ä/b [c]": b"x"})

    assert store.history("c0") == [b"0"]
    assert store.history("c1") == [b"1", b"again"]
    assert store.history("ä/b [c]") == [b"x"]


def test_threads_lose_no_line(store):
    def write(n: int) -> None:
        store.add_histories({"c": b"%d" % n})
        store.close()

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(store.history("c")) == [b"%d" % n for n in range(8)]


def test_a_token_is_used_once(store):
    assert [store.once("flush-1"), store.once("flush-1"), store.once("flush-2")] == [
        True,
        False,
        True,
    ]


def test_threads_that_write_the_same_slots_share_them(store):
    names = [f"s{n}" for n in range(40)]
    won: list[frozenset[str]] = []

    def write() -> None:
        won.extend(store.append("c", rows(name)) for name in names)
        store.close()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(name for some in won for name in some) == sorted(names)
    assert held(store).keys() == set(names)


@pytest.mark.parametrize("run", [None, "run"])
def test_each_slot_is_won_once(store, run):
    won: list[frozenset[str]] = []
    slots = [f"s{n}" for n in range(50)]

    def write(n: int) -> None:
        won.append(store.append("c", rows(*slots, f"own{n}", data=b"%d" % n), replacing_run=run))
        store.close()

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(slot for some in won for slot in some) == sorted(held(store))
    assert len(held(store)) == 58

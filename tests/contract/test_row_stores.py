"""What every shared store promises (`RowStore` in stores/port.py), over every store."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from onetake.formats.packing import pack
from onetake.stores import history, row_blobs
from onetake.stores.history import RUNS
from onetake.stores.port import BLOBS, FOREVER, LINES, Claim, Held, Owned, Row, RowStore, is_own
from onetake.stores.rows.encrypted import EncryptedStore
from onetake.stores.rows.keyring import Keyring
from onetake.stores.rows.objects import ObjectStore
from onetake.stores.rows.redis_ import RedisStore
from onetake.stores.rows.sqlite import SqliteStore
from tests.support import s3
from tests.support.folder_rows import FolderStore

_KEYS = Keyring((bytes(range(32)),), "env:KEY")
_ENCRYPTED = ["encrypted sqlite", "encrypted redis_url", "encrypted object-files"]


@pytest.fixture(
    params=["sqlite", "redis_url", "cluster_url", "s3_url", "object-files", "example", *_ENCRYPTED]
)
def store(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Owned]:
    made: Owned
    namespace = f"test-{secrets.token_hex(4)}"
    encrypted, _, kind = request.param.rpartition(" ")
    match kind:
        case "sqlite":
            made = SqliteStore(tmp_path / "store.sqlite")
        case "example":
            made = FolderStore(tmp_path / "folder")
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


def cassettes(store: RowStore) -> list[str]:
    return sorted(name for name in store.names() if not is_own(name))


def blobs(store: RowStore, *names: str) -> dict[str, bytes]:
    return {row.slot: row.data for row in store.read(BLOBS, slots=names).rows}


def held(store: RowStore, cassette: str = "c") -> dict[str, bytes]:
    return {row.slot: row.data for row in store.read(cassette).rows}


def test_what_does_not_exist_is_empty(store):
    assert store.read("c") == Held()
    assert cassettes(store) == list(store.names("c")) == list(store.names(BLOBS)) == []
    assert blobs(store, "a") == {}
    assert history.read(store, "c") == []
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


def test_some_rows_are_read_by_name(store):
    store.append("c", rows("a", "b", "!name", data=b"1"))
    found = store.read("c", slots=["a", "!name", "never"])

    assert {row.slot for row in found.rows} == {"a", "!name"}
    assert store.read("c", known=found.version, slots=["a"]).is_unchanged
    assert store.read("c", slots=()).rows == ()
    assert sorted(store.names("c")) == ["!name", "a", "b"]


def test_blobs_that_nobody_has_put_for_long_are_told(store, monkeypatch):
    now = time.time()
    monkeypatch.setattr(row_blobs.time, "time", lambda: now - 40 * 86_400)
    row_blobs.put(store, {"old": b"1", "again": b"2", "other": b"3"})
    monkeypatch.undo()
    assert row_blobs.packed(store, ["old", "never"]) == {"old": pack(b"1")}

    row_blobs.put(store, {"again": b"2"})
    version, old = row_blobs.old(store)

    if isinstance(getattr(store, "within", store), ObjectStore):
        assert (version, old) == ("", {})  # it cannot tell
        return
    assert sorted(old) == ["old", "other"]
    row_blobs.put(store, {"other": b"3"})
    assert store.remove(BLOBS, old["old"], known=version) == 0
    assert row_blobs.packed(store, ["old"]) == {"old": pack(b"1")}
    version, old = row_blobs.old(store)
    assert store.remove(BLOBS, old["old"], known=version) == 2
    assert row_blobs.old(store)[1] == {}
    assert row_blobs.packed(store, ["old", "again", "other"]).keys() == {"again", "other"}


def test_blobs_may_go_at_once_whenever_they_were_put(store):
    row_blobs.put(store, {"one": b"1", "other": b"2"})

    row_blobs.remove(store, ["one", "never"])
    assert row_blobs.packed(store, ["one", "other"]).keys() == {"other"}
    row_blobs.put(store, {"one": b"1"})
    assert row_blobs.packed(store, ["one"]) == {"one": pack(b"1")}


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
    store.append(BLOBS, rows("sha256-a", "sha256-b", data=b"1"))

    assert sorted(store.names(BLOBS)) == ["sha256-a", "sha256-b"]
    known = store.read(BLOBS, slots=["sha256-a"]).version
    assert store.rewrite(BLOBS, rows("sha256-a", "never", data=b"2"), known=known)
    assert blobs(store, "sha256-a", "sha256-b", "never") == {"sha256-a": b"2", "sha256-b": b"1"}


def test_what_runs_did_is_rewritten_as_rows_are(store):
    for line in (b"1", b"2"):
        history.write(store, {"c": line})
    told = store.read(LINES)

    assert store.rewrite(LINES, told.rows, known=told.version)
    history.write(store, {"c": b"3"})

    assert history.read(store, "c") == [b"1", b"2", b"3"]


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

    assert cassettes(store) == ["one/test[ä b%/]", "two"]
    assert held(store, "one/test[ä b%/]").keys() == {"a"}


def test_rows_and_cassettes_are_removed(store):
    store.append("c", rows("a", "b", "d"))

    assert store.remove("c", ["a", "z"]) == 1
    assert held(store).keys() == {"b", "d"}
    assert store.remove("c") == 2
    assert cassettes(store) == []


def test_a_history_ends_with_its_cassette(store):
    history.write(store, {"c": b"run", "other": b"run"})

    history.forget(store, "c")
    assert history.read(store, "c") == []
    history.write(store, {"c": b"later"})
    assert history.read(store, "c") == [b"later"]
    assert history.read(store, "other") == [b"run"]


def test_blobs_are_kept_once(store):
    large = [Row("a", b"1"), Row("b", bytes(100_000))]

    assert store.append(BLOBS, large) == {"a", "b"}
    assert store.append(BLOBS, [Row("a", b"2")]) == frozenset()
    assert blobs(store, "a", "b", "none") == {"a": b"1", "b": bytes(100_000)}


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
        history.write(store, {"c": b"%d" % n})

    assert history.read(store, "c") == [b"%d" % n for n in range(5, 25)]


def test_of_runs_as_a_whole_more_are_remembered(store):
    for n in range(105):
        history.write(store, {RUNS: b"%d" % n})

    assert history.read(store, RUNS) == [b"%d" % n for n in range(5, 105)]
    assert store.read(RUNS).rows == ()


def test_many_cassettes_are_remembered_in_one_batch(store):
    history.write(store, {})
    assert store.read(LINES) == Held()
    history.write(store, {f"c{n}": b"%d" % n for n in range(30)})
    history.write(store, {"c1": b"again", "ä/b [c]": b"x"})

    assert history.read(store, "c0") == [b"0"]
    assert history.read(store, "c1") == [b"1", b"again"]
    assert history.read(store, "ä/b [c]") == [b"x"]
    assert len(store.read(LINES).rows) == 2


def test_rows_of_many_runs_become_one_and_lose_no_line(store):
    for n in range(70):
        history.write(store, {"c": b"%d" % n, f"once{n}": b"x"})

    assert len(store.read(LINES).rows) < 10
    assert history.read(store, "c") == [b"%d" % n for n in range(50, 70)]
    assert [history.read(store, f"once{n}") for n in range(70)] == [[b"x"]] * 70


def test_threads_lose_no_line(store):
    def write(n: int) -> None:
        history.write(store, {"c": b"%d" % n})
        store.close()

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(history.read(store, "c")) == [b"%d" % n for n in range(8)]


def test_a_token_is_used_once(store):
    tokens = ("flush-1", "flush-1", "flush-2")
    used = [store.claim(token, secrets.token_hex(4), FOREVER).is_own for token in tokens]

    assert used == [True, False, True]
    store.close()
    assert not store.claim("flush-1", "a later one", FOREVER).is_own


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

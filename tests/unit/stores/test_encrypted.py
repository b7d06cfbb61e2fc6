"""Shared stores whose values are encrypted: nothing readable anywhere, and nothing that can be moved."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis

from onetake.cassettes.decisions import Slot
from onetake.cassettes.tallies import RunTally, Tally
from onetake.config import Settings
from onetake.errors import CassetteError, StoreError, UsageError
from onetake.formats.packing import ENCRYPTED
from onetake.stores import history, tallies
from onetake.stores.flights import SharedFlights
from onetake.stores.opening import open_shelf, open_store
from onetake.stores.port import BLOBS, Flight, Row, RowStore
from onetake.stores.rekeying import Rekeying
from onetake.stores.rows.encrypted import EncryptedStore
from onetake.stores.rows.keyring import keyring_of
from tests.cli.recordings import MATCHER, call, put, questions

ENCRYPT = "env:ONETAKE_KEY"
ZSTD = b"\x28\xb5\x2f\xfd"  # RFC 8878: so begins what is packed
NOISE = secrets.token_bytes(20_000)  # a blob that no packing makes smaller
ONE, OTHER = secrets.token_hex(32), secrets.token_hex(32)


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONETAKE_KEY", ONE)


@pytest.fixture(params=["sqlite", "redis", "object-files"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    match request.param:
        case "sqlite":
            return f"sqlite:{tmp_path}/store.sqlite"
        case "redis":
            namespace = f"test-{secrets.token_hex(4)}"
            return f"{request.getfixturevalue('redis_url')}?namespace={namespace}"
    return f"file://{tmp_path}/objects"


def shelf_of(url: str, root: Path, encrypt: str = ENCRYPT) -> Any:
    return open_shelf(url, root, MATCHER.fingerprint, encrypt)


def raw(url: str, root: Path) -> RowStore:
    """What lies there as it lies there."""
    store: Any = open_store(url, root)
    return getattr(store, "remote", store)


def record(url: str, root: Path, encrypt: str = ENCRYPT) -> None:
    """Everything that is ever kept: recordings, blobs, lines, answers of calls under way."""
    shelf, store = shelf_of(url, root, encrypt), open_store(url, root, encrypt)
    put(shelf, "c", *(call(f"question {n}") for n in range(12)))
    put(shelf, "c", call("noise", answer=NOISE))
    tallies.remember(RunTally(run="1", at=1.0, tests={"question 1": Tally()}), url, root, encrypt)
    history.send()
    history.write(store, {"c": b'{"run":"question 1"}'})
    cassette = shelf.cassette("c")
    cassette.load(MATCHER.key, MATCHER.fingerprint)
    flights = SharedFlights(cassette, scope="", wait_s=10.0)
    flight = Flight(Slot(b"\0" * 16, 0))
    assert flights.ask(flight) is None
    flights.land(flight, call("under way", answer=NOISE))
    assert flights.known_to_others() == {flight}
    reader = open_shelf(url, root, MATCHER.fingerprint, encrypt).cassette("c")
    reader.store = store  # through the cache
    opened = reader.load(MATCHER.key, MATCHER.fingerprint)
    assert opened.entries[-1].interaction.response.body.data == NOISE


def bytes_in(url: str, root: Path) -> bytes:
    """Of the store, the cache and the spool; names are no part of it, nor are statistics of this machine."""
    files = [path for path in root.rglob("*") if path.is_file() and "tallies" not in path.parts]
    parts = [path.read_bytes() for path in files]
    if url.startswith("redis"):
        address, _, namespace = url.partition("?namespace=")
        with closing(redis.Redis.from_url(address, protocol=2)) as client:
            for key in client.scan_iter(f"{namespace}:*"):
                match client.type(key):
                    case b"hash":
                        parts += client.hgetall(key).values()
                    case b"list":
                        parts += client.lrange(key, 0, -1)
                    case b"string":
                        parts.append(client.get(key))
    return b"\0".join(parts)


def readable(url: str, root: Path) -> set[str]:
    found, signs = bytes_in(url, root), {"packed": ZSTD, "noise": NOISE[5000:5016]}
    signs |= {"line": b'"question 1"', "url": b"api.example.test", "text": b"question 1"}
    return {name for name, sign in signs.items() if sign in found}


def test_nothing_of_a_recording_can_be_read(url, tmp_path):
    record(url, tmp_path)

    assert readable(url, tmp_path) == set()
    assert ENCRYPTED + b"\x01" in bytes_in(url, tmp_path)


@pytest.mark.parametrize("url", ["sqlite", "redis"], indirect=True)
def test_without_a_key_it_could_be_read(url, tmp_path):
    record(url, tmp_path, encrypt="")

    assert readable(url, tmp_path) > {"packed", "noise"}


def test_what_waits_in_the_spool_cannot_be_read(tmp_path):
    url = "redis://127.0.0.1:1"
    store = open_store(url, tmp_path, ENCRYPT)
    store.append("c", [Row("a", b"question 1" + NOISE)])
    store.append(BLOBS, [Row("sha256-a", NOISE)])

    assert store.waiting() == {"c": 1}
    assert readable("", tmp_path) == set()
    assert len(bytes_in("", tmp_path)) > 2 * len(NOISE)
    assert {row.slot: row.data for row in store.read("c").rows} == {"a": b"question 1" + NOISE}
    assert store.read(BLOBS, slots=["sha256-a"]).rows == (Row("sha256-a", NOISE),)


def test_a_changed_byte_is_an_error_of_its_cassette(url, tmp_path):
    shelf, store = shelf_of(url, tmp_path), raw(url, tmp_path)
    put(shelf, "c", call("a"), call("b"))
    put(shelf, "other", call("a"))
    held = store.read("c")
    data = bytearray(held.rows[0].data)
    data[len(data) // 2] ^= 1
    store.rewrite("c", [Row(held.rows[0].slot, bytes(data))], known=held.version)

    with pytest.raises(CassetteError, match="#c cannot be decrypted: it was changed"):
        shelf.recordings("c")
    assert questions(shelf, "other") == ["a"]


def test_rows_cannot_change_places(url, tmp_path):
    shelf, store = shelf_of(url, tmp_path), raw(url, tmp_path)
    put(shelf, "c", call("a"), call("b"))
    put(shelf, "other", call("a"), call("b", answer=b'{"to": "another"}'))
    here, there = store.read("c"), {row.slot: row.data for row in store.read("other").rows}
    one, other = here.rows[:2]
    store.rewrite("c", [Row(one.slot, other.data), Row(other.slot, one.data)], known=here.version)

    with pytest.raises(CassetteError, match="cannot be decrypted"):
        shelf.recordings("c")
    moved = [Row(slot, there[slot]) for slot in there]
    store.rewrite("c", moved, known=store.read("c").version)
    with pytest.raises(CassetteError, match="cannot be decrypted"):
        shelf.recordings("c")


def test_blobs_and_answers_cannot_change_places(url, tmp_path):
    store, there = open_store(url, tmp_path, ENCRYPT), raw(url, tmp_path)
    store.append(BLOBS, [Row("sha256-a", b"1"), Row("sha256-b", b"2")])
    moved = there.read(BLOBS, slots=["sha256-b"])
    there.rewrite(BLOBS, [Row("sha256-a", moved.rows[0].data)], known=moved.version)
    store.settle("one", "somebody", b"answer", 60.0)
    there.settle("other", "somebody", there.claim("one", "me", 1.0).data, 60.0)

    assert store.read(BLOBS, slots=["sha256-b"]).rows == (Row("sha256-b", b"2"),)
    with pytest.raises(CassetteError, match="blob sha256-a"):
        store.read(BLOBS, slots=["sha256-a"])
    assert store.claim("one", "me", 1.0).data == b"answer"
    with pytest.raises(CassetteError, match="An answer"):
        store.claim("other", "me", 1.0)


def test_without_the_key_the_error_names_it_and_the_setting(url, tmp_path, monkeypatch):
    put(shelf_of(url, tmp_path), "c", call("a"))
    needed = keyring_of(ENCRYPT).ids[0]

    with pytest.raises(StoreError, match=needed) as without:
        shelf_of(url, tmp_path, "").recordings("c")
    assert 'Set encrypt = "env:ONETAKE_KEY"' in without.value.remedy
    monkeypatch.setenv("ONETAKE_KEY", OTHER)
    with pytest.raises(StoreError, match=rf"{needed}, and ONETAKE_KEY \(encrypt\) holds") as wrong:
        shelf_of(url, tmp_path).recordings("c")
    assert "behind a comma" in wrong.value.remedy
    monkeypatch.delenv("ONETAKE_KEY")
    with pytest.raises(UsageError, match="ONETAKE_KEY, which is not set"):
        shelf_of(url, tmp_path)


def test_what_is_there_in_plain_is_read_and_new_rows_are_encrypted(url, tmp_path):
    put(shelf_of(url, tmp_path, ""), "c", call("a"))
    shelf = shelf_of(url, tmp_path)
    put(shelf, "c", call("b"))

    assert questions(shelf, "c") == ["a", "b"]
    rows = raw(url, tmp_path).read("c").rows
    kinds = [row.data[:1] == ENCRYPTED for row in rows]
    assert sorted(kinds) == [False, True]


def test_a_cache_in_plain_or_under_another_key_is_forgotten(tmp_path, redis_url, monkeypatch):
    url = f"{redis_url}?namespace=test-{secrets.token_hex(4)}"

    def caches() -> list[Path]:
        return sorted((tmp_path / ".onetake" / "stores").glob("*.cache.sqlite"))

    def read(encrypt: str = ENCRYPT) -> list[Path]:
        store = open_store(url, tmp_path, encrypt)
        assert [row.data for row in store.read("c").rows] == [b"question 1"]
        return caches()

    open_store(url, tmp_path).append("c", [Row("a", b"question 1")])
    plain = read("")
    one = read()
    monkeypatch.setenv("ONETAKE_KEY", f"{OTHER},{ONE}")
    other = read()

    assert [len(each) for each in (plain, one, other)] == [1, 1, 1]
    assert len({*plain, *one, *other}) == 3


def rekeyed(url: str, root: Path, *, write: bool = True) -> tuple[int, int, int]:
    """How many rows, blobs and lines were, or would be, rewritten."""
    store: Any = open_store(url, root, ENCRYPT)
    work = Rekeying(getattr(store, "remote", store), write=write)
    names = work.names()
    rows = sum(work.rows(name).number for name in names)
    found = rows, work.blobs().number, work.lines().number
    work.finish()
    return found


@pytest.mark.parametrize("before", ["", ENCRYPT])
def test_everything_comes_under_the_first_key_once(url, tmp_path, monkeypatch, before):
    record(url, tmp_path, before)
    seen = questions(shelf_of(url, tmp_path, before), "c")
    monkeypatch.setenv("ONETAKE_KEY", f"{OTHER},{ONE}")

    would, did, left = (rekeyed(url, tmp_path, write=write) for write in (False, True, True))
    assert (would, left) == (did, (0, 0, 0))
    assert did >= (13, 1, 1)
    monkeypatch.setenv("ONETAKE_KEY", OTHER)
    shelf = shelf_of(url, tmp_path)
    assert questions(shelf, "c") == seen
    assert shelf.recordings("c")[-1].stored.interaction.response.body.data == NOISE
    store = open_store(url, tmp_path, ENCRYPT)
    assert history.read(store, "c") == [b'{"run":"question 1"}']
    if not url.startswith("sqlite:"):  # its runs are kept beside it
        assert [
            line.run for line in tallies.recall(Settings(store=url, encrypt=ENCRYPT), tmp_path)
        ] == ["1"]


def test_a_file_keeps_nothing_of_what_was_in_plain(tmp_path):
    url = f"sqlite:{tmp_path}/store.sqlite"
    record(url, tmp_path, encrypt="")
    with closing(sqlite3.connect(tmp_path / "store.sqlite")) as file, file:
        file.execute("DELETE FROM claims")  # answers of calls under way are gone within minutes

    rekeyed(url, tmp_path)
    (tmp_path / ".onetake").rename(tmp_path.parent / secrets.token_hex(4))
    assert readable(url, tmp_path) == set()


def test_what_others_record_meanwhile_is_kept(url, tmp_path, monkeypatch):
    put(shelf_of(url, tmp_path), "c", call("a"))
    monkeypatch.setenv("ONETAKE_KEY", f"{OTHER},{ONE}")
    shelf, store = shelf_of(url, tmp_path), open_store(url, tmp_path, ENCRYPT)
    within: Any = getattr(store, "remote", store)
    turns: Iterator[str] = iter(["b", "c"])

    class Busy:
        """The store, into which somebody writes whenever it was read."""

        def __getattr__(self, name: str) -> Any:
            return getattr(within.within, name)

        def read(self, cassette: str, **more: Any) -> Any:
            held = within.within.read(cassette, **more)
            for question in turns:
                put(shelf, "c", call(question))
                break
            return held

    busy: Any = EncryptedStore(Busy(), within.keyring)  # type: ignore[type-var]
    assert Rekeying(busy, write=True).rows("c").number == 1
    monkeypatch.setenv("ONETAKE_KEY", OTHER)
    assert questions(shelf_of(url, tmp_path), "c") == ["a", "b", "c"]

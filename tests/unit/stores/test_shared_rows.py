"""How a cassette lies in a shared store: small, readable by later releases, with nothing left behind."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.chats import chat, streamed, takes_of
from onetake.cassettes.decisions import Slot
from onetake.cassettes.fold import Take
from onetake.errors import CassetteError
from onetake.formats.document import encode_entry
from onetake.formats.packing import pack
from onetake.matching import Matcher
from onetake.messages import Interaction
from onetake.stores.port import Row
from onetake.stores.rows.redis_ import RedisStore
from onetake.stores.rows.sqlite import SqliteStore
from onetake.stores.shared import SharedCassette

MATCHER = Matcher()
KINDS: dict[str, Callable[[int], Interaction]] = {
    "answers": chat,
    "streams": streamed,
    "both": lambda n: (chat, streamed)[n % 2](n),
}


@pytest.fixture
def store(tmp_path: Path) -> Any:
    made = SqliteStore(tmp_path / "store.sqlite")
    yield made
    made.close()


def cassette(store: Any) -> SharedCassette:
    return SharedCassette(store, "c", fingerprint=MATCHER.fingerprint)


def take(one: Interaction, n: int = 0) -> Take:
    return Take(Slot(MATCHER.key(one.request), n), one)


def opened(store: Any) -> list[bytes]:
    """The text of each interaction, decoded and made anew."""
    entries = cassette(store).load(MATCHER.key, MATCHER.fingerprint).entries
    return [text(entry.interaction) for entry in entries]


def text(one: Interaction) -> bytes:
    return encode_entry(one, {})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [20, 200])
def test_rows_are_packed(redis_url, kind, size):
    store = RedisStore(redis_url, namespace=secrets.token_hex(4))
    chats = [KINDS[kind](n) for n in range(size)]
    plain = sum(map(len, map(text, chats)))

    cassette(store).publish(takes_of(chats, MATCHER.key), MATCHER.key, replacing_run=None)

    rows = store.read("c").rows
    assert opened(store) == list(map(text, chats))
    assert sum(len(row.slot) + len(row.data) for row in rows) <= 0.6 * plain
    store.close()


def test_a_row_takes_little_beside_its_text(store):
    cassette(store).publish([take(chat(1))], MATCHER.key, replacing_run=None)

    (row,) = store.read("c").rows
    assert len(row.data) <= len(pack(text(chat(1)))) + 40


def test_a_new_generation_takes_the_place_of_the_old_one(store):
    for run, first in (("run-1", 0), ("run-2", 20)):
        for at in range(first, first + 20, 2):
            writer = cassette(store)
            writer.load(MATCHER.key, MATCHER.fingerprint)
            writer.publish([take(chat(n)) for n in (at, at + 1)], MATCHER.key, replacing_run=run)

    assert opened(store) == [text(chat(n)) for n in range(20, 40)]
    assert len(store.read("c").rows) == 20


def test_a_broken_row_is_told_when_it_is_wanted(store):
    cassette(store).publish([take(chat(n)) for n in range(3)], MATCHER.key, replacing_run=None)
    broken = store.read("c").rows[0]
    store.remove("c", [broken.slot])
    store.append("c", [Row(broken.slot, broken.data[:-1] + bytes([broken.data[-1] ^ 1]))])

    entries = cassette(store).load(MATCHER.key, MATCHER.fingerprint).entries

    assert [entry.raw for entry in entries[1:]] == [text(chat(1)), text(chat(2))]
    with pytest.raises(CassetteError, match="cannot be read") as told:
        _ = entries[0].interaction
    assert told.value.path == f"{store.place}#c"


@pytest.mark.parametrize(
    "data", [b"", b"\x00", b"\x95", b"\x94\x03\x92\x00\x00\xc4\x00\xc4\x00", b"x"]
)
def test_what_is_no_row_is_told_at_opening(store, data):
    store.append("c", [Row(f"{MATCHER.key(chat(1).request).hex()}.0", data)])

    with pytest.raises(CassetteError, match="cannot be read"):
        opened(store)


@pytest.mark.parametrize("row", [(2, (5, 0), b"", b""), (2, {"at": 1}), (2, b"", b"", b"", b"")])
def test_a_row_of_a_later_format_is_told(store, row):
    slot = f"{MATCHER.key(chat(1).request).hex()}.0"
    store.append("c", [Row(slot, msgspec.msgpack.encode(row))])

    with pytest.raises(CassetteError, match="its format 2 is newer than 1"):
        opened(store)


def test_keys_of_other_settings_are_computed_anew(store):
    cassette(store).publish([take(chat(n)) for n in range(3)], MATCHER.key, replacing_run=None)

    found = cassette(store).load(lambda request: request.body[:3], "others")

    assert found.keys == tuple(chat(n).request.body[:3] for n in range(3))

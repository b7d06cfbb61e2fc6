"""How a cassette lies in a shared store: small, readable by later releases, with nothing left behind."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.chats import chat, streamed, takes_of
from onetake.cassettes.fold import Take
from onetake.cassettes.sequence import Slot
from onetake.errors import CassetteError
from onetake.formats.document import encode_entry
from onetake.formats.packing import pack
from onetake.matching import Matcher
from onetake.messages import Interaction
from onetake.stores.names import digest
from onetake.stores.port import Row
from onetake.stores.redis_ import RedisStore
from onetake.stores.shared import SharedCassette
from onetake.stores.sqlite import SqliteStore

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


def companions(store: Any) -> list[str]:
    return [row.slot for row in store.read("c").rows if row.is_companion]


def ordinary(store: Any) -> list[str]:
    return [row.slot for row in store.read("c").rows if not row.is_companion]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [20, 200])
def test_chats_take_at_most_fifteen_percent_of_their_plain_size(redis_url, kind, size):
    store = RedisStore(redis_url, namespace=secrets.token_hex(4))
    chats = [KINDS[kind](n) for n in range(size)]
    plain = sum(map(len, map(text, chats)))

    cassette(store).publish(takes_of(chats, MATCHER.key), MATCHER.key, replacing_run=None)

    rows = store.read("c").rows
    assert opened(store) == list(map(text, chats))
    assert sum(len(row.slot) + len(row.data) for row in rows) <= 0.15 * plain
    store.close()


def test_chats_recorded_one_by_one_come_near_it(store):
    chats = [chat(n) for n in range(20)]
    for one in chats:
        writer = cassette(store)
        writer.load(MATCHER.key, MATCHER.fingerprint)
        writer.publish([take(one)], MATCHER.key, replacing_run=None)

    assert opened(store) == list(map(text, chats))
    assert len(companions(store)) == 1
    plain = sum(map(len, map(text, chats)))
    assert sum(len(row.data) for row in store.read("c").rows) <= 0.15 * plain


def test_one_chat_has_no_dictionary(store):
    cassette(store).publish([take(chat(1))], MATCHER.key, replacing_run=None)

    assert companions(store) == []
    (row,) = store.read("c").rows
    assert len(row.data) <= len(pack(text(chat(1)))) + 40


def test_what_is_published_later_uses_the_dictionary_that_is_there(store):
    writer = cassette(store)
    writer.publish([take(chat(n)) for n in range(3)], MATCHER.key, replacing_run=None)
    first = companions(store)

    done = writer.publish([take(chat(7))], MATCHER.key, replacing_run=None)
    again = cassette(store)
    again.load(MATCHER.key, MATCHER.fingerprint)
    again.publish([take(chat(n)) for n in (8, 9)], MATCHER.key, replacing_run=None)

    assert done.added == 1
    assert companions(store) == first
    assert opened(store) == [text(chat(n)) for n in (0, 1, 2, 7, 8, 9)]


def test_a_dictionary_comes_again_with_rows_that_need_it(store):
    writer = cassette(store)
    writer.publish([take(chat(n)) for n in range(3)], MATCHER.key, replacing_run=None)
    store.remove("c")  # by another, meanwhile

    writer.publish([take(chat(7))], MATCHER.key, replacing_run=None)

    assert opened(store) == [text(chat(7))]


def test_a_dictionary_goes_with_the_last_row(store):
    cassette(store).publish([take(chat(n)) for n in range(3)], MATCHER.key, replacing_run=None)
    slots = ordinary(store)

    assert store.remove("c", slots[:2]) == 2
    assert len(companions(store)) == 1
    assert store.remove("c", slots) == 1
    assert store.read("c").rows == ()


def test_a_missing_dictionary_is_told_at_opening(store):
    cassette(store).publish([take(chat(n)) for n in range(3)], MATCHER.key, replacing_run=None)
    (name,) = companions(store)
    store.remove("c", [name])

    with pytest.raises(
        CassetteError, match=f"needs the dictionary {name.rpartition('.')[2]}"
    ) as told:
        opened(store)
    assert told.value.remedy
    assert told.value.path == f"{store.place}#c"


def test_a_broken_dictionary_loses_nothing_new(store):
    cassette(store).publish([take(chat(n)) for n in range(3)], MATCHER.key, replacing_run=None)
    (name,) = companions(store)
    store.remove("c", [name])
    store.append("c", [Row(name, pack(b"something else"))])
    writer = cassette(store)
    writer.load(MATCHER.key, MATCHER.fingerprint)

    writer.publish([take(chat(n)) for n in (7, 8)], MATCHER.key, replacing_run=None)

    entries = cassette(store).load(MATCHER.key, MATCHER.fingerprint).entries
    assert [entry.raw for entry in entries[3:]] == [text(chat(7)), text(chat(8))]
    with pytest.raises(CassetteError, match="dictionary") as told:
        _ = entries[0].interaction
    assert told.value.remedy


def test_a_new_generation_is_as_small(store):
    for run, first in (("run-1", 0), ("run-2", 20)):
        for at in range(first, first + 20, 2):
            writer = cassette(store)
            writer.load(MATCHER.key, MATCHER.fingerprint)
            writer.publish([take(chat(n)) for n in (at, at + 1)], MATCHER.key, replacing_run=run)

    assert opened(store) == [text(chat(n)) for n in range(20, 40)]
    assert len(companions(store)) == 1
    plain = sum(len(text(chat(n))) for n in range(20, 40))
    assert sum(len(row.data) for row in store.read("c").rows) <= 0.15 * plain


def test_a_broken_row_is_told_when_it_is_wanted(store):
    cassette(store).publish([take(chat(n)) for n in range(3)], MATCHER.key, replacing_run=None)
    rows = store.read("c").rows
    broken = next(row for row in rows if not row.is_companion)
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


def test_rows_of_the_first_format_are_read(store):
    fingerprint = digest(MATCHER.fingerprint, 8)
    for n in range(3):
        row = (1, (5, n), fingerprint, text(chat(n)))
        slot = f"{MATCHER.key(chat(n).request).hex()}.0"
        store.append("c", [Row(slot, pack(msgspec.msgpack.encode(row)))])

    found = cassette(store).load(MATCHER.key, MATCHER.fingerprint)

    assert [entry.raw for entry in found.entries] == [text(chat(n)) for n in range(3)]
    assert found.keys == tuple(MATCHER.key(chat(n).request) for n in range(3))


def test_keys_of_other_settings_are_computed_anew(store):
    cassette(store).publish([take(chat(n)) for n in range(3)], MATCHER.key, replacing_run=None)

    found = cassette(store).load(lambda request: request.body[:3], "others")

    assert found.keys == tuple(chat(n).request.body[:3] for n in range(3))

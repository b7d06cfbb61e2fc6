"""Packed texts come back, small, and what is no packed text is refused."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.chats import chat, streamed
from bench.workload import REQUEST_HEADERS, URL, Workload
from onetake.errors import CassetteError, StoreError
from onetake.formats import packing
from onetake.formats.lines import encode_plain
from onetake.formats.packing import pack, unpack
from onetake.messages import Body, Chunk, Headers, Interaction, Request, Response

if packing.zstd_library() is None:
    pytest.skip("needs zstd", allow_module_level=True)


def benched(size: int, n: int) -> Interaction:
    workload = Workload(size)
    answer = workload.answer(n)
    return Interaction(
        request=Request(
            method="POST",
            url=URL,
            headers=Headers(tuple(REQUEST_HEADERS.items())),
            body=workload.request(n),
        ),
        response=Response(
            status=200,
            reason="OK",
            headers=Headers(tuple(workload.answer_headers())),
            body=Body(data=answer, chunks=(Chunk(len(answer), 3),)),
        ),
        at=1790000000,
        ms=2,
    )


WITHOUT_WORDS = random.Random(5).randbytes(2000) * 3

CASSETTES = {
    "chats": [encode_plain(chat(n), n) for n in range(20)],
    "streams": [encode_plain(streamed(n), n) for n in range(20)],
    "bench 2 kB": [encode_plain(benched(2000, n), n) for n in range(20)],
    "bench 64 kB": [encode_plain(benched(65536, n), n) for n in range(20)],
}


@pytest.mark.parametrize(
    ("name", "by_row", "as_whole"),
    [  # measured, and a little room: a whole is this small because its calls share their prose
        ("chats", 0.55, 0.06),
        ("streams", 0.25, 0.08),
        ("bench 2 kB", 0.30, 0.02),
        ("bench 64 kB", 0.20, 0.02),
    ],
)
def test_chats_pack_small(name: str, by_row: float, as_whole: float) -> None:
    lines = CASSETTES[name]
    whole = b"\n".join(lines)
    rows = [len(pack(line)) / len(line) for line in lines]
    ratio = sum(len(pack(line)) for line in lines) / sum(map(len, lines))
    together = len(pack(whole)) / len(whole)
    print(
        f"{name}: {len(lines[0])} bytes a row, rows {ratio:.3f} (worst {max(rows):.3f}), whole {together:.3f}"
    )
    assert ratio <= by_row
    assert together <= as_whole
    assert all(unpack(pack(line)) == line for line in lines)
    assert unpack(pack(whole)) == whole


@given(st.binary(max_size=5000) | st.text(max_size=2000).map(str.encode))
def test_every_text_comes_back(data: bytes) -> None:
    packed = pack(data)
    assert unpack(packed) == data
    assert len(packed) <= len(data) + 1


def test_the_smallest_form_wins() -> None:
    assert pack(b"") == b"\0"
    assert pack(b"\x81\x9d")[0] == 0
    assert pack(WITHOUT_WORDS)[0] == 1


def test_without_a_library_texts_are_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = pack(bytes(5000))
    monkeypatch.setattr(packing, "zstd_library", lambda: None)
    assert pack(bytes(5000)) == b"\0" + bytes(5000)
    assert unpack(pack(b"text")) == b"text"
    with pytest.raises(CassetteError) as caught:
        unpack(packed)
    assert "pip install 'onetake[zstd]'" in caught.value.remedy


@pytest.mark.parametrize(
    "data", [b"", b"\x03abc", b"\x04abc", b"\xff", b"\x01", b"\x02", b"\x01abc", b"\x02{}"]
)
def test_what_is_not_packed_is_refused(data: bytes) -> None:
    with pytest.raises(CassetteError) as caught:
        unpack(data)
    assert caught.value.remedy


def test_corrupt_data_is_refused() -> None:
    packed = pack(CASSETTES["chats"][0])
    assert packed[0] == 1
    others = [packed[:size] for size in range(1, len(packed), 1 + len(packed) // 60)]
    for other in (*others, packed + b"\0", packed + packed[1:]):
        with pytest.raises(CassetteError) as caught:
            unpack(other)
        assert caught.value.remedy


@given(st.data())
def test_a_changed_byte_never_gives_another_text(data: st.DataObject) -> None:
    text = CASSETTES["chats"][3]
    packed = bytearray(pack(text))
    at = data.draw(st.integers(0, len(packed) - 1))
    packed[at] ^= data.draw(st.integers(1, 255))
    if packed[0] == 0:
        return
    try:
        assert unpack(bytes(packed)) == text
    except (CassetteError, StoreError) as error:  # the latter where it seems encrypted
        assert error.remedy  # noqa: PT017


@pytest.mark.parametrize("sized", [True, False])
def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch, sized: bool) -> None:
    library = packing.zstd_library()
    options = {library.CompressionParameter.content_size_flag: int(sized)}
    compressor = library.ZstdCompressor(options=options)
    bomb = b"\x01" + compressor.compress(bytes(200_000)) + compressor.flush()
    assert unpack(bomb) == bytes(200_000)
    monkeypatch.setattr(packing, "_MAX_SIZE", 199_999)
    with pytest.raises(CassetteError, match="more than 199999 bytes"):
        unpack(bomb)

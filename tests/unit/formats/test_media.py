"""Media in answers become tiny files of their type, and nothing else changes."""

from __future__ import annotations

import io
import json
import random
import re
import struct
import wave
import zlib
from base64 import b64decode, b64encode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.formats.media import shrink
from onetake.messages import Body, Chunk, Headers, Response

NOISE = random.Random(1).randbytes(3000)
MP3_FRAME = b"\xff\xfb\x90\x64" + NOISE[:413].replace(b"\xff", b"\xfe")
MEDIA = {
    "png": b"\x89PNG\r\n\x1a\n" + NOISE,
    "jpeg": b"\xff\xd8\xff\xe0" + NOISE,
    "webp": b"RIFF\x00\x10\x00\x00WEBPVP8 " + NOISE,
    "wav": b"RIFF\x00\x10\x00\x00WAVEfmt " + NOISE,
    "mp3": MP3_FRAME * 5,
    "mp3 with tags": b"ID3\x04\x00\x00\x00\x00\x01\x00" + NOISE,
    "pdf": b"%PDF-1.7\n" + NOISE,
}


def answer(data: bytes, content_type: str = "application/json", *ends: int) -> Response:
    return Response(
        status=200,
        headers=Headers((("Content-Type", content_type), ("Content-Length", str(len(data))))),
        body=Body(data=data, chunks=tuple(Chunk(end, 10 + n) for n, end in enumerate(ends))),
    )


def tiny(kind: str) -> bytes:
    return shrink(answer(MEDIA[kind], "application/octet-stream")).body.data


def is_consistent(response: Response) -> bool:
    ends = [chunk.end for chunk in response.body.chunks]
    size = len(response.body.data)
    return (
        ends == sorted(set(ends))
        and (not ends or ends[-1] == size)
        and response.headers.get("content-length") == str(size)
    )


@pytest.mark.parametrize("kind", MEDIA)
def test_a_whole_binary_body_becomes_tiny(kind: str) -> None:
    size = len(MEDIA[kind])
    found = shrink(answer(MEDIA[kind], "text/plain", 5, size // 2, size))

    assert len(found.body.data) < 1000
    assert found.body.data[:3] == MEDIA[kind][:3] or kind.startswith("mp3")
    assert is_consistent(found)
    assert shrink(found) is found


def test_the_tiny_png_is_whole() -> None:
    data = tiny("png")
    at, names, pixels = 8, [], b""
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        content = data[at + 8 : at + 8 + size]
        (check,) = struct.unpack(">I", data[at + 8 + size : at + 12 + size])
        assert check == zlib.crc32(name + content)
        names.append(name)
        if name == b"IHDR":
            assert struct.unpack(">IIBBBBB", content) == (1, 1, 8, 0, 0, 0, 0)
        if name == b"IDAT":
            pixels += content
        at += 12 + size
    assert names == [b"IHDR", b"IDAT", b"IEND"]
    assert len(zlib.decompress(pixels)) == 2  # a filter's byte and one grey pixel


def test_the_tiny_jpeg_is_whole() -> None:
    data = tiny("jpeg")
    assert data[:2] == b"\xff\xd8"
    at, markers = 2, []
    while not markers or markers[-1] != 0xDA:
        mark, marker, size = struct.unpack(">BBH", data[at : at + 4])
        assert mark == 0xFF
        markers.append(marker)
        if marker == 0xC0:
            assert struct.unpack(">BHHB", data[at + 4 : at + 10]) == (8, 1, 1, 1)
        at += 2 + size
    assert {0xDB, 0xC0, 0xC4} <= set(markers)
    assert data.index(b"\xff\xd9", at) == len(data) - 2


def test_the_tiny_webp_is_whole() -> None:
    data = tiny("webp")
    assert struct.unpack("<4sI4s4sI", data[:20]) == (
        b"RIFF",
        len(data) - 8,
        b"WEBP",
        b"VP8L",
        len(data) - 20 - (data[16] & 1),
    )
    assert data[20] == 0x2F
    size = int.from_bytes(data[21:25], "little")
    assert (size & 0x3FFF, size >> 14 & 0x3FFF) == (0, 0)  # width and height less one


def test_the_tiny_wav_is_whole() -> None:
    data = tiny("wav")
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    with wave.open(io.BytesIO(data)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 8000)
        assert sound.readframes(100) == bytes(2 * sound.getnframes()) != b""


def test_the_tiny_mp3_is_two_frames_of_silence() -> None:
    data = tiny("mp3")
    assert tiny("mp3 with tags") == data
    size = 144 * 32000 // 44100
    frames = [data[at : at + size] for at in range(0, len(data), size)]
    assert frames == [b"\xff\xfb\x10\xc4" + bytes(size - 4)] * 2


def test_the_tiny_pdf_has_its_objects_where_it_says() -> None:
    data = tiny("pdf")
    found = re.search(rb"startxref\n(\d+)\n%%EOF\n\Z", data)
    assert found is not None
    table = int(found[1])
    assert data[table:].startswith(b"xref\n0 4\n")
    rows = data[table + 9 : table + 9 + 80]
    for number in (1, 2, 3):
        row = rows[20 * number : 20 * number + 20]
        assert row[10:] == b" 00000 n \n"
        assert data[int(row[:10]) :].startswith(b"%d 0 obj\n" % number)
    assert b"/Type/Page/" in data


def test_an_image_answer_of_2_mb_becomes_less_than_a_hundredth() -> None:
    image = b64encode(MEDIA["png"] + random.Random(2).randbytes(1_500_000))
    head = b'{"created" : 1.50e3,\n\t"data":[{"b64_json": "'
    tail = b'", "z":1, "a":"\\u00e9\\/", "n":1E400}] ,"usage":{"total":12345678901234567890}}\n'
    body = head + image + tail
    ends = [*range(16384, len(body), 16384), len(body) - 20, len(body)]
    before = answer(body, "application/json", *ends)

    found = shrink(before)

    assert len(body) > 2_000_000
    assert len(found.body.data) < len(body) / 100
    assert found.body.data == head + b64encode(tiny("png")) + tail
    assert is_consistent(found)
    assert found.body.chunks[-2].end == len(found.body.data) - 20
    assert found.replace(headers=before.headers, body=before.body) == before
    assert shrink(found) is found


def test_media_are_found_at_any_depth_and_in_data_urls() -> None:
    body = {
        "a": [{"b": [b64encode(MEDIA["mp3"]).decode()]}],
        "url": "data:image/jpeg;base64," + b64encode(MEDIA["jpeg"]).decode(),
        "kept": b64encode(NOISE).decode(),
        "prose": "word " * 500,
    }
    found = json.loads(shrink(answer(json.dumps(body).encode())).body.data)
    assert found == body | {
        "a": [{"b": [b64encode(tiny("mp3")).decode()]}],
        "url": "data:image/jpeg;base64," + b64encode(tiny("jpeg")).decode(),
    }


def test_escapes_and_the_url_safe_alphabet_are_read() -> None:
    plain = b64encode(MEDIA["jpeg"]).replace(b"/", b"\\/").replace(b"=", b"\\u003d")
    safe = urlsafe_b64encode(MEDIA["jpeg"]).rstrip(b"=")
    found = json.loads(shrink(answer(b'{"a":"%b","b":"%b"}' % (plain, safe))).body.data)
    assert b64decode(found["a"]) == tiny("jpeg")
    assert found["b"] == urlsafe_b64encode(tiny("jpeg")).decode().rstrip("=")


def test_partial_images_in_events_become_tiny_and_the_other_chunks_stay() -> None:
    image = b64encode(MEDIA["webp"])
    event = b'event: partial\ndata: {"type":"partial_image","b64_json":"%b","index":%d}\n\n'
    parts = [event % (image, 0), event % (image, 1), b": ping\n\n", b"data: [DONE]\n\n"]
    small = [event % (b64encode(tiny("webp")), 0), event % (b64encode(tiny("webp")), 1), *parts[2:]]
    ends = [sum(map(len, parts[: n + 1])) for n in range(4)]

    found = shrink(answer(b"".join(parts), "text/event-stream; charset=utf-8", *ends))

    assert [piece for piece, _ in found.body.pieces()] == small
    assert [ms for _, ms in found.body.pieces()] == [10, 11, 12, 13]
    assert is_consistent(found)
    assert shrink(found) is found


def test_ends_that_fall_together_keep_the_last_arrival() -> None:
    size = len(MEDIA["png"])
    found = shrink(answer(MEDIA["png"], "image/png", *range(1, size + 1)))
    assert is_consistent(found)
    assert found.body.chunks[-1].ms == 10 + size - 1


def test_the_length_of_an_encoded_body_is_left_to_replay() -> None:
    before = answer(MEDIA["png"])
    found = shrink(before.replace(body=Body(data=MEDIA["png"], encoding="gzip")))
    assert (found.headers, found.body.encoding) == (before.headers, "gzip")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        MEDIA["png"][:1024],
        b'{"a":"%b"}' % b64encode(MEDIA["png"][:700]),
        b'{"a":"%b"' % b64encode(MEDIA["png"]),  # broken off
        b'{"%b":1}' % b64encode(MEDIA["png"]),  # a key
        b"RIFF\x00\x10\x00\x00AVI " + NOISE,
        MP3_FRAME + NOISE,
        b"[" * 100_000,
        b'{"a":"%b"}' % b64encode(NOISE),
    ],
)
def test_what_is_no_large_medium_stays(body: bytes) -> None:
    before = answer(body)
    assert shrink(before) is before


@given(st.binary(max_size=3000), st.sampled_from(["application/json", "text/event-stream", ""]))
def test_arbitrary_bytes_stay(data: bytes, content_type: str) -> None:
    for padded in (data, data + NOISE[1:]):
        before = answer(padded, content_type)
        if not padded.startswith((b"\xff", b"ID3", b"%PDF-", b"RIFF", b"\x89PNG")):
            assert shrink(before) is before
        shrink(before)


@given(
    st.lists(
        st.sampled_from(
            [b64encode(data) for data in MEDIA.values()]
            + [b'"', b"\\", b"data: ", b"\n", b"data:a;base64,", b"{", b"}", b":", b",", b"[1]"]
        ),
        max_size=12,
    ),
    st.sampled_from(["application/json", "text/event-stream"]),
    st.lists(st.integers(-5, 40_000), max_size=6),
)
def test_no_bytes_raise_and_twice_is_once(
    pieces: list[bytes], content_type: str, ends: list[int]
) -> None:
    found = shrink(answer(b"".join(pieces), content_type, *ends))
    assert shrink(found) == found

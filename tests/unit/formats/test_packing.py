"""Packed texts come back, small, and what is no packed text is refused."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.workload import REQUEST_HEADERS, URL, Workload
from onetake.errors import CassetteError
from onetake.formats import packing
from onetake.formats.dictionary import DICTIONARY_1
from onetake.formats.document import encode_plain
from onetake.formats.packing import pack, unpack
from onetake.messages import Body, Chunk, Headers, Interaction, Request, Response

if packing.zstd_library() is None:
    pytest.skip("needs zstd", allow_module_level=True)

SUBJECTS = (
    "tides", "sourdough", "glaciers", "violins", "compost", "lighthouses", "monsoons", "bicycles",
    "looms", "volcanoes", "orchards", "canals", "sundials", "bees", "bridges", "kites", "clay",
    "magnets", "ferns", "harbours",
)  # fmt: skip
PROMPT = (
    "I teach a mixed-age evening class and next Tuesday we reach {0}. Half of the group has read a "
    "chapter, the rest walked in from the pottery workshop next door. Draft me a passage that opens "
    "with one surprising observation about {0}, moves on to what causes it, and closes with a small "
    "experiment that fits on a kitchen table. Avoid jargon; nobody wants to hear 'paradigm'. Please "
    "stay under two hundred words and mention at least one mistake that beginners make with {0}."
)
ANSWER = (
    "Stand beside {0} long enough and you notice that nothing about them keeps still. A farmer from "
    "the valley once told me she set her clock by them, then laughed, since the clock always lost.\n\n"
    "The reason is plain balance: whatever is pushed in at one end has to leave by the other, and "
    "along the way it slows, warms, and gathers grit. When the push weakens the whole arrangement "
    "settles lower, and that settling is what our eyes take for movement.\n\n"
    "Beginners usually blame the weather. It matters, though far less than the ground beneath. Try "
    "this at home: fill a shallow tray with damp sand, tilt it on a pencil, and pour water from a "
    "spoon. Mark the edge every minute. By the seventh mark you will have drawn, without planning "
    "it, the same curve that a surveyor would draw for {0}, and you may keep the tray for tea."
)


def opaque(chance: random.Random, size: int) -> str:
    return "".join(
        chance.choice("ABCDEFGHJKLMNPQRSTabcdefghjkmnpqrstuvwxyz123456789") for _ in range(size)
    )


def chat(n: int) -> Interaction:
    """As the openai SDK asks and its API answers, with this call's own ids and times."""
    chance = random.Random(n)
    request = json.dumps(
        {
            "messages": [
                {"role": "developer", "content": "Reply as a patient museum guide."},
                {"role": "user", "content": PROMPT.format(SUBJECTS[n % 20])},
            ],
            "model": "gpt-4.1-mini",
            "max_completion_tokens": 700,
            "temperature": 0.7,
        },
        separators=(",", ":"),
    ).encode()
    asked, told = chance.randint(120, 180), chance.randint(180, 260)
    answer = json.dumps(
        {
            "id": f"chatcmpl-{opaque(chance, 29)}",
            "object": "chat.completion",
            "created": 1781234000 + 7 * n,
            "model": "gpt-4.1-mini-2025-04-14",
            "choices": [
                {
                    "index": 0,
                    "message": {
                        "role": "assistant",
                        "content": ANSWER.format(SUBJECTS[n % 20]),
                        "refusal": None,
                        "annotations": [],
                    },
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": {
                "prompt_tokens": asked,
                "completion_tokens": told,
                "total_tokens": asked + told,
                "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
                "completion_tokens_details": {
                    "reasoning_tokens": 0,
                    "audio_tokens": 0,
                    "accepted_prediction_tokens": 0,
                    "rejected_prediction_tokens": 0,
                },
            },
            "service_tier": "default",
            "system_fingerprint": f"fp_{chance.randbytes(6).hex()}",
        },
        indent=2,
    ).encode()
    ms = chance.randint(900, 4000)
    return Interaction(
        request=Request(
            method="POST",
            url="https://api.openai.com/v1/chat/completions",
            headers=Headers(
                (
                    ("Host", "api.openai.com"),
                    ("Accept-Encoding", "gzip, deflate"),
                    ("Connection", "keep-alive"),
                    ("Accept", "application/json"),
                    ("Content-Type", "application/json"),
                    ("User-Agent", "OpenAI/Python 1.109.1"),
                    ("X-Stainless-Lang", "python"),
                    ("X-Stainless-Package-Version", "1.109.1"),
                    ("X-Stainless-OS", "MacOS"),
                    ("X-Stainless-Arch", "arm64"),
                    ("X-Stainless-Runtime", "CPython"),
                    ("X-Stainless-Runtime-Version", "3.11.7"),
                    ("Authorization", "<redacted:authorization>"),
                    ("X-Stainless-Async", "false"),
                    ("x-stainless-retry-count", "0"),
                    ("x-stainless-read-timeout", "600"),
                    ("Content-Length", str(len(request))),
                )
            ),
            body=request,
        ),
        response=Response(
            status=200,
            reason="OK",
            headers=Headers(
                (
                    ("Date", f"Fri, 12 Jun 2026 03:{n:02}:11 GMT"),
                    ("Content-Type", "application/json"),
                    ("Transfer-Encoding", "chunked"),
                    ("Connection", "keep-alive"),
                    ("access-control-expose-headers", "X-Request-ID"),
                    ("openai-organization", "<redacted:organization>"),
                    ("openai-processing-ms", str(ms - 90)),
                    ("openai-version", "2020-10-01"),
                    ("x-envoy-upstream-service-time", str(ms - 70)),
                    ("x-ratelimit-limit-requests", "5000"),
                    ("x-ratelimit-limit-tokens", "4000000"),
                    ("x-ratelimit-remaining-requests", "4999"),
                    ("x-ratelimit-remaining-tokens", str(3999000 + n)),
                    ("x-ratelimit-reset-requests", "12ms"),
                    ("x-ratelimit-reset-tokens", "2ms"),
                    ("x-request-id", f"req_{chance.randbytes(16).hex()}"),
                    ("cf-cache-status", "DYNAMIC"),
                    ("Set-Cookie", "<redacted:cookie>"),
                    ("X-Content-Type-Options", "nosniff"),
                    ("Server", "cloudflare"),
                    ("CF-RAY", f"{chance.randbytes(8).hex()}-AMS"),
                    ("Content-Encoding", "gzip"),
                    ("alt-svc", 'h3=":443"; ma=86400'),
                )
            ),
            body=Body(data=answer, chunks=(Chunk(len(answer), ms + 2),), encoding="gzip"),
        ),
        at=1781234000 + 7 * n,
        ms=ms,
    )


def streamed(n: int) -> Interaction:
    """As the anthropic SDK streams: one event a few words, each in a chunk of its own."""
    chance = random.Random(100 + n)
    plain = chat(n)
    events: list[tuple[str, dict[str, object]]] = [
        (
            "message_start",
            {
                "message": {
                    "model": "claude-haiku-4-5-20251001",
                    "id": f"msg_01{opaque(chance, 22)}",
                    "type": "message",
                    "role": "assistant",
                    "content": [],
                    "stop_reason": None,
                    "stop_sequence": None,
                    "usage": {"input_tokens": 171, "output_tokens": 3, "service_tier": "standard"},
                }
            },
        ),
        ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
    ]
    words = ANSWER.format(SUBJECTS[n % 20]).split(" ")
    while words:
        taken = chance.randint(1, 6)
        text = " ".join(words[:taken]) + " "
        words = words[taken:]
        delta = {"type": "text_delta", "text": text}
        events.append(("content_block_delta", {"index": 0, "delta": delta}))
    events += [
        ("content_block_stop", {"index": 0}),
        (
            "message_delta",
            {
                "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                "usage": {"output_tokens": 222},
            },
        ),
        ("message_stop", {}),
    ]
    data, chunks, ms = b"", [], chance.randint(500, 900)
    first = ms
    for name, event in events:
        text = json.dumps({"type": name} | event, separators=(",", ":"))
        data += f"event: {name}\ndata: {text}\n\n".encode()
        ms += chance.randint(5, 60)
        chunks.append(Chunk(len(data), ms))
    request = json.dumps(
        {
            "max_tokens": 700,
            "messages": [{"role": "user", "content": PROMPT.format(SUBJECTS[n % 20])}],
            "model": "claude-haiku-4-5",
            "stream": True,
        }
    ).encode()
    headers = plain.request.headers.replacing("host", "api.anthropic.com")
    headers = headers.replacing("user-agent", "Anthropic/Python 0.71.0").without("authorization")
    headers = Headers(
        (
            *headers.items,
            ("X-Api-Key", "<redacted:x-api-key>"),
            ("anthropic-version", "2023-06-01"),
        )
    )
    answered = Headers(
        (
            ("Date", f"Fri, 12 Jun 2026 04:{n:02}:51 GMT"),
            ("Content-Type", "text/event-stream; charset=utf-8"),
            ("Transfer-Encoding", "chunked"),
            ("Connection", "keep-alive"),
            ("Cache-Control", "no-cache"),
            ("anthropic-ratelimit-requests-limit", "1000"),
            ("anthropic-ratelimit-requests-remaining", str(999 - n)),
            ("anthropic-ratelimit-requests-reset", f"2026-06-12T04:{n:02}:51Z"),
            ("request-id", f"req_011{opaque(chance, 21)}"),
            ("via", "1.1 google"),
            ("Server", "cloudflare"),
            ("CF-RAY", f"{chance.randbytes(8).hex()}-AMS"),
        )
    )
    return Interaction(
        request=Request(
            method="POST",
            url="https://api.anthropic.com/v1/messages",
            headers=headers,
            body=request,
        ),
        response=Response(
            status=200,
            reason="OK",
            headers=answered,
            body=Body(data=data, chunks=tuple(chunks)),
        ),
        at=1781239000 + n,
        ms=first,
    )


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
    [  # measured, and a little room: single rows hold prose that no dictionary can know,
        # and a whole is this small because its calls share their prose
        ("chats", 0.32, 0.06),
        ("streams", 0.18, 0.08),
        ("bench 2 kB", 0.23, 0.02),
        ("bench 64 kB", 0.18, 0.02),
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


def test_the_dictionary_pays_for_a_single_chat() -> None:
    line = CASSETTES["chats"][0]
    library = packing.zstd_library()
    assert pack(line)[0] == 2
    assert len(pack(line)) < len(library.compress(line, 3)) * 0.75
    assert 8 * 1024 <= len(DICTIONARY_1) <= 32 * 1024


@given(st.binary(max_size=5000) | st.text(max_size=2000).map(str.encode))
def test_every_text_comes_back(data: bytes) -> None:
    packed = pack(data)
    assert unpack(packed) == data
    assert len(packed) <= len(data) + 1


def test_the_smallest_form_wins() -> None:
    assert pack(b"") == b"\0"
    assert pack(b"\x81\x9d")[0] == 0
    assert pack(WITHOUT_WORDS)[0] == 1
    assert pack(DICTIONARY_1[-3000:])[0] == 2


def test_without_a_library_texts_are_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = pack(bytes(5000))
    monkeypatch.setattr(packing, "zstd_library", lambda: None)
    assert pack(bytes(5000)) == b"\0" + bytes(5000)
    assert unpack(pack(b"text")) == b"text"
    with pytest.raises(CassetteError) as caught:
        unpack(packed)
    assert "pip install 'onetake[zstd]'" in caught.value.remedy


@pytest.mark.parametrize(
    "data", [b"", b"\x03abc", b"\xff", b"\x01", b"\x02", b"\x01abc", b"\x02{}"]
)
def test_what_is_not_packed_is_refused(data: bytes) -> None:
    with pytest.raises(CassetteError) as caught:
        unpack(data)
    assert caught.value.remedy


@pytest.mark.parametrize("form", [1, 2])
def test_corrupt_data_is_refused(form: int) -> None:
    data = WITHOUT_WORDS if form == 1 else CASSETTES["chats"][0]
    packed = pack(data)
    assert packed[0] == form
    others = [packed[:size] for size in range(1, len(packed), 1 + len(packed) // 60)]
    others += [packed + b"\0", packed + packed[1:], bytes([3 - form]) + packed[1:]]
    for other in others:
        try:
            assert unpack(other) == data  # a frame that needs no dictionary reads with one too
            assert other[1:] == packed[1:]
        except CassetteError as error:
            assert error.remedy  # noqa: PT017


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
    except CassetteError as error:
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

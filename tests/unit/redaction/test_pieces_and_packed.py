"""Secrets that no single text holds: those that a stream says in pieces, and those in a gzip file."""

from __future__ import annotations

import gzip
import json
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakeprovider.bedrock import encode_message
from onetake.content.quoting import Quoting, quote
from onetake.messages import Body, Chunk, Headers, Interaction, Request, Response
from onetake.redaction import Redactor, Values
from onetake.wire.event_stream import read_frames
from tests.unit.redaction.texts import ORDINARY

KEY = "sk-proj-a1B2c3D4e5F6g7H8i9J0kLmNoPqRsTuV"
OTHER = "sk-ant-api03-Z9y8X7w6V5u4T3s2R1q0PoNmLkJi"
VALUE = "zq7/XW+v9=k2"
SSE = "text/event-stream"
UPLOAD = "multipart/form-data; boundary=x"


def openai(text: str, choice: int = 0) -> dict[str, object]:
    return {
        "id": "c-1",
        "choices": [{"delta": {"content": text}, "index": choice, "finish_reason": None}],
    }


def responses(text: str) -> dict[str, object]:
    return {"type": "response.output_text.delta", "output_index": 0, "delta": text}


def anthropic(text: str) -> dict[str, object]:
    return {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": text},
    }


def tool(text: str) -> dict[str, object]:
    calls = [{"index": 0, "function": {"arguments": text}}]
    return {"choices": [{"index": 0, "delta": {"tool_calls": calls}}]}


def gemini(text: str) -> dict[str, object]:
    return {"candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}]}


def as_sse(events) -> list[bytes]:
    return [b"data: " + json.dumps(one).encode() + b"\n\n" for one in events]


def answered(pieces: list[bytes], content_type: str = SSE) -> Interaction:
    ends = [sum(map(len, pieces[: n + 1])) for n in range(len(pieces))]
    body = Body(data=b"".join(pieces), chunks=tuple(Chunk(end, 1.0) for end in ends))
    headers = Headers((("Content-Type", content_type),))
    return Interaction(
        request=Request(method="GET", url="https://h/p"),
        response=Response(status=200, headers=headers, body=body),
    )


def safe_events(interaction: Interaction, redactor: Redactor | None = None) -> list[dict]:
    """The events of each chunk, which must still be one each."""
    body = (redactor or Redactor()).interaction(interaction).response.body
    starts = [0, *(chunk.end for chunk in body.chunks)]
    chunks = [body.data[a:b] for a, b in pairwise(starts)]
    return [json.loads(chunk.removeprefix(b"data: ")) for chunk in chunks]


def pieces_of(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


@pytest.mark.parametrize("event", [openai, responses, anthropic, tool, gemini])
@pytest.mark.parametrize("size", [1, 5, 17])
def test_a_key_that_a_model_says_in_pieces_is_taken_out(event, size):
    told = pieces_of(f"The key is {KEY}, and {VALUE}.", size)
    expected = [event(text) for text in told]
    events = safe_events(answered(as_sse(expected)), Redactor(values=Values((VALUE,))))
    said = _said(events)
    assert said == "The key is REDACTED-openai-key-1, and REDACTED-env-1."
    assert [_shape(one) for one in events] == [_shape(one) for one in expected]


def _said(value: object) -> str:
    """All texts of any event under the names that carry one."""
    if isinstance(value, list):
        return "".join(map(_said, value))
    if not isinstance(value, dict):
        return ""
    return "".join(
        item
        if isinstance(item, str) and name in ("content", "text", "delta", "arguments")
        else _said(item)
        for name, item in value.items()
    )


def _shape(value: object) -> object:
    if isinstance(value, dict):
        return {name: _shape(item) for name, item in value.items()}
    return [_shape(item) for item in value] if isinstance(value, list) else type(value)


def test_two_choices_that_come_in_turns_are_two_texts():
    one, other = pieces_of(f"a {KEY} b", 4), pieces_of(f"c {OTHER} d", 4)
    turns = [
        openai(text, n) for both in zip(one, other, strict=False) for n, text in enumerate(both)
    ]
    events = safe_events(answered(as_sse(turns)))
    texts = [
        "".join(
            one["choices"][0]["delta"]["content"]
            for one in events
            if one["choices"][0]["index"] == n
        )
        for n in (0, 1)
    ]
    assert [text[:21] for text in texts] == ["a REDACTED-openai-key", "c REDACTED-anthropic-"]


def test_json_lines_too():
    lines = [json.dumps({"response": text}).encode() + b"\n" for text in pieces_of(f"x {KEY} y", 3)]
    events = safe_events(answered(lines, "application/x-ndjson"))
    assert "".join(one["response"] for one in events) == "x REDACTED-openai-key-1 y"


def test_a_list_that_comes_piece_by_piece_too():
    events = [gemini(text) for text in pieces_of(f"x {KEY} y", 3)]
    one = answered([json.dumps(events, indent=2).encode()], "application/json")
    safe = json.loads(Redactor().interaction(one).response.body.data)
    assert _said(safe) == "x REDACTED-openai-key-1 y"


def test_what_was_said_in_pieces_is_known_where_the_program_sends_it():
    redactor = Redactor()
    redactor.interaction(answered(as_sse(map(openai, pieces_of(f"x {KEY} y", 3)))))
    assert KEY in redactor.given


def test_a_chunk_may_end_within_a_key():
    whole = b"".join(as_sse([openai(f"x {KEY} y")]))
    for at in range(1, len(whole), 7):
        one = answered([whole[:at], whole[at:]])
        body = Redactor().interaction(one).response.body
        assert KEY.encode() not in body.data
        assert 0 <= body.chunks[0].end <= body.chunks[1].end == len(body.data)


ordinary = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=60)


@given(ordinary, st.integers(1, 9))
def test_a_stream_without_secrets_is_left_as_it_is(text, size):
    one = answered(as_sse(map(openai, pieces_of(text, size))))
    assert Redactor(values=Values((VALUE,))).interaction(one) == one


def test_ordinary_texts_in_pieces_are_left_as_they_are():
    streams = [answered(as_sse(map(openai, pieces_of(text, 3)))) for text in ORDINARY]
    assert [one for one in streams if Redactor().interaction(one) != one] == []


# Packed.


def upload(content: bytes, content_type: str = "application/gzip") -> Request:
    head = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.gz"\r\nContent-Type: '
    body = head + content_type.encode() + b"\r\n\r\n" + content + b"\r\n--x--\r\n"
    return Request(
        method="POST", url="https://h/p", headers=Headers((("Content-Type", UPLOAD),)), body=body
    )


def content_of(request: Request) -> bytes:
    return request.body.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n--x--\r\n")


def test_a_gzip_file_in_an_upload_is_opened():
    text = f'{{"password":"hunter2hunter2","say":"{KEY} {VALUE}"}}'
    redactor = Redactor(values=Values((VALUE,)))
    shaped = redactor.request(upload(gzip.compress(text.encode())))
    written = redactor.by_value(shaped)
    assert json.loads(gzip.decompress(content_of(written))) == {
        "password": "REDACTED-password",
        "say": "REDACTED-openai-key-1 REDACTED-env-1",
    }
    assert redactor.request(shaped) == shaped


def test_the_same_content_is_one_request_whoever_packed_it():
    both = [
        Redactor().request(upload(gzip.compress(KEY.encode(), level, mtime=time)))
        for level, time in ((1, 0), (9, 77))
    ]
    assert both[0] == both[1]


def test_a_gzip_file_without_secrets_is_left_as_it_is():
    request = upload(gzip.compress(b"nothing of the sort"))
    assert Redactor(values=Values((VALUE,))).request(request) is request


def test_a_body_that_is_packed_as_a_whole_is_opened_both_ways():
    packed = gzip.compress(f"log: {KEY}".encode())
    headers = Headers((("Content-Type", "text/plain"), ("Content-Encoding", "gzip")))
    request = Request(method="POST", url="https://h/p", headers=headers, body=packed)
    safe = Redactor().request(request)
    assert (safe.body, safe.encoding) == (b"log: REDACTED-openai-key-1", "gzip")
    answer = Redactor().interaction(answered([packed], "application/gzip")).response.body.data
    assert gzip.decompress(answer) == b"log: REDACTED-openai-key-1"


def test_a_bomb_and_a_broken_file_are_left_as_they_are():
    for content in (gzip.compress(bytes(40 << 20)), b"\x1f\x8b\x08\0" + KEY.encode()[8:]):
        request = upload(content)
        assert Redactor().request(request) is request


@given(st.binary(max_size=300), st.sampled_from([0, 1, 65_535, 65_536, 140_000]))
def test_what_is_stored_is_a_gzip_file(data, more):
    data += bytes(more)
    assert gzip.decompress(quote(data, Quoting.GZIP)) == data
    assert zlib.decompress(quote(data, Quoting.GZIP), 31) == data


@pytest.mark.parametrize("blocks", [1, 2])
def test_a_key_in_pieces_of_an_aws_event_stream_is_taken_out(blocks):
    told = pieces_of(f"x {KEY} y", 4)
    frames = [
        encode_message(
            {":event-type": "contentBlockDelta"},
            json.dumps({"contentBlockIndex": block, "delta": {"text": text}}).encode(),
        )
        for text in told
        for block in range(blocks)
    ]
    kept = Redactor().interaction(answered(frames, "application/vnd.amazon.eventstream"))
    assert kept.response is not None
    frames_kept = list(read_frames(kept.response.body.data))
    events = [json.loads(frame.payload) for frame in frames_kept]
    said = [
        "".join(one["delta"]["text"] for one in events if one["contentBlockIndex"] == block)
        for block in range(blocks)
    ]
    assert len(frames_kept) == len(frames)
    assert said == ["x REDACTED-openai-key-1 y"] * blocks

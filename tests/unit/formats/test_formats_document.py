"""The cassette document: what it looks like, that it comes back, and what it says when it cannot be read."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.errors import CassetteError
from onetake.formats.document import (
    Stored,
    encode_interaction,
    join,
    parse,
    same_but_volatile,
)
from onetake.formats.lines import decode_plain, encode_plain
from onetake.messages import (
    Body,
    Chunk,
    Ended,
    Failure,
    Headers,
    Interaction,
    Request,
    Response,
)

CALL = Interaction(
    request=Request(
        method="POST",
        url="https://api.example.com/v1/chat",
        headers=Headers((("Content-Type", "application/json"), ("X-Empty", ""))),
        body=b'{"temperature":0.70,"messages":[]}',
    ),
    response=Response(
        status=200,
        reason="OK",
        headers=Headers((("date", "today"), ("set-cookie", "a"), ("set-cookie", "b"))),
        body=Body(data=b'{"id": 1}', chunks=(Chunk(9, 412),)),
    ),
    at=1753228800,
    ms=412,
)
STREAM = Interaction(
    request=Request(method="GET", url="https://api.example.com/stream"),
    response=Response(
        status=200,
        http_version="HTTP/2",
        headers=Headers((("content-type", "text/event-stream"),)),
        body=Body(
            data=b"data: 1\n\ndata: 2\n\n", chunks=(Chunk(9, 5), Chunk(18, 7)), encoding="gzip"
        ),
    ),
    ended=Ended.CLOSED,
)
FAILED = Interaction(
    request=Request(method="GET", url="https://down.example.com/"),
    failure=Failure(kind="refused", type="httpcore.ConnectError", args=("no",)),
    ended=Ended.CUT,
)

WHOLE = """\
{
  "onetake": 1,
  "name": "test_a[x/y]",
  "interactions": [
    {
      "request": {
        "method": "POST",
        "url": "https://api.example.com/v1/chat",
        "headers": [
          "Content-Type: application/json",
          "X-Empty: "
        ],
        "body": {
          "json": {
            "temperature": 0.70,
            "messages": []
          }
        }
      },
      "response": {
        "status": 200,
        "reason": "OK",
        "headers": [
          "date: today",
          "set-cookie: a",
          "set-cookie: b"
        ],
        "body": {
          "json": {
            "id": 1
          },
          "form": {
            "key": ": "
          }
        }
      },
      "recorded": {"at": 1753228800, "ms": 412}
    },
    {
      "request": {
        "method": "GET",
        "url": "https://api.example.com/stream"
      },
      "response": {
        "status": 200,
        "http_version": "HTTP/2",
        "headers": [
          "content-type: text/event-stream"
        ],
        "encoding": "gzip",
        "body": {
          "text": [
            "data: 1",
            "",
            "data: 2",
            "",
            ""
          ]
        }
      },
      "ended": "closed",
      "recorded": {"at": 0, "ms": 0, "chunks": [[9, 5], [18, 7]]}
    },
    {
      "request": {
        "method": "GET",
        "url": "https://down.example.com/"
      },
      "failure": {
        "kind": "refused",
        "type": "httpcore.ConnectError",
        "args": [
          "no"
        ]
      },
      "ended": "cut",
      "recorded": {"at": 0, "ms": 0}
    }
  ]
}
"""


def no_blob(name: str) -> bytes:
    raise AssertionError(name)


def document(*interactions: Interaction, name: str | None = None) -> bytes:
    return join([encode_interaction(one, {}) for one in interactions], name)


def entries(text: bytes) -> list[Stored]:
    return parse(text, "a.json", no_blob).entries


def refused(text: bytes) -> CassetteError:
    with pytest.raises(CassetteError) as caught:  # noqa: PT012
        for entry in parse(text, "cassettes/a.json", no_blob).entries:
            assert entry.interaction.request == entry.request
    assert caught.value.path == "cassettes/a.json"
    assert "cassettes/a.json" in caught.value.message
    assert caught.value.remedy
    return caught.value


def test_the_document_is_laid_out_for_review() -> None:
    assert document(CALL, STREAM, FAILED, name="test_a[x/y]").decode() == WHOLE


def test_interactions_come_back_as_they_were() -> None:
    found = parse(WHOLE.encode(), "a.json", no_blob)
    assert found.name == "test_a[x/y]"
    assert [entry.request for entry in found.entries] == [
        CALL.request,
        STREAM.request,
        FAILED.request,
    ]
    assert [entry.interaction for entry in found.entries] == [CALL, STREAM, FAILED]


def test_an_empty_document_has_no_entries() -> None:
    assert entries(document()) == []
    assert parse(document(), "a.json", no_blob).name is None


def test_existing_entries_are_taken_over_as_they_lie() -> None:
    edited = WHOLE.replace('"status": 200', '"status":   201').encode()
    found = entries(edited)
    assert join([entry.raw for entry in found], "test_a[x/y]") == edited
    longer = join([*(entry.raw for entry in found), encode_interaction(CALL, {})], "test_a[x/y]")
    assert longer.startswith(edited.removesuffix(b"\n  ]\n}\n"))


@pytest.mark.parametrize("indent", [None, 0, 1, 2, 3, 4, 6])
def test_a_document_laid_out_by_another_tool_reads_the_same(indent: int | None) -> None:
    ask = CALL.request.replace(body=b'{"a":{"b":[{}]},"c":{"d":{}}}')
    text = document(CALL.replace(request=ask), STREAM)
    other = json.dumps(json.loads(text), indent=indent).encode()
    assert [entry.request for entry in entries(other)] == [ask, STREAM.request]


def test_crlf_line_ends_and_a_byte_order_mark_are_read() -> None:
    text = b"\xef\xbb\xbf" + WHOLE.replace("\n", "\r\n").encode()
    assert entries(text)[0].request == CALL.request
    assert entries(text)[1].interaction == STREAM


def test_a_request_whose_text_looks_like_its_end_is_read_whole() -> None:
    ask = Request(method="POST", url="https://x/", body=b'{"a":{"b":"\\n      },"},"c":{}}')
    assert entries(document(CALL.replace(request=ask)))[0].request == ask


def test_an_answer_in_one_late_chunk_keeps_its_time() -> None:
    late = CALL.replace(ms=10)
    assert b'"chunks": [[9, 412]]' in encode_interaction(late, {})
    assert entries(document(late))[0].interaction == late


def test_a_body_edited_by_hand_keeps_its_chunks_within_it() -> None:
    longer = WHOLE.replace('"data: 2"', '"data: 2 and more"').encode()
    response = entries(longer)[1].interaction.response
    assert response is not None
    assert list(response.body.pieces()) == [(b"data: 1\n\n", 5), (b"data: 2 and more\n\n", 7)]
    shorter = WHOLE.replace('            "data: 1",\n            "",\n', "").encode()
    response = entries(shorter)[1].interaction.response
    assert response is not None
    assert list(response.body.pieces()) == [(b"data: 2\n\n", 7)]


def test_large_payloads_are_blobs_and_are_asked_for_when_used() -> None:
    data = bytes(range(256)) * 100
    ask = CALL.request.replace(body=b'{"image":"' + b64encode(data) + b'"}')
    answer = Response(status=200, body=Body(data=data))
    blobs: dict[str, bytes] = {}
    text = join([encode_interaction(Interaction(request=ask, response=answer), blobs)], None)
    assert list(blobs.values()) == [data]
    assert len(text) < 2000
    [entry] = parse(text, "a.json", blobs.__getitem__).entries
    assert (entry.request, entry.interaction.response) == (ask, answer)


def test_the_error_of_a_missing_blob_is_the_readers_own() -> None:
    text = join(
        [
            encode_interaction(
                STREAM.replace(request=Request(method="PUT", url="x", body=b"\xff" * 20000)), {}
            )
        ],
        None,
    )

    def missing(name: str) -> bytes:
        raise CassetteError("gone", path=f"blobs/{name}")

    with pytest.raises(CassetteError, match=r"^gone$"):
        _ = parse(text, "a.json", missing).entries[0].request


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "it is empty"),
        (b"\n \n", "it is empty"),
        (WHOLE[:500].encode(), "breaks off"),
        (WHOLE.replace('"status": 200,', '"status" 200,', 1).encode(), "line 21, column 18"),
        (b"\x00\xff\x00", "not a whole cassette"),
        (b"hello", "not a whole cassette"),
        (b"[" * 100_000, "not a whole cassette"),
        (b"[]", "cassettes/a.json"),
        (b"{}", "no format version"),
        (b'{"onetake": 1}', "interactions"),
        (b'{"onetake": "1", "interactions": []}', "onetake"),
        (b'{"onetake": 0, "interactions": []}', "not known"),
        (b'{"onetake": 1, "interactions": {}}', "interactions"),
        (b'{"onetake": 1, "interactions": [1]}', "Interaction 1"),
        (b'{"onetake": 1, "interactions": [{}]}', "request"),
        (WHOLE.replace('"POST"', "5").encode(), "request.method"),
        (WHOLE.replace('"status": 200', '"status": "ok"').encode(), "response.status"),
        (WHOLE.replace('"X-Empty: "', '"X-Empty"').encode(), "no colon"),
        (WHOLE.replace('"json"', '"jsom"').encode(), "no known kind"),
        (WHOLE.replace("[[9, 5]", "[[90, 5]").encode(), "chunks"),
    ],
)
def test_what_cannot_be_read_is_named_with_a_remedy(text: bytes, words: str) -> None:
    error = refused(text)
    assert words in error.message
    assert error.remedy == "Restore it from version control, or delete it to record anew."


def test_a_newer_format_asks_for_an_upgrade() -> None:
    for text in (b'{"onetake": 2, "interactions": []}', b'{"onetake": 12, "calls": {}}'):
        error = refused(text)
        assert "newer" in error.message
        assert error.remedy == "Upgrade onetake."


@pytest.mark.parametrize(
    "text",
    [
        b'{"version": 1, "interactions": [{"request": {"uri": "x"}}]}',
        b"interactions:\n- request:\n    body: null\nversion: 1\n",
        b"---\nversion: 1\ninteractions: []\n",
    ],
)
def test_a_vcrpy_cassette_is_named_as_one(text: bytes) -> None:
    assert "is a cassette of vcrpy, which is read only where it lies" in refused(text).message


def test_conflict_markers_are_named_with_their_line() -> None:
    text = WHOLE.replace("    {\n", "<<<<<<< HEAD\n    {\n", 1).encode()
    assert "git conflict markers (line 5)" in refused(text).message
    assert entries(
        document(CALL.replace(request=Request(method="GET", url="x", body=b"\n<<<<<<< a\n")))
    )


def test_a_journal_line_is_one_line_and_comes_back() -> None:
    for seq, one in enumerate((CALL, STREAM, FAILED)):
        line = encode_plain(one, seq)
        assert b"\n" not in line
        assert decode_plain(line) == (seq, one)


def test_a_torn_journal_line_is_a_cassette_error_at_every_byte() -> None:
    line = encode_plain(STREAM, 3)
    for end in range(len(line)):
        with pytest.raises(CassetteError):
            decode_plain(line[:end])


def test_half_surrogates_in_an_error_do_not_stop_recording() -> None:
    failed = FAILED.replace(failure=Failure(kind="tls", type="x", args=("\udcff",)))
    assert decode_plain(encode_plain(failed, 0))[1].failure == Failure(
        kind="tls", type="x", args=("\\udcff",)
    )
    assert entries(document(failed, name="\udcff"))


@pytest.mark.parametrize(
    "header",
    [
        "Date",
        "x-request-id",
        "request-id",
        "x-ratelimit-remaining-tokens",
        "anthropic-ratelimit-requests-reset",
        "CF-RAY",
        "set-cookie",
        "openai-processing-ms",
        "x-envoy-upstream-service-time",
        "x-amzn-RequestId",
        "server-timing",
    ],
)
def test_volatile_answer_headers_are_no_difference(header: str) -> None:
    def with_value(value: str) -> Interaction:
        assert CALL.response is not None
        return CALL.replace(
            response=CALL.response.replace(headers=Headers((("A", "b"), (header, value)))),
            at=7,
            ms=3,
        )

    assert same_but_volatile(with_value("1"), with_value("2"))
    assert same_but_volatile(FAILED, FAILED.replace(at=9))


def test_everything_else_is_a_difference() -> None:
    assert CALL.response is not None
    others = [
        STREAM,
        CALL.replace(request=CALL.request.replace(method="PUT")),
        CALL.replace(request=CALL.request.replace(headers=Headers((("date", "x"),)))),
        CALL.replace(response=CALL.response.replace(status=201)),
        CALL.replace(response=CALL.response.replace(body=Body(data=b"x"))),
        CALL.replace(response=CALL.response.replace(headers=Headers((("location", "x"),)))),
        CALL.replace(ended=Ended.CUT),
        CALL.replace(response=None),
    ]
    assert not any(same_but_volatile(CALL, other) for other in others)


_LATIN = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=8)
_LINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=8)
_HEADERS = st.lists(st.tuples(_LATIN, _LATIN), max_size=3).map(lambda lines: Headers(tuple(lines)))
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_DATA = st.binary(max_size=40) | st.text(max_size=20).map(
    lambda text: text.encode("utf-8", "replace")
)


@st.composite
def _bodies(draw: Any) -> Body:
    data = draw(_DATA)
    ends = sorted(draw(st.lists(st.integers(0, len(data)), max_size=4)))
    chunks = tuple(Chunk(end, draw(st.integers(0, 10**6))) for end in [*ends, len(data)])
    return Body(
        data=data,
        chunks=draw(st.sampled_from([chunks, ()])),
        encoding=draw(st.sampled_from(["", "br"])),
    )


_INTERACTIONS = st.builds(
    Interaction,
    request=st.builds(Request, method=_LINE, url=_LINE, headers=_HEADERS, body=_DATA),
    response=st.none()
    | st.builds(
        Response, status=st.integers(100, 599), reason=_LATIN, headers=_HEADERS, body=_bodies()
    ),
    failure=st.none()
    | st.builds(Failure, kind=_TEXT, type=_TEXT, args=st.lists(_TEXT, max_size=2).map(tuple)),
    ended=st.sampled_from(Ended),
    at=st.integers(0, 2**37),
    ms=st.integers(100_000_000, 2**40),
)


@given(st.lists(_INTERACTIONS, max_size=3), st.none() | _TEXT)
def test_any_interactions_come_back_from_a_document(
    made: list[Interaction], name: str | None
) -> None:
    text = document(*made, name=name)
    found = parse(text, "a.json", no_blob)
    assert found.name == name
    assert [entry.request for entry in found.entries] == [one.request for one in made]
    assert [entry.interaction for entry in found.entries] == made
    assert join([entry.raw for entry in found.entries], name) == text
    assert all(
        same_but_volatile(one, entry.interaction)
        for one, entry in zip(made, found.entries, strict=True)
    )


@given(_INTERACTIONS, st.integers(0, 2**40))
def test_any_interaction_comes_back_from_the_journal(made: Interaction, seq: int) -> None:
    assert decode_plain(encode_plain(made, seq)) == (seq, made)


@given(st.integers(0, len(WHOLE) - 1), st.binary(max_size=3), st.integers(0, 30))
def test_a_damaged_document_raises_nothing_but_cassette_errors(
    at: int, put: bytes, gone: int
) -> None:
    text = WHOLE.encode()
    try:
        for entry in parse(text[:at] + put + text[at + gone :], "a.json", lambda name: b"").entries:
            assert entry.request == entry.interaction.request
    except CassetteError as error:
        assert "a.json" in str(error)  # noqa: PT017


@given(st.integers(0, 400), st.sampled_from(['"a"', "1", "[]", "{}", "null", "1.5", "[[1]]"]))
def test_wrong_types_raise_nothing_but_cassette_errors(at: int, put: str) -> None:
    values: list[tuple[Any, Any]] = []
    whole = json.loads(WHOLE)
    waiting: list[Any] = [whole]
    while waiting:
        holder = waiting.pop()
        for key, value in holder.items() if isinstance(holder, dict) else enumerate(holder):
            values.append((holder, key))
            if isinstance(value, dict | list):
                waiting.append(value)
    holder, key = values[at % len(values)]
    holder[key] = json.loads(put)
    try:
        for entry in parse(msgspec.json.encode(whole), "a.json", lambda name: b"").entries:
            assert entry.request == entry.interaction.request
    except CassetteError as error:
        assert "a.json" in str(error)  # noqa: PT017


def test_what_would_end_a_header_line_is_written_as_a_space_and_a_fold_stays():
    headers = Headers((("x", "a\rb\nc\0d"), ("y\r\nz", "1"), ("folded", "a\r\n b")))
    answer = CALL.response.replace(headers=headers, reason="O\r\nK")

    (entry,) = parse(document(CALL.replace(response=answer)), "a.json", no_blob).entries

    found = entry.interaction.response
    assert found.headers.items == (("x", "a b c d"), ("y  z", "1"), ("folded", "a\r\n b"))
    assert found.reason == "O  K"

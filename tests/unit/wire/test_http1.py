"""HTTP/1.1 messages: pieces and ends are found however the bytes are split."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.messages import Headers, Response
from onetake.wire import http1


def fed(framer: http1.BodyFramer, data: bytes, cuts: list[int]) -> list[bytes]:
    found = []
    start = 0
    for cut in [*sorted(cuts), len(data)]:
        found += framer.feed(data[start:cut])
        start = max(start, cut)
    return found


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    st.lists(st.integers(0, 200), max_size=8),
)
def test_chunks_are_found_however_the_bytes_are_split(chunks, cuts):
    framer = http1.BodyFramer(chunked=True)
    data = b"".join(map(http1.render_chunk, chunks))

    assert fed(framer, data, cuts) == chunks
    assert not framer.complete
    assert fed(framer, http1.LAST_CHUNK, [1, 3]) == []
    assert framer.complete


@given(st.binary(max_size=60), st.lists(st.integers(0, 80), max_size=5))
def test_a_length_ends_the_body(body, cuts):
    framer = http1.BodyFramer(length=len(body))

    assert b"".join(fed(framer, body + b"HTTP/1.1 200", cuts)) == body
    assert framer.complete


def test_only_the_end_of_the_connection_ends_a_body_without_framing():
    framer = http1.BodyFramer()
    assert framer.feed(b"abc") == [b"abc"]
    assert not framer.complete
    framer.eof()
    assert framer.complete


def test_extensions_and_trailers_are_no_part_of_the_body():
    framer = http1.BodyFramer(chunked=True)
    assert framer.feed(b"3;a=b\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n") == [b"abc"]
    assert framer.complete


def test_a_chunk_cut_short_says_how_much_is_missing():
    framer = http1.BodyFramer(chunked=True)
    assert framer.feed(b"a\r\nabc") == []
    framer.eof()
    assert (framer.complete, framer.rest(), framer.missing) == (False, b"abc", 7)
    assert http1.render_chunk(b"abc", 7) == b"a\r\nabc"


def test_what_is_no_chunk_size_breaks_the_framing():
    framer = http1.BodyFramer(chunked=True)
    assert framer.feed(b"zz\r\n0\r\n\r\n") == []
    assert (framer.complete, framer.bad_line) == (False, b"zz\r\n")


def test_a_request_is_parsed():
    sent = (
        b"POST /a?b HTTP/1.1\r\nHost: h\r\nX-Folded: a\r\n\tb\r\nTransfer-Encoding: chunked\r\n\r\n"
    )

    message = http1.parse_request(sent + b"3\r\nabc\r\n0\r\n\r\n")

    assert (message.method, message.target, message.body) == ("POST", "/a?b", b"abc")
    assert message.headers.items[1] == ("X-Folded", "a\r\n\tb")


def test_bytes_that_are_no_request_are_refused():
    with pytest.raises(ValueError, match="request line"):
        http1.parse_request(b"nonsense\r\n\r\n")


def test_a_head_keeps_order_case_and_duplicates():
    response = Response(
        status=299,
        reason="Odd",
        http_version="HTTP/2",
        headers=Headers((("b", "1"), ("A", "2"), ("b", "\xe9"))),
    )
    assert http1.render_head(response) == b"HTTP/1.1 299 Odd\r\nb: 1\r\nA: 2\r\nb: \xe9\r\n\r\n"


@pytest.mark.parametrize("size", [b"-5", b"+5", b"0x5", b"1_0", b"f" * 17])
def test_a_size_that_is_no_hexadecimal_number_ends_the_search_for_chunks(size):
    framer = http1.BodyFramer(chunked=True)

    assert framer.feed(size + b"\r\nabcdefghij") == []
    assert (framer.complete, framer.bad_line) == (False, size + b"\r\n")


def test_a_line_that_does_not_end_is_not_kept_for_ever():
    framer = http1.BodyFramer(chunked=True)

    for _ in range(1000):
        framer.feed(b"1" * 100)

    assert framer.bad_line is not None
    assert framer.feed(b"\r\n") == []

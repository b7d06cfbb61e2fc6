"""Server-sent events are read as a browser reads them."""

from __future__ import annotations

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.wire.sse import ServerEvent, read_events


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"data: a\n\ndata: b\n\n", [("", "a"), ("", "b")]),
        (b"event: x\r\ndata: a\r\n\r\n", [("x", "a")]),
        (b"data: a\rdata: b\r\r", [("", "a\nb")]),
        (b"data:a\ndata:  b\n\n", [("", "a\n b")]),
        (b": comment\nid: 1\nretry: 5\ndata: a\n\n", [("", "a")]),
        (b"event: x\n\ndata: a\n\n", [("", "a")]),
        (b"\xef\xbb\xbfdata: a\n\n", [("", "a")]),
        (b"data\n\n", [("", "")]),
        (b"data: cut", [("", "cut")]),
        ("data: caf\u00e9\u2028x\n\n".encode(), [("", "caf\u00e9\u2028x")]),
        (b"", []),
    ],
)
def test_a_stream_is_its_events(stream, expected):
    assert list(read_events(stream)) == [ServerEvent(*one) for one in expected]


@given(st.binary())
def test_every_stream_can_be_read(stream):
    assert all(isinstance(one, ServerEvent) for one in read_events(stream))


lines = st.lists(
    st.tuples(
        st.sampled_from(
            ["data: a", "data:b", "data", "event: x", "event:", ": c", "id: 1", "x: y", ""]
        ),
        st.sampled_from(["\n", "\r\n", "\r"]),
    ),
    max_size=12,
)


@given(lines)
def test_httpx2_reads_the_same(lines):
    stream = "".join(line + end for line, end in lines) + "\n\n"
    answer = httpx2.Response(
        200,
        headers={"content-type": "text/event-stream"},
        content=stream.encode(),
        request=httpx2.Request("GET", "https://h/"),
    )
    # It also gives events without any data, which the standard drops.
    theirs = [(one.event, one.data) for one in httpx2.EventSource(answer) if one.data]
    ours = [(one.name or "message", one.data) for one in read_events(stream.encode()) if one.data]

    assert ours == theirs

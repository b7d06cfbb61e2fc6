"""AWS event streams are read as botocore reads them."""

from __future__ import annotations

import base64
import json

from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from fakeprovider.bedrock import encode_message
from onetake.wire.event_stream import Frame, read_frames, unwrapped

texts = st.text(st.characters(max_codepoint=127), max_size=8)
headers = st.dictionaries(st.sampled_from([":event-type", ":message-type", "x"]), texts)
messages = st.lists(st.tuples(headers, st.binary(max_size=60)), max_size=4)


def encoded(all_):
    return b"".join(encode_message(lines, payload) for lines, payload in all_)


@given(messages)
def test_a_stream_is_its_messages(all_):
    stream = encoded(all_)
    buffer = EventStreamBuffer()
    buffer.add_data(stream)
    expected = [
        Frame(str(one.headers.get(":event-type") or ""), bytes(one.payload)) for one in buffer
    ]
    assert list(read_frames(stream)) == expected


@given(messages, st.integers(0, 400))
def test_a_cut_stream_is_its_whole_messages(all_, size):
    stream = encoded(all_)
    of_cut = list(read_frames(stream[:size]))
    assert of_cut == list(read_frames(stream))[: len(of_cut)]


@given(st.binary(max_size=200))
def test_no_bytes_are_too_odd(data):
    assert isinstance(list(read_frames(data)), list)
    assert isinstance(unwrapped(data), bytes)


def test_a_message_that_is_broken_ends_the_reading():
    stream = encode_message({":event-type": "a"}, b"1") + encode_message({":event-type": "b"}, b"2")
    broken = stream[:-6] + b"?" + stream[-5:]
    assert list(read_frames(broken)) == [Frame("a", b"1")]


def test_an_exception_has_its_own_name():
    stream = encode_message({":message-type": "exception", ":exception-type": "throttled"}, b"{}")
    assert list(read_frames(stream)) == [Frame("throttled", b"{}")]


def test_a_chunk_holds_an_event_of_the_model():
    payload = json.dumps({"bytes": base64.b64encode(b"{}").decode(), "p": "abc"}).encode()
    assert [unwrapped(payload), unwrapped(b"{}"), unwrapped(b'{"bytes": "*"}')] == [b"{}", b"", b""]

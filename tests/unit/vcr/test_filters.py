from __future__ import annotations

import gzip
import json
import zlib

import pytest

from vcr import filters
from vcr.request import Request

FORM_DATA = (
    b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="key"\r\n\r\n\xff\r\n--b--\r\n'
)


def shout(key, value, request):
    return f"{key}={value}@{request.method}".upper()


def request(body=None, content_type="", *, uri="http://host/?b=2&a=1&c=", method="POST") -> Request:
    return Request(method, uri, body, {"Content-Type": content_type, "Key": "k"})


@pytest.mark.parametrize(
    ("replacement", "expected"),
    [(None, None), ("new", "new"), (shout, "KEY=K@POST"), (lambda **_: None, None)],
)
def test_a_header_is_replaced_or_goes(replacement, expected):
    changed = filters.replace_headers(request(), [("Key", replacement), ("Other", "x")])
    assert changed.headers.get("key") == expected
    assert "Other" not in changed.headers


def test_a_query_is_written_anew():
    assert filters.replace_query_parameters(request(), [("a", shout)]).uri == (
        "http://host/?a=A%3D1%40POST&b=2"
    )
    assert filters.remove_query_parameters(request(), ["a", "b"]).uri == "http://host/"


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"k%65y=s&a=1", "application/x-www-form-urlencoded", b"a=1"),
        (b"key&a=1", "", b"key&a=1"),
        (b"\xff=1&key=s", "", b"\xff=1&key=s"),
        (b'{"key": "s", "a": 1}', "application/json; charset=utf-8", b'{"a": 1}'),
        (b"[1, 2]", "application/json", b"[1, 2]"),
        (b"no json", "application/json", b"no json"),
        (FORM_DATA % (b"a", b"1"), "multipart/form-data; boundary=b", FORM_DATA % (b"a", b"1")),
        (
            FORM_DATA % (b"key", b"s"),
            "multipart/form-data; boundary=b",
            (FORM_DATA % (b"", b"")).partition(b"\r\n\r\n\r\n")[2],
        ),
        ({"key": "s", "a": {"key": "t"}}, "", {"a": {"key": "t"}}),
        (None, "", None),
    ],
)
def test_a_parameter_goes_from_a_body(body, content_type, expected):
    changed = filters.replace_body_parameters(request(body, content_type), [("key", None)])
    assert changed.body == expected


def test_keys_are_found_at_any_depth_where_that_is_asked_for():
    body = json.dumps({"a": [{"key": 1}, "key"], "key": 2}).encode()
    changed = filters.replace_post_data_parameters(
        request(body, "application/json"), [("key", shout)], recursive=True
    )
    assert json.loads(changed.body) == {"a": [{"key": "KEY=1@POST"}, "key"], "key": "KEY=2@POST"}


def test_only_posts_lose_their_post_data():
    kept = filters.remove_post_data_parameters(request(b"key=s", method="PUT"), ["key"])
    assert kept.body == b"key=s"


@pytest.mark.parametrize(
    ("coding", "content"),
    [
        ("gzip", gzip.compress(b"text", mtime=0)),
        ("gzip", b"text"),
        ("deflate", zlib.compress(b"text")),
        ("deflate", zlib.compress(b"text", wbits=-15)),
        ("deflate", b"text"),
        ("deflate, gzip", gzip.compress(zlib.compress(b"text"), mtime=0)),
    ],
)
@pytest.mark.parametrize("listed", [True, False])
def test_a_response_is_decoded_by_its_bytes(coding, content, listed):
    before = {
        "status": {"code": 200, "message": "OK"},
        "headers": {"Content-Encoding": [coding] if listed else coding, "Content-Length": ["9"]},
        "body": {"string": content},
    }
    after = filters.decode_response(before)
    assert after["body"] == {"string": b"text"}
    assert after["headers"] == {"content-length": ["4"]}
    assert before["body"] == {"string": content}


@pytest.mark.parametrize(
    "kept",
    [
        {"headers": {"content-encoding": ["unknown"]}, "body": {"string": b"text"}},
        {"headers": {}, "body": {"string": b"text"}},
        {"headers": {"content-encoding": ["gzip"]}, "body": {}},
    ],
)
def test_a_response_that_cannot_be_decoded_stays(kept):
    assert filters.decode_response(kept) == kept


def test_sensitive_values_are_hidden_and_restored_everywhere():
    hide, restore = filters.sensitive_data_hooks({"<KEY>": "s3cret", "<PORT>": lambda *_: 8080})
    sent = Request("POST", "http://host:8080/?k=s3cret", b"s3cret", {"K": "a s3cret"})
    answer = {"headers": {"s3cret": ["8080"]}, "body": {"string": b"s3cret"}}
    hidden, answered = hide(sent, answer)
    assert hidden._to_dict() == {
        "method": "POST",
        "uri": "http://host:<PORT>/?k=<KEY>",
        "body": b"<KEY>",
        "headers": {"K": ["a <KEY>"]},
    }
    assert answered == {"headers": {"<KEY>": ["<PORT>"]}, "body": {"string": b"<KEY>"}}
    assert restore(hidden, answered)[0]._to_dict() == sent._to_dict()
    assert restore(hidden, answered)[1] == answer

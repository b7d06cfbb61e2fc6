"""HAR: what browsers export is taken, what they have not kept is named, what is written comes back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from onetake.errors import CassetteError
from onetake.formats import har
from onetake.messages import Body, Chunk, Failure, Headers, Interaction, Request, Response

# As Chrome exports a call over HTTP/2, shortened.
CHROME: dict[str, Any] = {
    "startedDateTime": "2026-11-26T13:50:00.500+01:00",
    "time": 120.5,
    "_resourceType": "fetch",
    "request": {
        "method": "POST",
        "url": "https://api.test/v1?a=1#top",
        "httpVersion": "h2",
        "headers": [
            {"name": ":authority", "value": "api.test"},
            {"name": ":method", "value": "POST"},
            {"name": "content-type", "value": "application/json"},
        ],
        "queryString": [{"name": "a", "value": "1"}],
        "postData": {"mimeType": "application/json", "text": '{"a": 1}'},
        "bodySize": 8,
    },
    "response": {
        "status": 200,
        "statusText": "",
        "httpVersion": "h2",
        "headers": [
            {"name": "content-encoding", "value": "gzip"},
            {"name": "set-cookie", "value": "a=1\nb=2"},
        ],
        "content": {"size": 5, "mimeType": "text/plain", "compression": 2, "text": "hello"},
        "_transferSize": 30,
    },
    "timings": {"send": 1, "wait": 100.9, "receive": 19},
}


def with_(entry: dict[str, Any], message: str, **changes: Any) -> dict[str, Any]:
    return {**entry, message: {**entry[message], **changes}}


def taken(*entries: Any) -> har.Taken:
    text = json.dumps({"log": {"version": "1.2", "entries": list(entries)}})
    return har.read(b"\xef\xbb\xbf" + text.encode(), "a.har")


def test_a_browsers_call_is_taken_as_it_was_on_the_wire() -> None:
    (one,) = taken(CHROME).interactions
    assert one == Interaction(
        request=Request(
            method="POST",
            url="https://api.test/v1?a=1",
            headers=Headers((("content-type", "application/json"),)),
            body=b'{"a": 1}',
        ),
        response=Response(
            status=200,
            http_version="HTTP/2",
            headers=Headers(
                (("content-encoding", "gzip"), ("set-cookie", "a=1"), ("set-cookie", "b=2"))
            ),
            body=Body(data=b"hello", chunks=(Chunk(5, 0),), encoding="gzip"),
        ),
        at=1_795_697_400,
        ms=100,
    )


@pytest.mark.parametrize(
    ("posted", "body"),
    [
        (None, b""),
        ({"mimeType": "x", "text": "/wA=", "encoding": "base64"}, b"\xff\x00"),
        ({"mimeType": "application/x-www-form-urlencoded; charset=utf-8", "text": "",
          "params": [{"name": "a", "value": "1 2"}, {"name": "b"}]}, b"a=1+2&b="),
    ],
)  # fmt: skip
def test_what_was_sent(posted: Any, body: bytes) -> None:
    (one,) = taken(with_(CHROME, "request", postData=posted)).interactions
    assert one.request.body == body


def test_an_answer_in_base64() -> None:
    content = {"text": "/wA=", "encoding": "base64"}
    (one,) = taken(with_(CHROME, "response", content=content, headers=[])).interactions
    assert one.response is not None
    assert one.response.body.data == b"\xff\x00"


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (with_(CHROME, "response", content={"size": 9}), "body of its answer was not kept"),
        (with_(CHROME, "request", postData={"mimeType": "multipart/form-data", "params": [{"name": "a"}]}),
         "upload was not kept"),
        (with_(CHROME, "response", status=0, _error="net::ERR_FAILED"), "no answer: net::ERR_FAILED"),
        (with_(CHROME, "response", status=101), "WebSocket"),
        ({**CHROME, "_webSocketMessages": []}, "WebSocket"),
        (with_(CHROME, "request", url="data:text/plain,a"), "no server over HTTP"),
        (with_(CHROME, "request", url="http://[/"), "cannot be read"),
        (with_(CHROME, "request", method="G\r\n"), "line end"),
        (with_(CHROME, "response", content={"text": "a", "encoding": "base64"}), "cannot be read"),
        ({"request": 1}, "no request"),
        (7, "no request"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_named_and_the_rest_is_taken(entry: Any, why: str) -> None:
    found = taken(CHROME, entry, CHROME)
    assert len(found.interactions) == 2
    ((number, reason),) = found.left
    assert number == 2
    assert why in reason


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"log": 1}', b"\xff\xff", b"[" * 100_000])
def test_what_is_no_har_is_refused(text: bytes) -> None:
    with pytest.raises(CassetteError) as caught:
        har.read(text, "a.har")
    assert caught.value.path == "a.har"


def test_what_is_written_comes_back() -> None:
    (one,) = taken(CHROME).interactions
    binary = one.replace(
        request=one.request.replace(body=b"\xff"),
        response=Response(status=404, reason="No", body=Body(data=b"\xfe", chunks=(Chunk(1, 0),))),
    )
    written = har.to_har([one, binary], "1.0")
    assert har.read(written, "a.har").interactions == (one, binary)
    log = json.loads(written)["log"]
    assert (log["version"], log["creator"]) == ("1.2", {"name": "onetake", "version": "1.0"})
    assert log["entries"][0]["startedDateTime"] == "2026-11-26T12:50:00.000Z"
    for entry in log["entries"]:  # what the specification asks for
        assert {"startedDateTime", "time", "request", "response", "cache", "timings"} <= set(entry)
        assert {"method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize",
                "bodySize"} <= set(entry["request"])  # fmt: skip
        assert {"status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL",
                "headersSize", "bodySize"} <= set(entry["response"])  # fmt: skip


def test_an_error_of_the_network_is_written_as_browsers_do() -> None:
    failed = Interaction(
        request=Request(method="GET", url="http://a.test/"),
        failure=Failure(kind="refused", type="httpcore.ConnectError"),
    )
    answer = json.loads(har.to_har([failed], "1.0"))["log"]["entries"][0]["response"]
    assert (answer["status"], answer["_error"]) == (0, "httpcore.ConnectError")
    assert har.read(har.to_har([failed], "1.0"), "a").left[0][1] == (
        "It had no answer: httpcore.ConnectError."
    )

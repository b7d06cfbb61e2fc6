"""What is asked of the server, for any client that can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Step:
    """One call. Of `json`, `form`, `files` and `body` at most one is given."""

    method: str = "GET"
    path: str
    params: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, str] | None = None
    files: Mapping[str, tuple[str, bytes, str]] | None = None
    body: bytes | None = None
    login: tuple[str, str] | None = None
    in_pieces: bool = False
    """Read piece by piece, as a stream."""
    in_lines: bool = False
    operation: str = ""
    """Of an AWS service, as `s3.get_object`, with `arguments`."""
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """`steps` in one session of the client. `needs` names what not every client can do."""

    name: str
    steps: Sequence[Step]
    options: Mapping[str, Any] = field(default_factory=dict)
    needs: frozenset[str] = frozenset()
    in_place: bool = True
    """Whether the cassette alone says all, so that it can be replayed without the facade and its options."""
    order: Sequence[int] = ()
    """In which order the steps are replayed, if not as they were recorded."""
    unrecorded: Sequence[Step] = ()
    """Steps that only the replay has."""

    @property
    def file(self) -> str:
        suffix = "json" if self.options.get("serializer") == "json" else "yaml"
        return f"{self.name}.{suffix}"


def _masked(response: dict[str, Any]) -> dict[str, Any]:
    """A hook as suites have them: it changes what is kept of an answer."""
    response["headers"]["X-Request-Id"] = ["masked"]
    return response


def _unnumbered(request: Any) -> Any:
    """A hook that leaves a part of the path out of the comparison."""
    request.uri = request.uri.replace("/echo/4711", "/echo/N")
    return request


_MESSAGE = {"model": "m", "messages": [{"role": "user", "content": "Grüße, 世界"}], "stream": False}
_LOGIN = ("user", "passphrase")
_PARTS = {
    "file": ("ä.bin", b"\x00\xff\x80 not text", "application/octet-stream"),
    "note": ("note.txt", "später".encode(), "text/plain"),
}
_COUNTED = Step(path="/counter/plain")


def _one(name: str, path: str, *needs: str, **more: Any) -> Scenario:
    return Scenario(name=name, steps=(Step(path=path, **more),), needs=frozenset(needs))


SCENARIOS = (
    _one("get_json", "/json"),
    _one("post_json", "/echo", method="POST", json=_MESSAGE),
    _one("post_form", "/echo", method="POST", form={"name": "Zoë & Co", "empty": "", "n": "1+1"}),
    _one("multipart", "/echo", "multipart", method="POST", files=_PARTS),
    _one("binary", "/binary"),
    _one("gzip", "/gzip", headers={"accept-encoding": "gzip"}),
    _one("deflate", "/deflate", headers={"accept-encoding": "deflate"}),
    _one("brotli", "/brotli", "brotli", headers={"accept-encoding": "br"}),
    _one("chunked", "/chunked"),
    _one("gzip_chunked", "/gzipchunked", headers={"accept-encoding": "gzip"}),
    _one("in_pieces", "/chunked", in_pieces=True),
    _one("gzip_in_pieces", "/gzip", headers={"accept-encoding": "gzip"}, in_pieces=True),
    _one("events", "/events", in_lines=True),
    _one("redirects", "/redirect/2", "redirects"),
    Scenario(name="errors", steps=(Step(path="/status/404"), Step(path="/status/500"))),
    _one("empty", "/empty", method="DELETE"),
    _one("head", "/json", method="HEAD"),
    Scenario(name="repeated", steps=(_COUNTED, _COUNTED, _COUNTED)),
    Scenario(
        name="cookies",
        steps=(Step(path="/cookies"), Step(path="/echo/cookie")),
        needs=frozenset({"cookies"}),
    ),
    Scenario(
        name="login",
        steps=(Step(path="/private", login=_LOGIN), Step(path="/private")),
        options={"filter_headers": ["authorization"]},
        order=(0, 1),
    ),
    _one("unicode", "/echo/w%C3%B6rt/a%20b", method="PUT", json={"ключ": "значение 🎁"}),
    Scenario(
        name="query",
        steps=(
            Step(path="/echo", params=(("a", "1"), ("b", "zwei Wörter"), ("a", "0"))),
            Step(path="/echo", params=(("a", "2"),)),
        ),
        order=(1, 0),
    ),
    _one("large", "/large"),
    _one(
        "bytes",
        "/echo",
        method="PUT",
        body=b"\x00\x01\xfe\xff raw",
        headers={"content-type": "application/octet-stream"},
    ),
    Scenario(
        name="decoded",
        steps=(
            Step(path="/gzip", headers={"accept-encoding": "gzip"}),
            Step(path="/deflate", headers={"accept-encoding": "deflate"}),
        ),
        options={"decode_compressed_response": True},
    ),
    Scenario(
        name="as_json",
        steps=(Step(method="POST", path="/echo", json=_MESSAGE), Step(path="/json")),
        options={"serializer": "json"},
    ),
    Scenario(
        name="by_body",
        steps=tuple(Step(method="POST", path="/echo", json={"n": n, "of": "3"}) for n in range(3)),
        options={"match_on": ["method", "scheme", "host", "port", "path", "query", "body"]},
        order=(2, 0, 1),
    ),
    Scenario(
        name="hidden",
        steps=(
            Step(path="/echo", params=(("api_key", "k-1"), ("q", "x"))),
            Step(method="POST", path="/echo", form={"token": "t-1", "q": "y"}),
        ),
        options={
            "filter_query_parameters": ["api_key"],
            "filter_post_data_parameters": [("token", "hidden")],
        },
        in_place=False,
    ),
    Scenario(
        name="hooks",
        steps=(Step(path="/json"), Step(path="/echo/4711")),
        options={"before_record_response": _masked, "before_record_request": _unnumbered},
        in_place=False,
    ),
    Scenario(
        name="lacking",
        steps=(Step(path="/json"),),
        unrecorded=(Step(path="/json"), Step(path="/echo/other")),
        in_place=False,
    ),
    # AWS: its own client, whose requests are signed anew each time.
    Scenario(
        name="s3_objects",
        steps=(
            Step(
                path="",
                operation="s3.put_object",
                arguments={"Bucket": "bucket", "Key": "a.bin", "Body": b"\x00\xff" * 50},
            ),
            Step(
                path="", operation="s3.get_object", arguments={"Bucket": "bucket", "Key": "a.bin"}
            ),
            Step(
                path="", operation="s3.head_object", arguments={"Bucket": "bucket", "Key": "a.bin"}
            ),
        ),
        needs=frozenset({"aws"}),
    ),
    Scenario(
        name="s3_list",
        steps=(Step(path="", operation="s3.list_objects_v2", arguments={"Bucket": "bucket"}),),
        needs=frozenset({"aws"}),
    ),
    Scenario(
        name="s3_missing",
        steps=(
            Step(
                path="", operation="s3.get_object", arguments={"Bucket": "bucket", "Key": "missing"}
            ),
        ),
        needs=frozenset({"aws"}),
    ),
    Scenario(
        name="dynamodb",
        steps=(
            Step(
                path="",
                operation="dynamodb.get_item",
                arguments={"TableName": "t", "Key": {"id": {"S": "1"}}},
            ),
        ),
        options={"filter_headers": ["authorization"]},
        needs=frozenset({"aws"}),
    ),
)


def of_client(can: frozenset[str]) -> list[Scenario]:
    """Those that a client with these abilities can play; the AWS client plays only its own."""
    aws = "aws" in can
    return [one for one in SCENARIOS if one.needs <= can and ("aws" in one.needs) is aws]

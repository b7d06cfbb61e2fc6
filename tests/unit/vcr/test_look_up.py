"""What is found in a cassette of many interactions, and what the hooks of the suite see of them."""

import http.client
import json
from itertools import product
from pathlib import Path

import pytest

from onetake.messages import Body, Headers, Response
from onetake_vcr.conversion import to_answer
from vcr import VCR, matchers
from vcr.cassette import Cassette
from vcr.errors import CannotOverwriteExistingCassetteException
from vcr.request import Request
from vcr.serializers import jsonserializer, yamlserializer

_URL = "https://api.example.com/v1/chat"


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text("[tool.onetake]\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _entry(number: int, **request: object) -> dict[str, object]:
    body = json.dumps({"n": number, "text": "word " * 20})
    asked = {"method": "POST", "uri": _URL, "body": body, "headers": {"A": ["b"]}, **request}
    answer = {"status": {"code": 200, "message": "OK"}, "headers": {"X-N": [str(number)]}}
    return {"request": asked, "response": {**answer, "body": {"string": f"answer {number} ü"}}}


def _written(path: Path, entries: list[dict[str, object]], **more: object) -> Path:
    serializer = jsonserializer if path.suffix == ".json" else yamlserializer
    path.write_text(serializer.serialize({"version": 1, "interactions": entries, **more}))
    return path


def _large(path: Path, *entries: dict[str, object], **more: object) -> Path:
    return _written(path, [*entries, *map(_entry, range(200))], **more)


def test_a_hook_of_the_suite_is_called_for_each_interaction_at_once(project):
    path = _large(project / "a.yaml")
    seen: list[str] = []
    config = VCR(before_record_request=lambda request: seen.append(request.uri) or request)
    with config.use_cassette(str(path), record_mode="none"):
        assert seen == [_URL] * 200


def test_filters_pass_over_what_is_asked_for(project):
    path = _large(project / "a.yaml", _entry(-1, uri=f"{_URL}?api_key=k&q=1"))
    config = VCR(filter_query_parameters=["api_key"], filter_headers=[("a", "hidden")])
    with config.use_cassette(str(path), record_mode="none") as cassette:
        assert cassette.requests[0].uri == f"{_URL}?q=1"
        assert cassette.requests[5].headers["A"] == "hidden"
        wanted = Request("POST", f"{_URL}?api_key=other&q=1")
        assert cassette.responses_of(wanted) == cassette.responses[:1]


def _posted(number: int) -> bytes:
    body = _entry(number)["request"]["body"]  # type: ignore[index]
    connection = http.client.HTTPConnection("api.example.com")
    connection.request("POST", "/v1/chat", body, {"A": "b"})
    return connection.getresponse().read()


def test_a_program_gets_each_answer_in_any_order(project):
    entries = [_entry(number, uri="http://api.example.com/v1/chat") for number in range(200)]
    path = _written(project / "a.yaml", entries)
    by_body = VCR(record_mode="none", match_on=["method", "uri", "body"])
    with by_body.use_cassette(str(path)) as cassette:
        found = [_posted(number) for number in (150, 3, 199, 0)]
        assert found == [f"answer {number} ü".encode() for number in (150, 3, 199, 0)]
        assert cassette.play_count == 4
        with pytest.raises(CannotOverwriteExistingCassetteException):
            _posted(3)


_REQUESTS = [
    Request(method, uri, body, headers)
    for method, uri, body, headers in product(
        ("GET", "post"),
        ("https://a.example/x?b=2&a=1", "https://a.example/x?a=1&b=2", "https://a.example"),
        (b"", b'{"a": 1, "b": 2}', b'{"b": 2, "a": 1}'),
        ({}, {"Content-Type": "application/json"}),
    )
]


def _never(one: Request, other: Request) -> bool:
    return one.method == other.method and one.body == other.body


@pytest.mark.parametrize(
    "chosen",
    [
        [matchers.method, matchers.uri],
        [matchers.method, matchers.path, matchers.query],
        [matchers.uri, matchers.body],
        [matchers.headers, matchers.raw_body],
        [matchers.path, _never],
        [_never],
        [],
    ],
)
def test_a_look_up_finds_what_comparing_each_would_find(chosen):
    cassette = Cassette("unused.yaml", match_on=chosen)
    cassette.data = [(one, {"n": number}) for number, one in enumerate(_REQUESTS)]
    for wanted in _REQUESTS:
        expected = [
            {"n": number}
            for number, one in enumerate(_REQUESTS)
            if matchers.requests_match(wanted, one, chosen)
        ]
        assert cassette.responses_of(wanted) == expected


@pytest.mark.parametrize(
    ("client", "is_packed"),
    [("httpx", True), ("http.client", True), ("urllib3", False), ("aiohttp", False)],
)
def test_an_answer_is_kept_as_the_client_had_it_below(client, is_packed):
    response = Response(
        status=200,
        reason="OK",
        headers=Headers((("Content-Encoding", "gzip"),)),
        body=Body(data=b"text", encoding="gzip"),
    )
    answer = to_answer(response, client)
    name = "content-encoding" if client == "httpx" else "Content-Encoding"
    assert answer["headers"] == {name: ["gzip"]}
    assert answer["body"]["string"].startswith(b"\x1f\x8b") is is_packed
    assert is_packed or answer["body"]["string"] == b"text"

"""Large cassettes: what the second opening reads, and what it makes of it."""

import http.client
import json
from itertools import product
from pathlib import Path

import pytest

from onetake.compat.vcr import VCR, matchers
from onetake.compat.vcr.cassette import Cassette
from onetake.compat.vcr.conversion import to_answer
from onetake.compat.vcr.errors import CannotOverwriteExistingCassetteException
from onetake.compat.vcr.loading import Pairs, load
from onetake.compat.vcr.request import Request
from onetake.compat.vcr.serializers import jsonserializer, yamlserializer
from onetake.compat.vcr.serializers.yamlserializer import with_custom_tags
from onetake.messages import Body, Headers, Response
from onetake.stores.vcr_files import digest_of, keep_copy

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


def _shown(pairs: object) -> list[object]:
    assert isinstance(pairs, list | Pairs)
    return [(request._to_dict(), type(request.body), answer) for request, answer in pairs]


_IN_FILE = """
- request:
    method: PUT
    uri: https://api.example.com/up
    body: !!python/object/new:_io.BytesIO
      state: !!python/tuple [!!binary "AP8=", 0, null]
    headers: {}
  response: {status: {code: 200, message: OK}, headers: {}, body: {string: !!binary "/wA="}}
- request: {method: POST, uri: https://api.example.com/up, body: {a: '1', 2: x}, headers: {}}
  response: {status: {code: 204, message: null}, headers: {}, body: {}}
"""


@pytest.mark.parametrize(
    ("name", "serializer"), [("a.yaml", yamlserializer), ("a.json", jsonserializer)]
)
def test_the_second_opening_reads_a_copy_and_gives_the_same(project, name, serializer):
    path = _large(project / name, metadata={"seed": 7})
    first, first_metadata = load(path, serializer)
    second, second_metadata = load(path, serializer)
    assert (type(first), type(second)) == (list, Pairs)
    assert _shown(first) == _shown(second)
    assert first_metadata == second_metadata == {"seed": 7}


def test_the_copy_keeps_bytes_files_and_mappings(project):
    path = _large(project / "a.yaml")
    path.write_text(path.read_text().replace("interactions:\n", f"interactions:{_IN_FILE}", 1))
    first, _ = load(path, yamlserializer)
    second, _ = load(path, yamlserializer)
    assert isinstance(second, Pairs)
    assert second[0][0].body.read() == first[0][0].body.read() == b"\x00\xff"
    assert second[0][1]["body"]["string"] == b"\xff\x00"
    assert second[1][0].body == first[1][0].body == {"a": "1", 2: "x"}
    assert second[1][1] == first[1][1]


def test_a_body_that_the_copy_cannot_hold_leaves_none(project):
    path = _large(project / "a.yaml", _entry(-1, body=2**70))
    before, _ = load(path, yamlserializer)
    again, _ = load(path, yamlserializer)
    assert isinstance(again, list)
    assert again[0][0].body == before[0][0].body == 2**70


def test_a_changed_file_is_read_anew(project):
    path = _large(project / "a.yaml")
    load(path, yamlserializer)
    path.write_text(path.read_text().replace("answer 3 ", "other 3 "))
    pairs, _ = load(path, yamlserializer)
    assert pairs[3][1]["body"]["string"] == "other 3 ü".encode()


def _copies(project: Path) -> list[Path]:
    folder = project / ".onetake" / "vcr"
    return sorted(one for one in folder.glob("*") if one.suffix != ".sum")


def test_a_torn_copy_is_not_used(project):
    path = _large(project / "a.yaml")
    first, _ = load(path, yamlserializer)
    (copy,) = _copies(project)
    assert copy.stat().st_mode & 0o077 == 0
    copy.write_bytes(copy.read_bytes()[:-40] + bytes(40))
    again, _ = load(path, yamlserializer)
    assert isinstance(again, list)
    assert [answer for _, answer in again] == [answer for _, answer in first]
    assert isinstance(load(path, yamlserializer)[0], Pairs)


@pytest.mark.parametrize(
    "content", [b"", b"\xc1", b"\x93\xc0\x90\x91\xc4\x01a", b"\x93\xc0\x91\x92\xa1a\xa1b\x90"]
)
def test_what_is_no_copy_of_ours_is_not_used(project, content):
    path = _large(project / "a.yaml")
    keep_copy(project / ".onetake", path, digest_of(path.read_bytes()), content, "-yaml")
    pairs, _ = load(path, yamlserializer)
    assert len(pairs) == 200


def test_small_files_and_other_serializers_leave_no_copy(project):
    load(_written(project / "small.yaml", [_entry(1)]), yamlserializer)
    load(_large(project / "own.yaml"), with_custom_tags({"!x": lambda loader, node: None}))
    assert _copies(project) == []


def test_a_hook_of_the_suite_is_called_for_each_interaction_at_once(project):
    path = _large(project / "a.yaml")
    load(path, yamlserializer)
    seen: list[str] = []
    config = VCR(before_record_request=lambda request: seen.append(request.uri) or request)
    with config.use_cassette(str(path), record_mode="none"):
        assert seen == [_URL] * 200


def test_filters_pass_over_what_is_asked_for(project):
    path = _large(project / "a.yaml", _entry(-1, uri=f"{_URL}?api_key=k&q=1"))
    load(path, yamlserializer)
    config = VCR(filter_query_parameters=["api_key"], filter_headers=[("a", "hidden")])
    with config.use_cassette(str(path), record_mode="none") as cassette:
        assert isinstance(cassette.data, Pairs)
        assert cassette.requests[0].uri == f"{_URL}?q=1"
        assert cassette.requests[5].headers["A"] == "hidden"
        wanted = Request("POST", f"{_URL}?api_key=other&q=1")
        assert cassette.responses_of(wanted) == cassette.responses[:1]


def _posted(number: int) -> bytes:
    body = _entry(number)["request"]["body"]  # type: ignore[index]
    connection = http.client.HTTPConnection("api.example.com")
    connection.request("POST", "/v1/chat", body, {"A": "b"})
    return connection.getresponse().read()


def test_a_program_gets_each_answer_from_the_copy_in_any_order(project):
    entries = [_entry(number, uri="http://api.example.com/v1/chat") for number in range(200)]
    path = _written(project / "a.yaml", entries)
    by_body = VCR(record_mode="none", match_on=["method", "uri", "body"])
    for expected in (list, Pairs):
        with by_body.use_cassette(str(path)) as cassette:
            assert type(cassette.data) is expected
            found = [_posted(number) for number in (150, 3, 199, 0)]
            assert found == [f"answer {number} ü".encode() for number in (150, 3, 199, 0)]
            assert cassette.play_count == 4
            with pytest.raises(CannotOverwriteExistingCassetteException):
                _posted(3)


def test_pairs_are_a_list_to_who_uses_them(project):
    path = _large(project / "a.yaml")
    first, _ = load(path, yamlserializer)
    pairs, _ = load(path, yamlserializer)
    assert isinstance(pairs, Pairs)
    new = (Request("GET", "https://other.example/"), {"body": {"string": b"new"}})
    pairs.append(new)
    del pairs[0]
    pairs[1] = new
    assert (len(pairs), pairs[-1], pairs[1]) == (200, new, new)
    assert [answer for _, answer in pairs[2:4]] == [answer for _, answer in first[3:5]]
    assert pairs.line(-1) == ("GET", "https://other.example/")
    assert pairs == list(pairs)


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

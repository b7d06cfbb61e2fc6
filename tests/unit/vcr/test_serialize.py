from __future__ import annotations

import subprocess
import sys
from io import BytesIO

import pytest

from onetake.errors import CassetteError, UsageError
from vcr.migration import try_migrate
from vcr.persisters.filesystem import (
    CassetteDecodeError,
    CassetteNotFoundError,
    FilesystemPersister,
)
from vcr.request import Request
from vcr.serialize import deserialize, serialize
from vcr.serializers import jsonserializer, yamlserializer


class Name(str):
    """As aiohttp has for the names of headers."""

    __slots__ = ()


class Thing:
    pass


def response(content: object = b"ok") -> dict[str, object]:
    return {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": content}}


def request(body: object = None) -> Request:
    return Request("POST", "http://host/", body, {"A": "b"})


@pytest.mark.parametrize("serializer", [yamlserializer, jsonserializer])
def test_a_cassette_comes_back(serializer):
    kept = {"requests": [request("é")], "responses": [response()], "metadata": {"seed": 1}}
    text = serialize(kept, serializer)
    (stored,), (answer,), metadata = deserialize(text, serializer)
    assert (stored._to_dict(), answer, metadata) == (
        request("é")._to_dict(),
        response(),
        {"seed": 1},
    )
    assert kept["responses"] == [response()]  # untouched


def test_bytes_that_are_no_text_come_back_from_yaml_only():
    kept = {"requests": [request(b"\xff")], "responses": [response(b"\xfe")]}
    (stored,), (answer,) = deserialize(serialize(kept, yamlserializer), yamlserializer)
    assert (stored.body, answer) == (b"\xff", response(b"\xfe"))
    with pytest.raises(TypeError, match="serializer='yaml'"):
        serialize(kept, jsonserializer)


@pytest.mark.parametrize(("body", "kind"), [(BytesIO(b"ab"), BytesIO), (iter([b"a", b"b"]), None)])
def test_files_and_iterators_come_back_as_such(body, kind):
    text = serialize({"requests": [request(body)], "responses": [response()]}, yamlserializer)
    (stored,), _ = deserialize(text, yamlserializer)
    assert kind is None or isinstance(stored.body, kind)
    assert (stored.body_bytes, b"".join(stored.body)) == (b"ab", b"ab")


def test_any_kind_of_text_is_written_as_text_and_no_other_object():
    plain = yamlserializer.deserialize(yamlserializer.serialize({Name("A"): Name("b")}))
    assert (plain, type(plain["A"])) == ({"A": "b"}, str)
    with pytest.raises(UsageError, match="with_custom_tags"):
        yamlserializer.serialize({"a": Thing()})


def test_further_tags_are_read_and_written_where_they_are_named():
    tag = f"tag:yaml.org,2002:python/object:{Thing.__module__}.Thing"
    serializer = yamlserializer.with_custom_tags({tag: lambda _loader, _node: Thing()})
    assert isinstance(serializer.deserialize(serializer.serialize([Thing()]))[0], Thing)
    with pytest.raises(CassetteError):
        yamlserializer.deserialize(serializer.serialize([Thing()]))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: !!python/object/apply:os.system [exit]", "problem loading the cassette"),
        ("- request: {}", "run the migration script"),
        ("interactions:\n- request: {method: GET}\n  response: {}\n", "lacks what it needs"),
        ("just text", "no list of interactions"),
        ("a: [", "problem loading the cassette"),
    ],
)
def test_what_is_no_cassette_is_a_value_error_that_says_so(text, said):
    with pytest.raises(ValueError, match=said):
        deserialize(text, yamlserializer)


def test_a_file_is_written_whole_in_new_folders_and_read_as_utf_8(tmp_path):
    path = tmp_path / "new" / "one.yaml"
    kept = {"requests": [request("é")], "responses": [response("日".encode())]}
    FilesystemPersister.save_cassette(path, kept, yamlserializer)
    assert [file.name for file in path.parent.iterdir()] == ["one.yaml"]
    before = path.read_bytes()
    with pytest.raises(UsageError):
        FilesystemPersister.save_cassette(
            path, {"requests": [request()], "responses": [{"body": Thing()}]}, yamlserializer
        )
    assert path.read_bytes() == before
    (stored,), (answer,) = FilesystemPersister.load_cassette(str(path), yamlserializer)
    assert (stored.body, answer) == ("é".encode(), response("日".encode()))


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (None, CassetteNotFoundError),
        (b" \n", CassetteNotFoundError),
        (b"\xff", CassetteDecodeError),
    ],
)
def test_what_cannot_be_loaded(tmp_path, content, error):
    path = tmp_path / "one.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error, match=r"one\.yaml"):
        FilesystemPersister.load_cassette(path, yamlserializer)


ANCIENT = """\
- request: !!python/object:vcr.request.Request
    body: null
    headers: !!python/object/apply:__builtin__.frozenset
    - - !!python/tuple [accept, '*/*']
    host: host
    method: GET
    path: /p
    port: 81
    protocol: http
  response:
    body: {string: !!python/unicode "ok"}
    headers: ["a: b\\r\\n", "a: c\\r\\n"]
    status: {code: 200, message: OK}
"""


def test_an_ancient_cassette_is_migrated_and_others_are_left_alone(tmp_path):
    ancient, broken = tmp_path / "ancient.yaml", tmp_path / "below" / "broken.yml"
    broken.parent.mkdir()
    ancient.write_text(ANCIENT)
    broken.write_text(ANCIENT[:-40])
    run = [sys.executable, "-m", "vcr.migration", str(tmp_path)]
    said = subprocess.run(run, capture_output=True, text=True, check=True).stderr
    assert said == f"migrated: {ancient}\nleft alone: {broken}\n"
    (stored,), (answer,) = FilesystemPersister.load_cassette(ancient, yamlserializer)
    assert (stored.uri, stored.headers, answer["headers"]) == (
        "http://host:81/p",
        {"accept": "*/*"},
        {"a": ["b", "c"]},
    )
    assert broken.read_text() == ANCIENT[:-40]
    assert not try_migrate(ancient)


@pytest.mark.parametrize("serializer", [yamlserializer, jsonserializer])
@pytest.mark.parametrize(
    "given",
    [str.encode, lambda text: b"\xef\xbb\xbf" + text.encode(), lambda text: text.encode("utf-16")],
    ids=["bytes", "with a mark", "UTF-16"],
)
def test_a_serializer_reads_bytes_as_vcrpys_does(serializer, given):
    text = '{"interactions": [], "version": 1}'

    assert serializer.deserialize(given(text)) == {"interactions": [], "version": 1}


def test_yaml_is_read_from_an_open_file(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("version: 1\n")

    with path.open() as text, path.open("rb") as data:
        assert (
            yamlserializer.deserialize(text) == yamlserializer.deserialize(data) == {"version": 1}
        )


def test_bytes_that_are_no_text_are_an_error_of_the_cassette():
    with pytest.raises(CassetteError, match="no text at byte 1"):
        yamlserializer.deserialize(b"a\xff")

"""Cassettes of betamax and of Ruby's VCR."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from typing import Any

import pytest
import yaml

from onetake.errors import CassetteError
from onetake.formats import betamax, vcr_text


def entry(asked: Any, answered: Any, **extra: Any) -> dict[str, Any]:
    return {
        "request": {"method": "post", "uri": "http://a.test/", "headers": {"A": ["b"]}, "body": asked},
        "response": {"status": {"code": 200, "message": "OK"}, "headers": {"C": "d"}, "body": answered},
        "recorded_at": "2026-11-26T12:50:00",
        **extra,
    }  # fmt: skip


def taken(*entries: Any) -> betamax.Taken:
    tree = {"http_interactions": list(entries), "recorded_with": "betamax/0.9.0"}
    return betamax.read(json.dumps(tree).encode(), "a.json")


@pytest.mark.parametrize(
    ("body", "data"),
    [
        ("text", b"text"),
        (None, b""),
        ({}, b""),
        ({"encoding": "utf-8", "string": None}, b""),
        ({"encoding": "utf-8", "string": "w\u00f6rld"}, b"w\xc3\xb6rld"),
        ({"encoding": "ISO-8859-1", "string": "w\u00f6rld"}, b"w\xf6rld"),
        ({"encoding": "ASCII-8BIT", "string": "w\u00f6rld"}, b"w\xf6rld"),
        ({"encoding": "US-ASCII", "string": "w\u00f6rld"}, b"w\xc3\xb6rld"),
        ({"encoding": "no such", "string": "a"}, b"a"),
        ({"string": "a"}, b"a"),
        ({"encoding": None, "base64_string": "/wA="}, b"\xff\x00"),
    ],
)
def test_a_body_of_any_shape(body: Any, data: bytes) -> None:
    (one,) = taken(entry(body, body)).interactions
    assert one.response is not None
    assert (one.request.body, one.response.body.data) == (data, data)
    assert (one.request.method, one.at) == ("POST", 1_795_697_400)
    assert one.response.headers.items == (("C", "d"),)


def test_a_packed_answer_is_told_by_its_bytes() -> None:
    packed = {"base64_string": b64encode(gzip.compress(b"hello")).decode()}
    one = entry("", packed)
    one["response"]["headers"] = {"content-encoding": ["gzip"]}
    (found,) = taken(one).interactions
    assert found.response is not None
    assert (found.response.body.data, found.response.body.encoding) == (b"hello", "gzip")


def test_rubys_yaml_is_read() -> None:
    text = b"""\
---
http_interactions:
- request:
    method: get
    uri: http://a.test/
    body:
      encoding: US-ASCII
      string: ''
    headers: {}
  response:
    status:
      code: 200
      message: OK
    headers:
      Content-Type:
      - image/png
    body:
      encoding: ASCII-8BIT
      string: !binary |-
        /wA=
    http_version:
  recorded_at: Thu, 26 Nov 2026 12:50:00 GMT
recorded_with: VCR 6.3.1
"""
    (one,) = betamax.read(text, "a.yml").interactions
    assert one.response is not None
    assert one.response.body.data == b"\xff\x00"
    assert one.at == 1_795_697_400
    assert betamax.is_betamax(yaml.safe_load(text.replace(b"!binary", b"!!binary")))


def test_what_cannot_be_taken_is_named() -> None:
    found = taken(entry({"base64_string": "a"}, ""), {"request": {}}, entry("", 7), entry("", ""))
    assert len(found.interactions) == 1
    assert [number for number, _ in found.left] == [1, 2, 3]


@pytest.mark.parametrize(
    "text", [b"{}", b"", b"interactions: []\nversion: 1\n", b"[", b"a: !ruby/object:X {}"]
)
def test_what_is_none_is_refused(text: bytes) -> None:
    with pytest.raises(CassetteError) as caught:
        betamax.read(text, "a.yml")
    assert caught.value.path == "a.yml"


def test_it_is_no_cassette_of_vcrpy_and_is_told_how_to_import_it() -> None:
    with pytest.raises(CassetteError) as caught:
        vcr_text.read(b'{"http_interactions": []}', "a.json")
    assert caught.value.remedy == "Import it: onetake import a.json"

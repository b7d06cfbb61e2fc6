from __future__ import annotations

import copy
from io import BytesIO, StringIO

import pytest

from vcr.record_mode import RecordMode, validate_record_mode
from vcr.request import HeadersDict, Request
from vcr.util import (
    CaseInsensitiveDict,
    auto_decorate,
    compose,
    partition_dict,
    read_body,
)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (None, None),
        ("é", "é".encode()),
        (BytesIO(b"file"), b"file"),
        (StringIO("text"), b"text"),
        (iter(["a", b"b"]), b"ab"),
        (iter(b"abc"), b"abc"),
        ({"a": 1}, {"a": 1}),
    ],
)
def test_a_body_is_read_as_often_as_one_asks(body, expected):
    request = Request("POST", "http://host/", body, {})
    assert [read_body(request), read_body(copy.deepcopy(request)), read_body(request)] == [
        expected
    ] * 3


def test_a_file_is_left_where_it_stood():
    file = BytesIO(b"head body")
    file.seek(5)
    assert read_body(Request("POST", "http://host/", file, {})) == b"body"
    assert file.read() == b"body"


def test_what_no_body_is_made_of_is_named():
    with pytest.raises(ValueError, match="Body type <class 'list'> not supported"):
        read_body(Request("POST", "http://host/", iter([[]]), {}))


def test_the_parts_of_a_uri():
    request = Request("GET", "https://Host/p?b=2&a=1&c=", None, {})
    assert (request.scheme, request.protocol, request.host) == ("https", "https", "host")
    assert (request.port, request.path, request.query) == (443, "/p", [("a", "1"), ("b", "2")])
    request.uri = "http://other:81/q"
    assert (request.url, request.port, request.path) == ("http://other:81/q", 81, "/q")


def test_headers_are_single_values_under_names_of_any_case():
    headers = HeadersDict({"Accept": ["a", "b"], "Empty": []})
    headers["ACCEPT"] = "c"
    assert dict(headers) == {"Accept": "c", "Empty": ""}
    assert headers == {"accept": "c", "EMPTY": ""}
    assert isinstance(headers.copy(), HeadersDict)
    assert CaseInsensitiveDict(a=1) != 3


def test_a_stored_request_may_leave_out_what_is_empty():
    stored = Request("GET", "http://host/", None, {"A": "b"})._to_dict()
    assert stored == {
        "method": "GET",
        "uri": "http://host/",
        "body": None,
        "headers": {"A": ["b"]},
    }
    assert Request._from_dict({"method": "GET", "uri": "http://host/"}).headers == {}


def test_modes_are_their_names():
    assert validate_record_mode("once") is RecordMode.ONCE == "once"
    with pytest.raises(ValueError, match="'all', 'any', 'new_episodes', 'none', 'once'"):
        validate_record_mode("onec")


def test_small_tools():
    assert compose(str, None, abs)(-3) == "3"
    assert partition_dict(lambda key, value: value > 1, {"a": 1, "b": 2}) == ({"b": 2}, {"a": 1})

    class Shouting(metaclass=auto_decorate(lambda function: lambda self: function(self).upper())):
        plain = "kept"

        def say(self):
            return "a"

    Shouting.later = lambda self: "b"
    assert (Shouting.plain, Shouting().say(), Shouting().later()) == ("kept", "A", "B")

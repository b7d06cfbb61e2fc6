from __future__ import annotations

import json
from io import BytesIO
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vcr import matchers
from vcr.request import Request

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json; charset=utf-8"}
CHUNKED = {"Transfer-Encoding": "chunked"}
XMLRPC = {"Content-Type": "text/xml", "User-Agent": "Python-xmlrpc/3"}
BUILT_IN = [
    *(matchers.method, matchers.uri, matchers.scheme, matchers.host, matchers.port),
    *(matchers.path, matchers.query, matchers.headers, matchers.raw_body, matchers.body),
]


def call(member: str) -> bytes:
    return (
        f"<methodCall><methodName>m</methodName><params><param><value>{member}</value></param>"
        "</params></methodCall>"
    ).encode()


def request(body=b"", headers=None, *, method="POST", uri="http://host/p") -> Request:
    return Request(method, uri, body, headers or {})


@pytest.mark.parametrize(
    ("new", "recorded"),
    [
        (request(b"a=1&b=2", FORM), request(b"b=2&a=1", FORM)),
        (request(b'{"a": 1, "b": [2]}', JSON), request(b'{"b":[2],"a":1}', JSON)),
        (request(b'{"a": 1}', JSON), request(b'{"a": 1}')),
        (request(b"no {json", JSON), request(b"no {json", JSON)),
        (request(b"abc", CHUNKED), request(b"3\r\nabc\r\n0\r\n\r\n", CHUNKED)),
        (request(iter([b"a", b"bc"])), request(BytesIO(b"abc"))),
        (request(None), request("")),
        (request(b'{"model": "m"}', JSON), request({"model": "m"})),  # stored by aiohttp's `json=`
        (request(b"a=1", FORM), request({"a": 1})),
        (
            request(call("<dateTime.iso8601>20260101T00:00:00</dateTime.iso8601>"), XMLRPC),
            request(call("<dateTime.iso8601>20260101T00:00:00 </dateTime.iso8601>"), XMLRPC),
        ),
    ],
)
def test_bodies_that_match(new, recorded):
    matchers.body(new, recorded)
    matchers.body(recorded, new)


@pytest.mark.parametrize(
    ("new", "recorded"),
    [
        (request(b"a=1&b=2"), request(b"b=2&a=1")),
        (request(b"a=1&b=2", FORM), request(b"b=2&a=1")),
        (request(b'{"a":1}', JSON), request(b'{"a":2}', JSON)),
        (request(b'{"a":1}', JSON), request({"a": 2})),
        (request(b"3\r\nabc\r\n0\r\n\r\n", CHUNKED), request(b"3\r\nabd\r\n0\r\n\r\n", CHUNKED)),
        (request(b"<fault", XMLRPC), request(b"<other", XMLRPC)),
    ],
)
def test_bodies_that_do_not_match(new, recorded):
    with pytest.raises(AssertionError):
        matchers.body(new, recorded)


def test_methods_match_in_any_case():
    matchers.method(request(method="POST"), request(method="post"))


def test_a_difference_of_bodies_shows_what_they_mean():
    with pytest.raises(AssertionError) as failure:
        matchers.body(request(b'{"b": 1, "a": 2}', JSON), request(b'{"a": 2, "b": 3}', JSON))
    assert str(failure.value).splitlines()[-4:] == ['   "a": 2,', '-  "b": 3', '+  "b": 1', " }"]


def test_a_matcher_may_answer_or_assert():
    def says_no(r1, r2):
        return False

    def asserts(r1, r2):
        raise AssertionError("not that one")

    one = request()
    agreed, failed = matchers.get_matchers_results(one, one, [matchers.path, says_no, asserts])
    assert agreed == ["path"]
    assert failed == [("says_no", None), ("asserts", "not that one")]
    assert matchers.requests_match(one, one, [matchers.path])
    assert not matchers.requests_match(one, one, [asserts])


def test_other_matchers_are_asked_one_by_one():
    class Own:
        __hash__ = None

        def __call__(self, r1, r2):
            return True

    own = Own()
    parts = matchers.hashable_parts([matchers.path, own])
    assert parts.others == (own,)
    assert parts.of(request()) == parts.of(request(uri="https://other/p"))


names = st.sampled_from("ab")
values = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2) | st.floats() | names,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=3,
)
contents = st.one_of(
    st.none(),
    st.binary(max_size=3),
    st.text("a=&b1%é", max_size=5),
    st.lists(st.tuples(names, names), max_size=3).map(urlencode),
    values.map(lambda value: json.dumps(value, indent=1)),
    values.map(json.dumps),
    st.dictionaries(names, names, max_size=2),
    st.sampled_from([b"1\r\na\r\n0\r\n\r\n", b"1\r\na", call("<i4>1</i4>"), call("<int>1</int>")]),
)
requests = st.builds(
    Request,
    st.sampled_from(["GET", "get", "POST"]),
    st.sampled_from(
        [
            *("http://h", "http://h/", "http://H:80/?a=1&b=2", "https://h/?b=2&a=1", "http://h?a="),
            *("https://h:80/p", "*", "h:1"),
        ]
    ),
    contents,
    st.sampled_from([{}, FORM, JSON, CHUNKED, XMLRPC, {**CHUNKED, **JSON}, {"X": b"1"}]),
)


@given(requests, requests, st.lists(st.sampled_from(BUILT_IN), max_size=4))
def test_requests_share_a_key_exactly_where_the_matchers_agree(new, recorded, chosen):
    parts = matchers.hashable_parts(chosen)
    shared = not parts.of(new).isdisjoint(parts.of(recorded))
    assert parts.others == ()
    assert shared == matchers.requests_match(new, recorded, chosen)

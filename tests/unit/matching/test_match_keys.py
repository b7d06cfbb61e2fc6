"""What makes two requests the same, and what does not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.content import Kind, read_request
from onetake.errors import UsageError
from onetake.matching import Matcher
from onetake.messages import Headers, Request

key = Matcher().key


def request(body: bytes = b"", content_type: str = "", url: str = "https://h/p", **more) -> Request:
    lines = (("Content-Type", content_type),) if content_type else ()
    return Request(method="POST", url=url, headers=Headers(lines), body=body, **more)


def same(one: Request, other: Request) -> bool:
    return key(one) == key(other)


FORM = "application/x-www-form-urlencoded"


def multipart(
    boundary: str, content: bytes = b"data", filename: str = "a.png", name="f"
) -> Request:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n\r\n'
    body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return request(body, f"multipart/form-data; boundary={boundary}")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("HTTPS://Host:443/p", "https://host/p"),
        ("http://host:80", "http://host/"),
        ("https://h/p?a=1&b=2", "https://h/p?b=2&a=1"),
        ("https://h/p?a=x+y", "https://h/p?a=x%20y"),
        ("https://h/p#one", "https://h/p#two"),
        ("https://h/p?", "https://h/p"),
    ],
)
def test_urls_that_mean_the_same_are_the_same(one, other):
    assert same(request(url=one), request(url=other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://h/p", "http://h/p"),
        ("https://h/p", "https://h/P"),
        ("https://h/p", "https://h:444/p"),
        ("https://h/p?a", "https://h/p?a="),
        ("https://h/p?a=1&a=1", "https://h/p?a=1"),
        ("https://h/p?a=%zz", "https://h/p?a=%25zz"),
        ("https://h/a%2Fb", "https://h/a/b"),
    ],
)
def test_urls_that_differ_are_different(one, other):
    assert not same(request(url=one), request(url=other))


def body_kind(asked: Request) -> Kind:
    return read_request(asked).kind


def test_json_is_compared_by_value():
    one = request(b'{"a": 1, "b": [1.50, "\\u00e9"]}', "application/json")
    assert same(
        one, request('{"b":[1.50,"é"],\n"a":1}'.encode(), "application/json; charset=utf-8")
    )


@pytest.mark.parametrize("other", [b'{"a":1.0}', b'{"a":1.00}', b'{"a":1e0}', b'{"a":"1"}'])
def test_number_literals_are_compared_as_written(other):
    assert not same(request(b'{"a":1}', "application/json"), request(other, "application/json"))


def test_a_json_body_sent_as_a_form_is_json():
    assert body_kind(request(b'{"a": 1}', FORM)) is Kind.JSON
    assert same(request(b'{"a": 1}', FORM), request(b'{"a":1}', "application/json"))


def test_json_lines_are_compared_by_line():
    one = request(b'{"a":1,"b":2}\n{"c":3}\n', "application/x-ndjson")
    assert body_kind(one) is Kind.LINES
    assert same(one, request(b'{"b":2, "a":1}\n{"c": 3}', ""))
    assert not same(one, request(b'{"c":3}\n{"a":1,"b":2}\n', "application/x-ndjson"))


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (b"a=1&b=2", b"b=2&a=1", True),
        (b"a=x+y", b"a=x%20y", True),
        (b"a", b"a=", False),
        (b"a=1&&b=2", b"a=1&b=2", False),
        (b"a=1&a=1", b"a=1", False),
    ],
)
def test_forms_are_compared_by_pairs(one, other, equal):
    assert same(request(one, FORM), request(other, FORM)) is equal


def test_what_does_not_parse_as_it_claims_is_bytes():
    assert body_kind(request(b'{"a":', "application/json")) is Kind.TEXT
    assert body_kind(request(b"a=%zz", FORM)) is Kind.TEXT
    assert body_kind(request(b"no parts", "multipart/form-data; boundary=x")) is Kind.TEXT
    assert body_kind(request(b"[" * 100_000, "application/json")) is Kind.TEXT


def test_a_json_body_is_never_the_same_as_its_bytes():
    text = request(b"1.5", "text/plain")
    assert body_kind(text) is Kind.TEXT
    assert not same(text, request(b"1.5", "application/json"))


@given(st.from_regex(r"[A-Za-z0-9]{8,30}", fullmatch=True), st.binary(max_size=50))
def test_the_boundary_never_counts(boundary, content):
    if boundary.encode() not in content and b"0000-fixed" not in content:
        assert same(multipart(boundary, content), multipart("0000-fixed", content))


def test_names_files_and_contents_of_parts_count():
    plain = multipart("xyz")
    assert body_kind(plain) is Kind.MULTIPART
    for other in (
        multipart("xyz", b"datb"),
        multipart("xyz", filename="b.png"),
        multipart("xyz", name="g"),
    ):
        assert not same(plain, other)


texts = st.text(max_size=30)


@given(
    texts,
    texts,
    st.lists(st.tuples(texts, texts), max_size=4),
    st.binary(max_size=60) | st.sampled_from([b"{", b"[1", b'"\xff"', b"a=%", b'{"a":"\\ud800"}']),
    st.sampled_from(
        ["", "application/json", FORM, "multipart/form-data; boundary=x", "multipart/", ";"]
    ),
)
def test_every_request_has_a_key(method, url, headers, body, content_type):
    lines = (*headers, ("content-type", content_type))
    one = Request(method=method, url=url, headers=Headers(tuple(lines)), body=body)
    every = Matcher(("method", "url", "host", "path", "query", "body", "headers"))
    assert len(every.key(one)) == 16
    assert every.key(one) == every.key(one)


@pytest.mark.parametrize(
    "url", ["http://[::1", "http://h:99999999/", "//", "\ud800", "http://a:b@h:x/"]
)
def test_broken_urls_have_keys(url):
    assert len(key(request(url=url))) == 16


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=6), json_values, max_size=5))
def test_key_order_and_white_space_do_not_count(value):
    turned = dict(reversed(value.items()))
    assert same(
        request(json.dumps(value).encode(), "application/json"),
        request(json.dumps(turned, indent=1, ensure_ascii=False).encode(), "application/json"),
    )


@given(st.binary(min_size=1, max_size=40), st.data())
def test_every_byte_of_an_opaque_body_counts(body, data):
    at = data.draw(st.integers(0, len(body) - 1))
    changed = bytearray(body)
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    kinds = body_kind(request(body, "image/png")), body_kind(request(bytes(changed), "image/png"))
    if all(kind.is_opaque for kind in kinds):
        assert not same(request(body, "image/png"), request(bytes(changed), "image/png"))


@given(st.text("abcxyz ", min_size=1, max_size=20), st.data())
def test_every_character_of_a_json_string_counts(text, data):
    at = data.draw(st.integers(0, len(text) - 1))
    other = text[:at] + "Q" + text[at + 1 :]
    bodies = [json.dumps({"m": [{"c": value}]}).encode() for value in (text, other)]
    assert not same(*[request(body, "application/json") for body in bodies])


def test_header_case_does_not_count_and_unlisted_headers_neither():
    matcher = Matcher(("headers",))
    one = Request(method="GET", url="", headers=Headers((("Anthropic-Beta", "x"),)))
    other = Request(
        method="GET", url="", headers=Headers((("anthropic-beta", "x"), ("date", "now")))
    )
    third = Request(method="GET", url="", headers=Headers((("anthropic-beta", "y"),)))
    assert matcher.key(one) == matcher.key(other)
    assert matcher.key(one) != matcher.key(third)


def test_a_user_function_is_part_of_the_key():
    matcher = Matcher(
        ("tenant",), functions={"tenant": lambda request: request.headers.get("tenant")}
    )
    one = Request(method="GET", url="https://a/", headers=Headers((("Tenant", "t"),)))
    assert matcher.key(one) == matcher.key(one.replace(url="https://b/"))
    assert matcher.key(one) != matcher.key(one.replace(headers=Headers()))


def test_a_failing_user_function_is_named():
    matcher = Matcher(("broken",), functions={"broken": lambda request: 1 / 0})
    with pytest.raises(UsageError, match="'broken'") as caught:
        matcher.key(request())
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="'headers'"):
        Matcher(("method", "header"))


def test_a_function_may_not_take_a_built_in_name():
    with pytest.raises(UsageError, match="built-in"):
        Matcher(functions={"body": repr})


def test_the_fingerprint_tells_settings_apart():
    prints = {
        Matcher().fingerprint,
        Matcher(("method", "url")).fingerprint,
        Matcher(("headers",)).fingerprint,
        Matcher(("headers",), ("x-one",)).fingerprint,
    }
    assert len(prints) == 4
    assert Matcher().fingerprint == Matcher(match_headers=("x-one",)).fingerprint

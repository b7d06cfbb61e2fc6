"""Secrets that a rule names by their path."""

from __future__ import annotations

import pytest

from onetake.config.rules import parse_rules
from onetake.errors import UsageError
from onetake.matching import Matcher
from onetake.messages import Body, Headers, Interaction, Request, Response
from onetake.redaction import Redactor

FORM = "application/x-www-form-urlencoded"


def post(body: bytes = b"", content_type="application/json", url="https://h/p", headers=()):
    lines = (("Content-Type", content_type), *headers)
    return Request(method="POST", url=url, headers=Headers(tuple(lines)), body=body)


def safe(request: Request, *redact: str) -> Request:
    matcher = Matcher(rules=parse_rules([{"host": "h", "redact": list(redact)}], "a test"))
    return Redactor().request(request, matcher.active(request).redact)


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        (
            "body.user.ssn",
            b'{"user":{"ssn":"12-3", "n":1}}',
            b'{"user":{"ssn":"<redacted:rule>", "n":1}}',
        ),
        (
            "body.user",
            b'{"user":{"ssn":"12-3","n":17}}',
            b'{"user":{"ssn":"<redacted:rule>","n":0}}',
        ),
        ("body.m[*].pin", b'{"m":[{"pin":12},{"a":1}]}', b'{"m":[{"pin":0},{"a":1}]}'),
        ("body.m[1]", b'{"m":["a","b","c"]}', b'{"m":["a","<redacted:rule>","c"]}'),
        ("body.**.pin", b'[{"x":{"pin":"1"}}]', b'[{"x":{"pin":"<redacted:rule>"}}]'),
        ("body.pin", b'data: {"pin":"1"}\n\n', b'data: {"pin":"<redacted:rule>"}\n\n'),
        ("body.pin", b'{"a":{"pin":"1"}}', b'{"a":{"pin":"1"}}'),
    ],
)
def test_fields_of_bodies(path, body, expected):
    assert safe(post(body), path).body == expected
    assert safe(safe(post(body), path), path).body == expected


def test_headers_queries_and_forms():
    one = post(b"pin=1234&a=b", FORM, "https://h/p?code=77&b=1", (("X-Thing", "abc"),))
    got = safe(one, "header.x-thing", "query.code", "form.pin")
    assert got.headers.get("x-thing") == "<redacted:rule>"
    assert (got.url, got.body) == ("https://h/p?code=REDACTED-rule&b=1", b"pin=REDACTED-rule&a=b")


def test_answers_too():
    response = Response(status=200, body=Body(data=b'{"user":{"ssn":"12-3"}}'))
    rules = parse_rules([{"redact": "body.user.ssn"}], "a test")
    one = Redactor().interaction(Interaction(request=post(), response=response), rules[0].redacted)
    assert one.response.body.data == b'{"user":{"ssn":"<redacted:rule>"}}'


def test_requests_that_differ_only_there_are_one():
    key = Matcher().key
    both = [safe(post(b'{"ssn":"%d"}' % n), "body.ssn") for n in (1, 22)]
    assert key(both[0]) == key(both[1])


def test_what_cannot_be_redacted_by_a_rule_is_an_error():
    with pytest.raises(UsageError, match=r"'redact' of rule 1 in a test is 'url\.path'"):
        parse_rules([{"redact": ["url.path"]}], "a test")

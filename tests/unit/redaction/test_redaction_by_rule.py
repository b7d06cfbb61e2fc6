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
            b'{"user":{"ssn":"REDACTED-rule", "n":1}}',
        ),
        (
            "body.user",
            b'{"user":{"ssn":"12-3","n":17}}',
            b'{"user":{"ssn":"REDACTED-rule","n":0}}',
        ),
        ("body.m[*].ssn", b'{"m":[{"ssn":12},{"a":1}]}', b'{"m":[{"ssn":0},{"a":1}]}'),
        ("body.m[1]", b'{"m":["a","b","c"]}', b'{"m":["a","REDACTED-rule","c"]}'),
        ("body.**.ssn", b'[{"x":{"ssn":"1"}}]', b'[{"x":{"ssn":"REDACTED-rule"}}]'),
        ("body.ssn", b'data: {"ssn":"1"}\n\n', b'data: {"ssn":"REDACTED-rule"}\n\n'),
        ("body.ssn", b'{"a":{"ssn":"1"}}', b'{"a":{"ssn":"1"}}'),
    ],
)
def test_fields_of_bodies(path, body, expected):
    assert safe(post(body), path).body == expected
    assert safe(safe(post(body), path), path).body == expected


def test_headers_queries_and_forms():
    one = post(b"ssn=1234&a=b", FORM, "https://h/p?code=77&b=1", (("X-Thing", "abc"),))
    got = safe(one, "header.x-thing", "query.code", "form.ssn")
    assert got.headers.get("x-thing") == "REDACTED-rule"
    assert (got.url, got.body) == ("https://h/p?code=REDACTED-rule&b=1", b"ssn=REDACTED-rule&a=b")


def test_answers_too():
    response = Response(status=200, body=Body(data=b'{"user":{"ssn":"12-3"}}'))
    rules = parse_rules([{"redact": "body.user.ssn"}], "a test")
    one = Redactor().interaction(Interaction(request=post(), response=response), rules[0].redacted)
    assert one.response.body.data == b'{"user":{"ssn":"REDACTED-rule"}}'


def test_requests_that_differ_only_there_are_one():
    key = Matcher().key
    both = [safe(post(b'{"ssn":"%d"}' % n), "body.ssn") for n in (1, 22)]
    assert key(both[0]) == key(both[1])


def test_what_cannot_be_redacted_by_a_rule_is_an_error():
    with pytest.raises(UsageError, match=r"'redact' of rule 1 in a test is 'url\.path'"):
        parse_rules([{"redact": ["url.path"]}], "a test")


UPLOAD = "multipart/form-data; boundary=x"


def upload(ssn: str = "1234", filename: str = 'filename="anna.pdf"', user: str = "anna") -> Request:
    parts = (
        f'form-data; name="ssn"\r\n\r\n{ssn}',
        f'form-data; name="file"; {filename}\r\nContent-Type: application/pdf\r\n\r\n%PDF-{ssn}',
        f'form-data; name="meta"\r\n\r\n{{"user":{{"name":"{user}"}},"n":1}}',
    )
    head = "--x\r\nContent-Disposition: "
    body = "".join(f"{head}{part}\r\n" for part in parts) + "--x--\r\n"
    return post(body.encode(), UPLOAD)


PLACED = "REDACTED-rule"


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["part.ssn"], {"ssn": PLACED}),
        (["part.s*.content"], {"ssn": PLACED}),
        (["part.file.filename"], {"filename": 'filename="REDACTED-rule"'}),
        (["part.meta.content.user.name"], {"user": PLACED}),
        (["part.meta.content.**.name", "part.other"], {"user": PLACED}),
    ],
)
def test_parts_of_uploads(paths, expected):
    got = safe(upload(), *paths).body
    wanted = {"ssn": "1234", "user": "anna", "filename": 'filename="anna.pdf"'} | expected
    texts = [f"\r\n\r\n{wanted['ssn']}\r\n", f"; {wanted['filename']}\r\n", f'"{wanted["user"]}"']
    assert [text for text in texts if text.encode() not in got] == []
    assert got.count(b"REDACTED-rule") == 1
    assert safe(safe(upload(), *paths), *paths).body == got


def test_a_whole_part_is_its_content_and_the_name_of_its_file():
    one = safe(upload(filename="filename=anna.pdf; filename*=UTF-8''%61nna.pdf"), "part.file").body
    assert b"filename=REDACTED-rule; filename*=UTF-8''REDACTED-rule\r\n" in one
    assert b"\r\n\r\nREDACTED-rule\r\n--x" in one
    assert b"\r\n\r\n1234\r\n" in one


def test_uploads_that_differ_only_there_are_one():
    key = Matcher().key
    paths = "part.ssn", "part.file", "part.meta.content.user"
    one, same = safe(upload(), *paths), safe(upload("77", 'filename="b.pdf"', "bert"), *paths)
    assert key(one) == key(same)
    assert key(safe(upload(), "part.ssn")) != key(safe(upload(user="bert"), "part.ssn"))


def test_the_type_of_a_part_is_no_secret():
    with pytest.raises(UsageError, match=r"'redact' of rule 1 in a test is 'part\.file\.type'"):
        parse_rules([{"redact": ["part.file.type"]}], "a test")

"""Bodies whose form kept redaction from a secret in them."""

from __future__ import annotations

import gzip
import json

import pytest

from onetake.errors import RedactionError
from onetake.messages import Body, Ended, Headers, Interaction, Request, Response
from onetake.redaction import Redactor

SECRET = "hunter2-correct-horse-9X"
KEY = "sk-proj-abcdEFGH1234ijklMNOP5678qrstUVWX9012yzab"


def request(body: bytes, content_type: str = "application/json") -> Request:
    headers = Headers((("content-type", content_type),))
    return Request(method="POST", url="https://h/p", headers=headers, body=body)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (json.dumps({"password": json.dumps({"v": SECRET})}).encode(), "application/json"),
        (json.dumps({"client_secret": json.dumps([SECRET])}).encode(), "application/json"),
        (json.dumps({"refresh_token": f'{{"iv":"{SECRET}"}}'}).encode(), "application/json"),
        (b"user%%5Bpassword%%5D=%b&x=1" % SECRET.encode(), "application/x-www-form-urlencoded"),
        (b"user[password]=%b&x=1" % SECRET.encode(), "application/x-www-form-urlencoded"),
        (b'password={"iv":"%b"}' % SECRET.encode(), "application/x-www-form-urlencoded"),
        (
            b'--b\r\nContent-Disposition: form-data; name="client_secret"\r\n\r\n'
            b'{"v": "%b"}\r\n--b--\r\n' % SECRET.encode(),
            "multipart/form-data; boundary=b",
        ),
    ],
)
def test_a_secret_by_name_may_hold_a_body(body, content_type):
    assert SECRET.encode() not in Redactor().request(request(body, content_type)).body


def test_fields_of_a_secret_string_are_redacted_one_by_one():
    held = json.dumps({"username": "anna", "password": SECRET})
    body = Redactor().request(request(json.dumps({"SecretString": held}).encode())).body

    assert SECRET.encode() not in body
    assert json.loads(json.loads(body)["SecretString"]).keys() == {"username", "password"}


def test_a_key_in_pieces_of_lines_that_break_off_is_redacted():
    lines = [json.dumps({"response": KEY[at : at + 9]}) for at in range(0, len(KEY), 9)]
    data = "\n".join([*lines, '{"response": "cut of']).encode()
    headers = Headers((("content-type", "application/x-ndjson"),))
    response = Response(status=200, headers=headers, body=Body(data=data))
    found = Redactor().interaction(
        Interaction(request=request(b""), response=response, ended=Ended.CUT)
    )

    assert found.response is not None
    said = b"".join(found.response.body.data.split(b'"response": "'))
    assert KEY[:18].encode() not in said.replace(b'"}\n{', b"")


def test_gzip_within_gzip_is_opened_so_deep_and_no_deeper():
    data = b'{"a": 1}'
    for _ in range(600):
        data = gzip.compress(data, 1)

    assert Redactor().request(request(data, "application/octet-stream")).body == data


def test_a_body_of_too_many_values_that_names_a_secret_is_refused():
    numbers = ",".join(["1"] * 500_100)
    body = b'{"api_key": "%b", "l": [%b]}' % (KEY.encode(), numbers.encode())

    with pytest.raises(RedactionError, match="more than 500000 values"):
        Redactor().request(request(body))


@pytest.mark.parametrize(
    "name", ["x-secret", "x-acme-auth", "x-jwt", "x-acme-credential", "x-password", "X-OTP"]
)
def test_a_header_named_for_a_secret_is_redacted_where_its_value_looks_like_one(name):
    for value, is_kept in ((KEY[8:], False), ("required", True), ("no", True)):
        asked = Request(method="GET", url="https://h/p", headers=Headers(((name, value),)))
        assert (Redactor().request(asked).headers.get(name.lower()) == value) is is_kept

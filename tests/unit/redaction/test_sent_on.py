"""What an answer gave is met again wherever the program sends it on: one placeholder for one value."""

from __future__ import annotations

import base64
import itertools
import json
from urllib.parse import quote

import pytest

from onetake.matching import Matcher
from onetake.messages import Body, Headers, Interaction, Request, Response
from onetake.redaction import Redactor
from tests.unit.redaction.texts import KEY

AT_S = 1_764_000_000


def _token() -> str:
    parts = {"alg": "RS256", "typ": "JWT"}, {"sub": "u1", "exp": AT_S + 60}
    coded = (base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in parts)
    return ".".join([*(one.decode() for one in coded), "c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"])


FIELDS = ("key", "token", "access_token", "api_key", "client_secret", "value")
SHAPES = {
    "openai": KEY,
    "google": "AIza" + "SyD3x9Qw7Er5Ty1Ui8Op2As4Df6Gh0Jk3Lz",
    "github": "ghp_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5",
    "aws": "AKIA" + "J7ZQ2WXYR5TU3VNB",
    "jwt": _token(),
    "none": "Wm4TbQx8rLpZc6Vn2KsYd9Hg",
}
PLACES = {
    "named key": lambda text: f"https://h/p?key={quote(text, safe='')}",
    "named token": lambda text: f"https://h/p?a=1&access_token={quote(text, safe='')}",
    "pair": lambda text: f"https://h/p?note={quote(text, safe='')}&b=2",
    "path": lambda text: f"https://h/v1/{quote(text, safe='')}/x",
}
COMBINATIONS = list(itertools.product(FIELDS, SHAPES, PLACES))


def given(field: str, value: str) -> Interaction:
    return answered(json.dumps({"id": 1, field: value}).encode())


def answered(body: bytes, content_type: str = "application/json") -> Interaction:
    headers = Headers((("Content-Type", content_type),))
    response = Response(status=200, headers=headers, body=Body(data=body))
    return Interaction(request=Request(method="GET", url="https://h/"), response=response, at=AT_S)


def as_stored(request: Request, redactor: Redactor) -> Request:
    return redactor.by_value(redactor.request(request))


def test_there_are_144_combinations():
    assert len(COMBINATIONS) == 144


@pytest.mark.parametrize(("field", "shape", "place"), COMBINATIONS)
def test_what_is_sent_on_in_a_url_meets_its_recording(field, shape, place):
    value, url_of = SHAPES[shape], PLACES[place]
    recording = Redactor()
    answer = recording.interaction(given(field, value)).response.body.data
    stored = as_stored(Request(method="GET", url=url_of(value)), recording)
    assert value not in answer.decode() + stored.url or (field, shape) == ("value", "none")

    replaying = Redactor()
    sent_on = Request(method="GET", url=url_of(json.loads(answer)[field]))
    asked = replaying.request(sent_on)
    assert Matcher().key(asked) == Matcher().key(stored)


BODIES = {
    "json field": lambda text: ("application/json", json.dumps({"api_key": text}).encode()),
    "json text": lambda text: ("application/json", json.dumps({"note": f"use {text}."}).encode()),
    "json in json": lambda text: (
        "application/json",
        json.dumps({"doc": json.dumps({"password": text})}).encode(),
    ),
    "json in utf-16": lambda text: (
        "application/json",
        json.dumps({"password": text, "note": f"use {text}"}).encode("utf-16-be"),
    ),
    "form": lambda text: (
        "application/x-www-form-urlencoded",
        f"a=1&refresh_token={quote(text, safe='')}&b={quote(text, safe='')}".encode(),
    ),
    "upload": lambda text: (
        "multipart/form-data; boundary=x",
        f'--x\r\nContent-Disposition: form-data; name="secret_key"\r\n\r\n{text}\r\n--x--\r\n'.encode(),
    ),
    "xml": lambda text: ("text/xml", f'<a Password="{text}"><Key>{text}</Key></a>'.encode()),
    "xml data": lambda text: (
        "text/xml",
        f"<a><Password><![CDATA[{text}]]></Password></a>".encode(),
    ),
    "yaml": lambda text: ("application/yaml", f"user: bob\npassword: {text}\n".encode()),
    "text": lambda text: ("text/plain", f"Use it: {text}".encode()),
}


@pytest.mark.parametrize(("field", "shape"), list(itertools.product(FIELDS[2:5], SHAPES)))
@pytest.mark.parametrize("place", BODIES)
def test_what_is_sent_on_in_a_body_meets_its_recording(field, shape, place):
    value, body_of = SHAPES[shape], BODIES[place]

    def asking(text: str) -> Request:
        content_type, body = body_of(text)
        headers = Headers((("Content-Type", content_type), ("X-Own", text)))
        return Request(method="POST", url="https://h/p", headers=headers, body=body)

    recording = Redactor()
    answer = recording.interaction(given(field, value)).response.body.data
    stored = as_stored(asking(value), recording)
    assert value not in stored.body.replace(b"\0", b"").decode() + repr(stored.headers)

    matcher = Matcher(("method", "url", "body", "headers"), ("x-own",))
    asked = Redactor().request(asking(json.loads(answer)[field]))
    assert matcher.key(asked) == matcher.key(stored)


@pytest.mark.parametrize("shape", [name for name in SHAPES if name != "jwt"])
def test_one_value_has_one_placeholder_wherever_it_stands(shape):
    value = SHAPES[shape]
    redactor = Redactor()
    answer = redactor.interaction(given("access_token", value)).response.body.data
    placeholder = json.loads(answer)["access_token"]
    sent = Request(
        method="POST",
        url=f"https://h/{value}?key={value}&n={value}",
        headers=Headers(
            (("Authorization", f"Bearer {value}"), ("X-Api-Key", value), ("X-A", value))
        ),
        body=json.dumps({"password": value, "say": f"a {value} b"}).encode(),
    )
    stored = redactor.request(sent)
    assert stored.url == f"https://h/{placeholder}?key={placeholder}&n={placeholder}"
    assert [value for _, value in stored.headers] == [
        f"Bearer {placeholder}",
        placeholder,
        placeholder,
    ]
    assert json.loads(stored.body) == {"password": placeholder, "say": f"a {placeholder} b"}
    echoed = redactor.interaction(answered(f"no such key: {value}".encode(), "text/plain"))
    assert echoed.response.body.data.decode() == f"no such key: {placeholder}"


def test_a_dummy_in_a_named_place_meets_a_recording_made_with_a_key():
    def asking(key: str) -> Request:
        return Request(
            method="POST",
            url=f"https://h/p?api_key={key}",
            body=b'{"password":"%b"}' % key.encode(),
        )

    stored = as_stored(asking(KEY), Redactor())
    assert Matcher().key(Redactor().request(asking("dummy"))) == Matcher().key(stored)


def test_two_texts_with_keys_of_two_makers_are_two_requests():
    texts = [f"Is {SHAPES[shape]} a key?" for shape in ("openai", "github")]
    requests = [
        Request(method="POST", url="https://h/", body=json.dumps({"q": one}).encode())
        for one in texts
    ]
    keys = {Matcher().key(Redactor().request(one)) for one in requests}
    assert len(keys) == 2

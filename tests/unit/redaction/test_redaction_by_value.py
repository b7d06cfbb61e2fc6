"""Secrets by value: which variables hold one, how it is found, and how its recording is found again."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onetake.matching import Matcher, paths_by_value, templates_of
from onetake.messages import Body, Headers, Interaction, Request, Response
from onetake.redaction import Redactor, Values, is_secret_name, secret_values
from onetake.redaction.names import is_worth_remembering

SECRET = "zq7/XW+v9=k2"
FORM = "application/x-www-form-urlencoded"


def post(body: bytes = b"", content_type="application/json", url="https://h/p", headers=()):
    lines = (("Content-Type", content_type), *headers)
    return Request(method="POST", url=url, headers=Headers(tuple(lines)), body=body)


def written(request: Request, *values: str) -> Request:
    redactor = Redactor(values=Values(values or (SECRET,)))
    safe = redactor.by_value(redactor.request(request))
    return safe.replace(by_value=paths_by_value(safe))


@pytest.mark.parametrize(
    "name",
    [
        "OPENAI_API_KEY",
        "DB_PASSWORD",
        "my_token",
        "SECRET",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "apiKey",
    ],
)
def test_a_name_is_secret_by_one_of_its_words(name):
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["PWD", "KEYBOARD", "MONKEY", "TOKENIZERS_PARALLELISM", "HOME", "SECRETARY"]
)
def test_a_word_that_only_begins_so_is_not(name):
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("short7", ()),
        ("development", ()),
        ("us-east-1", ()),
        ("12345678901", ()),
        ("/home/me/key-1.json", ()),
        ("https://vault.internal/v1/secret-2", ()),
        ("postgres://app:zq7XWv9kk2@h/db", ("zq7XWv9kk2",)),
        ('{"type":"service_account","private_key":"abc123def456"}', ("abc123def456",)),
        ("zq7XWv9kk2", ("zq7XWv9kk2",)),
        ('["zq7XWv9kk2","short7"]', ("zq7XWv9kk2",)),
        (
            "zq7XWv9kk2, rT5yUu8ii3,development;short7",
            ("zq7XWv9kk2, rT5yUu8ii3,development;short7", "zq7XWv9kk2", "rT5yUu8ii3"),
        ),
        (
            "zq7XWv9kk2,postgres://app:pw5yUu8ii3@h/db",
            ("zq7XWv9kk2,postgres://app:pw5yUu8ii3@h/db", "zq7XWv9kk2", "pw5yUu8ii3"),
        ),
        ("qLmZxWvTrYpN", ("qLmZxWvTrYpN",)),
    ],
)
def test_of_a_variable_only_what_is_distinct_is_looked_for(value, expected):
    assert tuple(secret_values([("MY_KEY", value)])) == expected


def test_a_value_is_found_in_every_place_and_the_paths_are_listed():
    coded = [base64.b64encode(b"x" * n + SECRET.encode() + b"y").decode() for n in range(3)]
    body = {"a": [f"use {SECRET}"], "b c": quote(SECRET, safe=""), "coded": coded, "n": 1}
    url = f"https://h/{quote(SECRET, safe='')}/x?q={quote(SECRET)}"
    one = written(post(json.dumps(body).encode(), url=url, headers=(("X-A", SECRET),)))
    assert one.by_value == (
        *("url.path", "query.q", "header.x-a", "body.a[0]", 'body["b c"]'),
        *(f"body.coded[{n}]" for n in range(3)),
    )
    assert json.loads(one.body)["a"] == ["use REDACTED-env-1"]
    for text in json.loads(one.body)["coded"]:
        assert SECRET.encode() not in base64.b64decode(text)
    assert one.url == "https://h/REDACTED-env-1/x?q=REDACTED-env-1"


def test_a_request_with_another_value_there_meets_the_recording_and_any_other_does_not():
    def asked(secret: str, rest: str = "please") -> Request:
        return post(json.dumps({"m": f"use {secret} {rest}", "k": 1}).encode())

    matcher = Matcher()
    stored = written(asked(SECRET))
    templates = templates_of(stored)
    assert next(matcher.keys_as(asked("a dummy"), [templates])) == matcher.key(stored)
    assert next(matcher.keys_as(asked(SECRET), [templates])) == matcher.key(stored)
    assert list(matcher.keys_as(asked("a dummy", "never"), [templates])) == []
    assert next(
        matcher.keys_as(post(b'{"m":"use x please","k":2}'), [templates]), None
    ) != matcher.key(stored)


def test_a_credential_in_another_place_of_its_request_is_redacted_by_value():
    token = "zq7XWv9kk2"
    coded = base64.b64encode(b"x" + token.encode()).decode()
    body = json.dumps({"say": token, "coded": coded, "n": 1}).encode()
    one = written(post(body, headers=(("Authorization", f"Bearer {token}"),)))
    assert one.by_value == ("body.coded", "body.say")
    assert json.loads(one.body)["say"] == "REDACTED-env-1"
    assert coded.encode() not in one.body


def test_a_key_that_an_answer_echoes_was_not_given_by_it():
    key = "sk-proj-a1B2c3D4e5F6g7H8i9J0kLmNoPqRsTuV"
    redactor = Redactor()
    asked = redactor.request(post(headers=(("Authorization", f"Bearer {key}"),)))
    response = Response(status=401, body=Body(data=f'{{"error":"wrong: {key}"}}'.encode()))
    redactor.interaction(Interaction(request=asked, response=response))
    assert key not in redactor.given


@pytest.mark.parametrize(
    ("content_type", "body", "path"),
    [
        (FORM, "a=1&b={}", "form.b"),
        ("text/plain", "use {} here", "body"),
        (
            "multipart/form-data; boundary=x",
            '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n{}\r\n--x--\r\n',
            "part.a.content",
        ),
    ],
)
def test_other_bodies_are_met_too(content_type, body, path):
    secret = "zq7XWv9kk2" if content_type == FORM else SECRET
    stored = written(post(body.format(secret).encode(), content_type), secret)
    assert stored.by_value == (path,)
    other = post(body.format("dummy").encode(), content_type)
    matcher = Matcher()
    assert next(matcher.keys_as(other, [templates_of(stored)])) == matcher.key(stored)


alphabet = st.characters(codec="utf-8", exclude_categories=["Cs"])
secrets = st.text(alphabet, min_size=8, max_size=40).filter(is_worth_remembering)


@settings(max_examples=40)
@given(st.text(alphabet, max_size=30), secrets, secrets, st.text(alphabet, max_size=30))
def test_a_value_is_found_however_it_is_written(before, secret, other, after):
    values = Values((other, secret))
    text = f"{before}{secret}{after}"
    coded = base64.b64encode(text.encode())
    written = [
        text.encode(),
        json.dumps(text).encode(),
        json.dumps(text, ensure_ascii=False).encode(),
        json.dumps(text).replace("/", "\\/").encode(),
        quote(text).encode(),
        quote(text, safe="").encode(),
    ]
    for one in written:
        assert values.sought.secrets(one), one
    assert secret.encode() not in values.without(text.encode())
    assert secret.encode() not in base64.b64decode(values.without(coded), validate=True)


def in_go(text: str) -> str:
    """JSON as Go writes it; .NET and Gson escape more of the same signs."""
    plain = json.dumps(text, ensure_ascii=False)[1:-1]
    return "".join(f"\\u{ord(one):04x}" if one in "&<>=+'é" else one for one in plain)


@pytest.mark.parametrize(
    "write",
    [
        in_go,
        lambda text: in_go(text).replace("\\u003c", "\\u003C").replace("\\u00e9", "\\u00E9"),
        lambda text: json.dumps(in_go(text))[1:-1],
        lambda text: json.dumps(json.dumps(in_go(text))[1:-1])[1:-1],
        lambda text: json.dumps(json.dumps(text))[3:-3],
        lambda text: html.escape(text).replace("=", "&#61;").replace("+", "&#x2B;"),
        lambda text: quote(quote(text)),
        lambda text: json.dumps(text)[1:-1].replace("/", "\\/").replace("&", "\\u0026"),
        lambda text: base64.b64encode(text.encode()).decode().replace("+", "\\u002B"),
    ],
)
def test_a_value_is_found_in_the_escapes_of_other_languages(write):
    value = 'Qx7&zP<9vLm2=Tt4Wy8/é+"k1>>>?'
    found = Values((value,)).without(f'{{"echo":"before {write(value)} after"}}'.encode())

    assert b"Tt4Wy8" not in found
    assert json.loads(found)["echo"].startswith("before ")
    assert json.loads(found)["echo"].endswith(" after")


@pytest.mark.parametrize("value", ["p@ss/w+rd=x1", "é" * 9 + "1a", "a b c d e f 1"])
def test_a_value_of_which_every_run_is_short_is_found_too(value):
    big = b"x " * 1000 + quote(value, safe="").encode() + b" y" * 1000
    assert b"REDACTED-env-1" in Values((value,)).without(big)


PEM = "\n".join(
    [
        "-----BEGIN PRIVATE KEY-----",
        *(base64.b64encode(bytes(range(n, n + 48))).decode() for n in (0, 60, 120)),
        "-----END PRIVATE KEY-----",
    ]
)


@pytest.mark.parametrize("line", PEM.split("\n")[1:-1])
def test_one_line_of_a_variable_with_several_is_found(line):
    values = Values(secret_values([("SIGNING_KEY", PEM), ("HOME", "/a")]))
    body = json.dumps({"messages": [{"content": f"What is {line}?"}]}).encode()
    redactor = Redactor(values=values)
    safe = redactor.by_value(redactor.request(post(body, headers=(("X-A", line),))))
    assert line.encode() not in safe.body
    assert json.loads(safe.body)["messages"][0]["content"] == "What is REDACTED-env-1?"
    assert safe.headers.get("x-a") == "REDACTED-env-1"
    assert line not in values.without(PEM.encode()).decode()


LONG = "zq7/XW:sk-proj-a1B2c3D4e5F6g7H8i9J0kLmNoPqR!v9=k2"
"""A known value, of which a part looks like a key."""


def test_a_known_value_of_a_request_is_redacted_whole_where_a_part_of_it_has_a_shape():
    body = json.dumps({"text": f"a {LONG} b"}).encode()
    request = post(body, url=f"https://h/p?q={quote(LONG, safe='')}", headers=(("X-A", LONG),))
    safe = written(request, LONG)
    assert json.loads(safe.body) == {"text": "a REDACTED-env-1 b"}
    assert safe.url == "https://h/p?q=REDACTED-env-1"
    assert safe.headers.get("x-a") == "REDACTED-env-1"


def test_a_known_value_of_an_answer_is_redacted_whole_where_a_part_of_it_has_a_shape():
    body = json.dumps({"text": f"a {LONG} b"}).encode()
    headers = Headers((("Content-Type", "application/json"), ("X-A", LONG)))
    interaction = Interaction(
        request=post(),
        response=Response(status=200, headers=headers, body=Body(data=body)),
    )
    response = Redactor(values=Values((LONG,))).interaction(interaction).response
    assert response is not None
    assert json.loads(response.body.data) == {"text": "a REDACTED-env-1 b"}
    assert response.headers.get("x-a") == "REDACTED-env-1"


def test_what_a_known_value_has_outside_of_a_longer_secret_is_gone():
    known = "zq7/XW:sk-proj-a1B2c3D4e5F6g7H8i9J0"
    body = json.dumps({"text": f"a {known}kLmNoPqR b"}).encode()
    interaction = Interaction(
        request=post(),
        response=Response(
            status=200,
            headers=Headers((("Content-Type", "application/json"),)),
            body=Body(data=body),
        ),
    )
    response = Redactor(values=Values((known,))).interaction(interaction).response
    assert response is not None
    assert json.loads(response.body.data) == {"text": "a REDACTED-openai-key-1 b"}

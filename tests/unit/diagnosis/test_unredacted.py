"""What a recording holds that would not be written today, and where."""

from __future__ import annotations

import base64
import gzip
import json
from urllib.parse import quote

import pytest

from onetake.config.paths import parse_path
from onetake.config.rules import Rule
from onetake.diagnosis.unredacted import Cleaner, in_text
from onetake.matching import Matcher
from onetake.messages import Body, Failure, Headers, Interaction, Request, Response
from onetake.redaction import Redactor, Values

KEY = "sk-proj-" + "Ab3dEf6hIj9kLmN0pQr5StUv"
TOKEN = "ghp_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5"
VALUE = "zq7XWv9kk2inTheEnvironment"
JSON = ("content-type", "application/json")


def coded(part: dict) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


JWT = (
    f"{coded({'alg': 'HS256'})}.{coded({'sub': 'bob', 'exp': 9_999_999_999})}.{'c2lnbmF0dXJl' * 3}"
)


def recording(request: dict | None = None, answer: dict | None = None, **more) -> Interaction:
    asked = {"method": "POST", "url": "https://api.example.test/v1"} | (request or {})
    response = None if answer is None else Response(status=200, **answer)
    return Interaction(request=Request(**asked), response=response, at=1_753_228_800, **more)


def sent(**request) -> Interaction:
    return recording(request)


def given(data: bytes, *headers: tuple[str, str], **body) -> Interaction:
    return recording(answer={"headers": Headers((*headers,)), "body": Body(data=data, **body)})


def clean(*interactions: Interaction, rules: tuple[Rule, ...] = (), values: tuple[str, ...] = ()):
    return Cleaner(Matcher(rules=rules), Redactor(values=Values(values))).clean(interactions)


def found(*interactions: Interaction, **how) -> list[tuple[str, str]]:
    return [(one.path, one.kind) for each in clean(*interactions, **how) for one in each.found]


@pytest.mark.parametrize(
    ("interaction", "places"),
    [
        (
            sent(headers=Headers((("Authorization", f"Bearer {KEY}"),))),
            [("header.authorization", "openai-key")],
        ),
        (sent(headers=Headers((("x-note", f"see {KEY}"),))), [("header.x-note", "openai-key")]),
        (sent(url="https://h.test/a?token=abcdefgh1234&q=1"), [("query.token", "token")]),
        (sent(url=f"https://h.test/{TOKEN}/a"), [("url.path", "github-token")]),
        (sent(url="https://me:hunter2hunter2@h.test/a"), [("url.host", "userinfo")]),
        (
            sent(headers=Headers((JSON,)), body=b'{"a":[{"b":"%s"}]}' % KEY.encode()),
            [("body.a[0].b", "openai-key")],
        ),
        (
            sent(
                headers=Headers((("content-type", "application/x-www-form-urlencoded"),)),
                body=b"client_secret=abcdefgh1234&x=1",
            ),
            [("form.client_secret", "client_secret")],
        ),
        (
            given(b'{"access_token":"%s"}' % JWT.encode(), JSON),
            [("response.body.access_token", "jwt")],
        ),
        (
            given(b'data: {"a":"%s"}\n\n' % TOKEN.encode(), ("content-type", "text/event-stream")),
            [("response.body", "github-token")],
        ),
        (
            given(b"", ("set-cookie", "sid=abcdef123456; Path=/")),
            [("response.header.set-cookie", "cookie")],
        ),
        (
            given(gzip.compress(KEY.encode()), ("content-encoding", "gzip")),
            [("response.body", "openai-key")],
        ),
        (
            given(b'{"a":"%s"}' % base64.b64encode(f"say {VALUE} now".encode()), JSON),
            [("response.body.a", "env")],
        ),
        (
            recording(failure=Failure(kind="read", type="x.Error", args=("ok", f"at {KEY}"))),
            [("failure", "openai-key")],
        ),
    ],
)
def test_a_secret_is_told_by_its_place_and_kind(interaction, places):
    (cleaned,) = clean(interaction, values=(VALUE,))

    assert [(one.path, one.kind) for one in cleaned.found] == places
    for one in cleaned.found:
        parse_path(one.path.removeprefix("response.") if one.path != "failure" else "body")
    text = repr(cleaned)
    assert not any(secret in text for secret in (KEY, TOKEN, JWT, VALUE, "hunter2hunter2"))


def test_what_redaction_leaves_alone_is_not_found_and_stays_the_same_object():
    ordinary = [
        sent(url="https://h.test/a?page_token=abcdefgh1234"),
        given(b'{"key":"test","id":"chatcmpl-Ab3dEf6hIj9kLmN0"}', JSON),
        sent(headers=Headers((JSON,)), body=b'{"messages":[{"password":"hunter2hunter2"}]}'),
        sent(headers=Headers((("authorization", "Bearer REDACTED-token"),))),
        given(b"see %3Credacted%3Aopenai-key%3A1%3E and REDACTED-token"),
    ]

    assert [
        one.interaction is before for one, before in zip(clean(*ordinary), ordinary, strict=True)
    ] == [True] * 5
    assert found(*ordinary) == []


def test_what_was_cleaned_is_clean_also_with_a_token_that_is_still_read():
    dirty = [
        given(b'{"access_token":"%s","id_token":"%s"}' % (JWT.encode(), JWT.encode()), JSON),
        given(
            b'{"private_key":"-----BEGIN PRIVATE KEY-----\\nTUlJRXZRSUJBREFOQmdrcWhraUc5dzBC\\n'
            b'-----END PRIVATE KEY-----\\n"}',
            JSON,
        ),
        sent(
            headers=Headers((JSON,)), body=b'{"a":"%s","b":"%s"}' % (KEY.encode(), TOKEN.encode())
        ),
    ]

    once = [one.interaction for one in clean(*dirty)]

    assert found(*once) == []
    assert all(one.interaction is before for one, before in zip(clean(*once), once, strict=True))
    assert b"onetake-redacted-token--" in once[0].response.body.data


def test_a_token_that_is_still_read_stays_so_beside_a_new_secret():
    (once,) = clean(given(b'{"access_token":"%s"}' % JWT.encode(), JSON))
    readable = once.interaction.response.body.data

    (again,) = clean(given(readable[:-1] + b',"note":"%s"}' % KEY.encode(), JSON))

    assert again.interaction.response.body.data == (
        readable[:-1] + b',"note":"REDACTED-openai-key-1"}'
    )


def test_a_secret_that_one_recording_names_is_known_in_those_before_it():
    echo = given(b'{"said":"opaque8secret9value7"}', JSON)
    login = given(b'{"access_token":"opaque8secret9value7"}', JSON)

    assert found(echo, login) == [
        ("response.body.said", "access_token"),
        ("response.body.access_token", "access_token"),
    ]


def test_what_rules_name_is_found_numbers_too():
    rule = Rule(host="api.example.test", redact=("body.user.pin", "body.user.ssn"))
    one = sent(headers=Headers((JSON,)), body=b'{"user":{"ssn":"12","pin":1234}}')

    assert found(one, rules=(rule,)) == [("body.user.ssn", "rule"), ("body.user.pin", "rule")]
    assert clean(one, rules=(rule,))[0].interaction.request.body == (
        b'{"user":{"ssn":"REDACTED-rule","pin":0}}'
    )


def test_where_only_the_environment_knew_the_recording_says_so():
    one = sent(headers=Headers((JSON,)), body=b'{"prompt":"use %s please"}' % VALUE.encode())

    (cleaned,) = clean(one, values=(VALUE,))

    assert cleaned.interaction.request.by_value == ("body.prompt",)
    assert found(cleaned.interaction, values=(VALUE,)) == []


LINES = f"""\
interactions:
- request:
    body: nothing here
    headers:
      Authorization: [Bearer {KEY}]
    uri: https://h.test/?q={quote(f"x {TOKEN} y", safe="")}
  response:
    body: !!binary |
{{binary}}
    more: {base64.b64encode(gzip.compress(f"in gzip {TOKEN}".encode())).decode()}
    echo: {base64.b64encode(b"abc" + VALUE.encode()).decode()}
    old: REDACTED-openai-key-1 and {KEY[:7]}test, sk-learn-2024
"""


def test_any_text_is_searched_by_line_also_in_escapes_and_in_base64():
    binary = base64.encodebytes(b"some words before the key that is in the middle: " + KEY.encode())
    assert KEY.encode() not in binary
    lines = binary.decode().splitlines()
    assert len(lines) == 2
    text = LINES.format(binary="\n".join(f"      {line}" for line in lines))

    kinds = [(one.line, one.kind) for one in in_text(text.encode(), Values((VALUE,)))]

    assert kinds == [
        (5, "openai-key"),
        (6, "github-token"),
        (9, "openai-key"),
        (11, "github-token"),
        (12, "env"),
    ]


FORM = ("content-type", "application/x-www-form-urlencoded")


@pytest.mark.parametrize(
    ("interaction", "places"),
    [
        (sent(headers=Headers((("Authorization", "Bearer REDACTED"),))), []),
        (sent(headers=Headers((("Authorization", "<AUTH>"), ("x-api-key", "DUMMY")))), []),
        (sent(headers=Headers((("Authorization", "Token abc"),))), []),
        (
            sent(headers=Headers((("Authorization", "Basic bWU6aHVudGVyMg=="),))),
            [("header.authorization", "token")],
        ),
        (
            sent(headers=Headers((("Authorization", "Bearer XXX"), ("x-api-key", KEY)))),
            [("header.x-api-key", "openai-key")],
        ),
        (
            sent(headers=Headers((("cookie", "sid=REDACTED-cookie; session=b7e23ec29af22b0b"),))),
            [("header.cookie", "cookie")],
        ),
        (sent(headers=Headers((("cookie", "sid=***; theme=DUMMY"),))), []),
        (
            sent(headers=Headers((("cookie", "sid=***; session=b7e23ec29af22b0b"),))),
            [("header.cookie", "cookie")],
        ),
        (sent(url="https://h.test/a?api_key=DUMMY&token=fake-token&q=1"), []),
        (
            sent(url="https://h.test/a?api_key=DUMMY&token=abcdefgh1234"),
            [("query.token", "token")],
        ),
        (sent(url="https://dummy:REDACTED@h.test/a"), []),
        (sent(headers=Headers((FORM,)), body=b"client_secret=REDACTED&x=1"), []),
        (sent(headers=Headers((JSON,)), body=b'{"password": "[FILTERED]"}'), []),
        (given(b'{"access_token":"fake-token"}', JSON), []),
        (given(b"", ("set-cookie", "sid=REDACTED; Path=/")), []),
        (
            given(b'{"access_token":"REDACTED","refresh_token":"q8Zk3mmPw7x1"}', JSON),
            [("response.body.refresh_token", "refresh_token")],
        ),
    ],
)
def test_dummies_are_no_secrets_and_hide_none(interaction, places):
    (one,) = clean(interaction)

    assert [(each.path, each.kind) for each in one.found] == places
    assert (one.interaction is interaction) == (not places)

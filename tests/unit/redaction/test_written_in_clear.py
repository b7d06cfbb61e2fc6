"""What was once written in clear is not any more, and is found in recordings in which it was written."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from onetake.content import read_request, read_response
from onetake.diagnosis.unredacted import Cleaner
from onetake.matching import Matcher
from onetake.messages import Body, Headers, Interaction, Request, Response
from onetake.redaction import Redactor
from onetake.redaction.shapes import find
from tests.unit.redaction.secrets import BODIES, HEADERS, KEYS, URLS, Case

AT_S = 1_764_000_000
CASES = [*BODIES, *HEADERS, *URLS]


def _lines(case: Case) -> Headers:
    lines = [("Content-Type", case.content_type)] if case.content_type else []
    if case.encoding:
        lines.append(("Content-Encoding", case.encoding))
    return Headers(tuple(lines + ([case.header] if case.header else [])))


def asking(case: Case) -> Request:
    return Request(method="POST", url=case.url, headers=_lines(case), body=case.body)


def answering(case: Case) -> Interaction:
    response = Response(status=200, headers=_lines(case), body=Body(data=case.body))
    asked = Request(method="GET", url="https://api.test/")
    return Interaction(request=asked, response=response, at=AT_S)


def shown(message: Request | Response) -> str:
    read = read_request if isinstance(message, Request) else read_response
    text = read(message).text.decode("utf-8", "replace")
    return f"{text} {message.headers} {message.url if isinstance(message, Request) else ''}"


def named(cases: list[Case]) -> list[object]:
    return [pytest.param(case, id=case.name) for case in cases]


@pytest.mark.parametrize("case", named([case for case in CASES if not case.answers_only]))
def test_a_request_is_written_without_it(case):
    request = asking(case)
    assert (
        case.secret in shown(request)
        or case.encoding
        or "%" in shown(request)
        or "+" in shown(request)
    )
    safe = Redactor().request(request)
    assert case.secret not in shown(safe)
    assert "REDACTED-" in shown(safe) or case.name == "PIN as a number"
    assert read_request(safe).kind == read_request(request).kind
    assert Redactor().request(safe) == safe


@pytest.mark.parametrize("case", named([case for case in CASES if not case.url.count(";bot")]))
def test_an_answer_is_written_without_it(case):
    if case in URLS:
        pytest.skip("an answer has no URL")
    one = answering(case)
    safe = Redactor().interaction(one).response
    assert case.secret not in shown(safe)
    assert read_response(safe).kind == read_response(one.response).kind
    again = one.replace(response=safe)
    assert Redactor().interaction(again).response == safe


@pytest.mark.parametrize("case", named(CASES))
def test_an_old_recording_with_it_is_found_and_mended(case):
    old = asking(case)
    recordings = [answering(case), Interaction(request=old, response=Response(status=200), at=AT_S)]
    if case.answers_only:
        recordings.pop()
    matcher = Matcher()
    cleaned = Cleaner(matcher, Redactor()).clean(recordings)
    dirty = [one for one in cleaned if one.found]
    assert len(dirty) == (1 if case in URLS else len(recordings))
    for one in cleaned:
        assert case.secret not in shown(one.interaction.request)
        assert case.secret not in shown(one.interaction.response)
    mended = [one.interaction for one in cleaned]
    assert not any(one.found for one in Cleaner(matcher, Redactor()).clean(mended))


@pytest.mark.parametrize("case", named([case for case in CASES if not case.answers_only]))
def test_a_request_with_another_secret_there_meets_the_recording(case):
    if (
        case.encoding
        or b"\0" in case.body
        or case.name in ("PIN as a number", "request in a batch", "basic credentials in a text")
    ):
        pytest.skip("the secret cannot be replaced in the bytes")
    other = case.secret.swapcase() if case.secret.endswith("=") else case.secret[::-1]
    if case in URLS or case in HEADERS:
        pytest.skip("shapes hold for the secret alone")
    plain = asking(case)
    changed = plain.replace(body=plain.body.replace(case.secret.encode(), other.encode()))
    matcher = Matcher()
    keys = {matcher.key(Redactor().request(one)) for one in (plain, changed)}
    assert len(keys) == 1


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize(
    "around", ["{}", "my key: {}.", '"{}"', "\\n{}\\n", "a={}&b=1", "<k>{}</k>"]
)
def test_a_key_is_found_by_its_shape(kind, around):
    key = KEYS[kind]
    data = around.format(key).encode()
    found = find(data)
    assert [one.kind for one in found] == [kind.strip()]
    secret = data[found[0].start : found[0].end].decode()
    assert key.endswith(secret)
    assert len(secret) >= 26


@pytest.mark.parametrize("kind", KEYS)
def test_a_key_is_written_nowhere(kind):
    key = KEYS[kind]
    secret = key.split(" ")[-1].rpartition("/")[2]
    url = f"https://h/{key}" if not set(" /") & set(key) else f"https://h/?u={quote(key)}"
    body = json.dumps({"messages": [{"content": f"use {key}"}]}).encode()
    sent = Redactor().request(Request(method="POST", url=url, body=body))
    assert secret not in shown(sent.replace(url="" if "%" in url else sent.url))
    response = Response(status=200, body=Body(data=b"data: " + body + b"\n\n"))
    one = Interaction(request=sent, response=response, at=AT_S)
    assert secret not in shown(Redactor().interaction(one).response)


BATCH = "multipart/mixed; boundary=o"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b"--o\r\nAuthorization: Bearer \x84q7XWv9kk2\r\n\r\nx\r\n--o--\r\n",
            b"--o\r\nAuthorization: Bearer REDACTED-token\r\n\r\nx\r\n--o--\r\n",
        ),
        (
            b"?sig=\xff\xfe&a=1\r\n--o\r\nA: b\r\n\r\nx\r\n--o--\r\n",
            b"?sig=REDACTED-sig&a=1\r\n--o\r\nA: b\r\n\r\nx\r\n--o--\r\n",
        ),
        (b"Bearer REDACTED-bearer-token-1ii3bN", b"Bearer REDACTED-bearer-token-1ii3bN"),
    ],
)
def test_bytes_that_are_no_text_move_no_place(body, expected):
    headers = Headers((("Content-Type", BATCH),))
    request = Request(method="POST", url="https://h/", headers=headers, body=body)
    safe = Redactor().request(request)
    assert safe.body == expected
    assert Redactor().request(safe) == safe


@pytest.mark.parametrize(
    "value",
    [
        {"key": "access_token", "value": 3600},
        {"name": "reset_password", "value": "true"},
        {"name": "api_key", "value": "no"},
        {"show_password": "false"},
        {"code": "this.password=password_field; user.password=newPassword"},
    ],
)
def test_what_is_no_secret_stays(value):
    body = json.dumps(value).encode()
    assert Redactor().request(asking(Case("kept", "", body=body))).body == body

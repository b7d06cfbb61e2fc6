"""Secrets by their shape: what is found wherever it stands, and what only looks like one and is kept."""

from __future__ import annotations

import base64
import json
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.matching import Matcher
from onetake.messages import Body, Headers, Interaction, Request, Response
from onetake.redaction import Redactor
from onetake.redaction.shapes import find, part_of_jwt
from onetake.redaction.tokens import FAR_S
from tests.unit.redaction.texts import KEY, ORDINARY, OTHER

AT_S = 1_764_000_000


def post(body: bytes = b"", content_type: str = "application/json", url="https://h/p", headers=()):
    lines = (("Content-Type", content_type), *headers)
    return Request(method="POST", url=url, headers=Headers(tuple(lines)), body=body)


def answered(body: bytes, content_type="application/json"):
    headers = Headers((("Content-Type", content_type),))
    return Interaction(
        request=post(),
        response=Response(status=200, headers=headers, body=Body(data=body)),
        at=AT_S,
    )


def token(**claims: object) -> str:
    parts = {"alg": "RS256", "typ": "JWT", "kid": "k1"}, claims
    coded = (base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in parts)
    return ".".join([*(one.decode() for one in coded), "c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"])


def claims_of(text: str) -> dict[str, object] | None:
    return part_of_jwt(text.split(".")[1].encode())


def test_one_key_is_found_in_every_place_of_a_request():
    request = Redactor().request(
        post(
            json.dumps({"messages": [{"content": f"line\n{KEY}."}]}).encode(),
            url=f"https://h/v1/{KEY}/x?q={KEY}",
            headers=(("X-Any", f"a {KEY}"), ("Link", f"</x?a={KEY}>; rel=next")),
        )
    )
    assert request.url == "https://h/v1/REDACTED-openai-key-1/x?q=REDACTED-openai-key-1"
    assert request.headers.get("x-any") == "a REDACTED-openai-key-1"
    assert KEY not in repr(request)
    content = json.loads(request.body)["messages"][0]["content"]
    assert content == "line\nREDACTED-openai-key-1."


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", f"a=1&b={KEY}"),
        ("text/plain", f"my key is {KEY}, keep it"),
        ("text/event-stream", f'data: {{"delta":"{KEY}"}}\n\ndata: [DONE]\n\n'),
        ("application/x-ndjson", f'{{"a":"{KEY}"}}\n{{"a":1}}\n'),
        ("", f"<a>{KEY}</a>"),
        (
            "multipart/form-data; boundary=x",
            f'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n{KEY}\r\n--x--\r\n',
        ),
    ],
)
def test_one_key_is_found_in_every_kind_of_body(content_type, body):
    assert KEY.encode() not in Redactor().request(post(body.encode(), content_type)).body
    one = Redactor().interaction(answered(body.encode(), content_type))
    assert KEY.encode() not in one.response.body.data


def test_equal_secrets_have_one_number_and_all_of_a_kind_are_one_in_identity():
    one = Redactor().request(post(json.dumps([KEY, OTHER, KEY]).encode())).body
    assert json.loads(one) == [f"REDACTED-openai-key-{n}" for n in (1, 2, 1)]
    key = Matcher().key
    both = [
        Redactor().request(post(json.dumps(text).encode())) for text in ([KEY, KEY], [KEY, OTHER])
    ]
    assert both[0].body != both[1].body
    assert key(both[0]) == key(both[1])


def test_a_placeholder_without_a_number_meets_one_that_has_it():
    key = Matcher().key
    old, new = b'{"a":"REDACTED-token"}', b'{"a":"REDACTED-token-7"}'
    assert key(post(old)) == key(post(new))
    urls = "https://h/REDACTED-aws-key-id", "https://h/REDACTED-aws-key-id-3"
    assert key(post(url=urls[0])) == key(post(url=urls[1]))


def test_a_token_in_an_answer_is_replaced_by_one_that_parses_and_lives_as_long():
    alive = token(sub="u1", iss="https://i", exp=AT_S + 60, iat=AT_S, roles=["admin"], n={"a": "b"})
    dead = token(sub="u1", exp=AT_S - 60)
    body = json.dumps({"access_token": alive, "note": f"and {dead}"}).encode()
    data = Redactor().interaction(answered(body)).response.body.data
    found = json.loads(data)
    expected = {"sub": "redacted", "iss": "https://i", "exp": FAR_S, "iat": AT_S}
    assert claims_of(found["access_token"]) == expected | {
        "roles": ["redacted"],
        "n": {"a": "redacted"},
    }
    assert claims_of(found["note"].split()[1]) == {"sub": "redacted", "exp": AT_S - 60}
    assert base64.urlsafe_b64decode(found["access_token"].split(".")[2])


def test_a_token_that_is_sent_on_is_recognised_at_replay():
    alive = token(sub="u1", exp=AT_S + 60)
    recording, replaying = Redactor(), Redactor()
    body = json.dumps({"access_token": alive}).encode()
    given_then = json.loads(recording.interaction(answered(body)).response.body.data)[
        "access_token"
    ]
    for place in ("url", "body"):

        def sent(text: str, place: str = place) -> Request:
            if place == "url":
                return post(url=f"https://h/{text}/x")
            return post(json.dumps({"use": text}).encode())

        key = Matcher().key
        assert key(recording.request(sent(alive))) == key(replaying.request(sent(given_then)))


def test_a_key_block_still_decodes():
    lines = "\n".join(
        "".join(random.Random(n).choices(string.ascii_letters, k=64)) for n in range(3)
    )
    block = f"-----BEGIN RSA PRIVATE KEY-----\n{lines}\n-----END RSA PRIVATE KEY-----\n"
    body = json.dumps({"text": block}).encode()
    redactor = Redactor()
    kept = json.loads(redactor.request(post(body)).body)["text"].splitlines()
    assert (kept[0], kept[-1]) == (block.splitlines()[0], block.splitlines()[-1])
    assert base64.b64decode(kept[1]) == b"REDACTED-private-key-1"
    assert redactor.request(redactor.request(post(body))) == redactor.request(post(body))


def test_a_picture_in_an_upload_is_kept_and_its_text_field_is_not():
    picture = b"\x89PNG\r\n\x1a\n" + KEY.encode()
    head = (
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n"
    )
    field = b'\r\n--x\r\nContent-Disposition: form-data; name="t"\r\n\r\n%b\r\n--x--\r\n'
    body = head + picture + field % OTHER.encode()
    safe = Redactor().request(post(body, "multipart/form-data; boundary=x")).body
    assert picture in safe
    assert OTHER.encode() not in safe


def test_two_hundred_ordinary_texts_are_left_as_they_are():
    assert len(ORDINARY) >= 200
    changed = [text for text in ORDINARY if find(text.encode())]
    assert changed == []
    requests = [post(json.dumps({"input": text, "id": text}).encode()) for text in ORDINARY]
    assert [one for one in requests if Redactor().request(one) is not one] == []


words = st.text(max_size=30)


@given(
    words,
    words,
    st.sampled_from([KEY, token(sub="a"), "AKIAJ7ZQ2WXYR5TU3VNB", "ghp_" + KEY[8:] + "aB3"]),
)
def test_no_secret_is_left_in_json_whatever_stands_around_it(before, after, secret):
    data = json.dumps({"a": f"{before} {secret} {after}"}).encode()
    safe = Redactor().request(post(data)).body
    assert secret.encode() not in safe
    assert isinstance(json.loads(safe)["a"], str)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_the_search_never_fails(data):
    for before in (b"", b"sk-", b"eyJ", b"-----BEGIN PRIVATE KEY-----"):
        found = find(before + data)
        assert [one.start for one in found] == sorted(one.start for one in found)

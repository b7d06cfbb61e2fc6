"""Nothing secret is written: what is redacted by name, what is kept, and what is remembered."""

from __future__ import annotations

import json
from base64 import b64encode
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.matching import Matcher
from onetake.messages import Body, Chunk, Failure, Headers, Interaction, Request, Response
from onetake.redaction import Redactor, named, safe_url

FORM = "application/x-www-form-urlencoded"
SECRET = "s3cr3t/Value+9f8e7d=="


def post(body: bytes = b"", content_type: str = "application/json", url="https://h/p", headers=()):
    lines = (("Content-Type", content_type), *headers)
    return Request(method="POST", url=url, headers=Headers(tuple(lines)), body=body)


def safe(request: Request) -> Request:
    return Redactor().request(request)


def answered(body: bytes, content_type="application/json", headers=(), chunks=(), encoding=""):
    lines = (("Content-Type", content_type), *headers)
    response = Response(
        status=200,
        headers=Headers(tuple(lines)),
        body=Body(data=body, chunks=chunks, encoding=encoding),
    )
    return Interaction(request=post(), response=response)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Authorization", "Bearer sk-123", "Bearer REDACTED-token"),
        ("Authorization", "sk-123", "REDACTED-token"),
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIA/x, SignedHeaders=host, Signature=ab",
            "AWS4-HMAC-SHA256 REDACTED-token",
        ),
        ("X-Api-Key", "k", "REDACTED-api_key"),
        ("azure-api-key", "k", "REDACTED-api_key"),
        ("x-goog-api-key", "k", "REDACTED-api_key"),
        ("X-Amz-Security-Token", "k", "REDACTED-token"),
        ("X-Acme-Secret", "k", "REDACTED-secret"),
        ("Cookie", "a=1; b=2", "a=REDACTED-cookie; b=REDACTED-cookie"),
        ("X-Amz-Date", "20260101T000000Z", "20260101T000000Z"),
        ("x-amz-content-sha256", "abc", "abc"),
        ("x-next-page-token", "abcdefghi", "abcdefghi"),
        ("idempotency-key", "abcdefghi", "abcdefghi"),
        ("x-cache-key", "a1b2c3d4e5f6", "a1b2c3d4e5f6"),
        ("x-ms-continuation-token", "a1b2c3d4e5f6", "a1b2c3d4e5f6"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("x-acme-feature-key", "dark-mode", "dark-mode"),
        ("x-acme-key", "dark mode 1 is on", "dark mode 1 is on"),
        ("x-acme-key", "a1b2c3d4e5f6", "REDACTED-key"),
        ("www-authenticate", 'Bearer realm="a", error="b"', 'Bearer realm="a", error="b"'),
        ("www-authenticate", "Negotiate", "Negotiate"),
        ("sec-websocket-protocol", "graphql-ws, v1.json", "graphql-ws, v1.json"),
    ],
)
def test_headers_are_redacted_by_name(name, value, expected):
    assert safe(post(headers=((name, value),))).headers.get(name.lower()) == expected


def test_set_cookie_keeps_names_and_attributes():
    one = answered(b"", headers=(("Set-Cookie", "sid=abc123; Path=/; HttpOnly"),))
    response = Redactor().interaction(one).response
    assert response.headers.get("set-cookie") == "sid=REDACTED-cookie; Path=/; HttpOnly"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://u:p@h/p", "https://REDACTED-userinfo@h/p"),
        ("https://h/p?key=abcdefgh12345678&b=1", "https://h/p?key=REDACTED-key&b=1"),
        ("https://h/p?b=%20&API-Key=x", "https://h/p?b=%20&API-Key=REDACTED-api_key"),
        ("https://h/p?X-Amz-Signature=f0", "https://h/p?X-Amz-Signature=REDACTED-x_amz_signature"),
        ("/cb#access_token=x&state=1", "/cb#access_token=REDACTED-access_token&state=1"),
        ("https://h/p?page_token=abcdefghij", "https://h/p?page_token=abcdefghij"),
        ("https://h/p?sig=&a@b=1", "https://h/p?sig=&a@b=1"),
    ],
)
def test_urls_lose_their_secrets_and_nothing_else(url, expected):
    assert safe_url(url) == expected
    assert safe(post(url=url)).url == expected


def test_json_fields_are_edited_in_place():
    body = b'{ "Client-Secret" :"abcd1234",\n "n":1.50, "x":{"refresh_token":"zzzzzzzz9"} }'
    expected = (
        b'{ "Client-Secret" :"REDACTED-client_secret",\n "n":1.50, '
        b'"x":{"refresh_token":"REDACTED-refresh_token"} }'
    )
    assert safe(post(body)).body == expected


@pytest.mark.parametrize(
    "body",
    [
        b'{"messages":[{"content":{"password":"abcdefgh1"}}]}',
        b'{"input":{"api_key":"abcdefgh1"}}',
        b'{"tools":[{"password":"abcdefgh1"}],"a":"b"}',
        b'{"access_token":"short"}',
        b'{"access_token":"eight letters and spaces"}',
        b'{"access_token":12345678}',
        b'{"password":true,"pin":1,"passphrase":null,"passwd":""}',
        b'{"token":"a-token-of-love-2024","key":"reports/2024/summary-1","secret":"of the universe"}',
        b'{"next_page_token":"abcdefgh1","continuation":"abcdefgh1"}',
        b'{"max_tokens":"abcdefgh1","x":"password"}',
    ],
)
def test_what_only_looks_like_a_secret_is_kept(body):
    assert safe(post(body)).body == body


def test_a_field_named_twice_does_not_hide_its_first_value():
    body = b'{"a":{"password":"hunter2hunter2"},"a":1}'
    assert b"hunter2" not in safe(post(body)).body


def test_escaped_names_and_values_are_seen():
    body = b'{"pass\\u0077ord":"hunter2\\/hunter2"}'
    assert safe(post(body)).body == b'{"pass\\u0077ord":"REDACTED-password"}'


def test_forms_are_redacted_by_pair():
    body = b"grant_type=refresh_token&refresh_token=abcd%2B1234&x="
    expected = b"grant_type=refresh_token&refresh_token=REDACTED-refresh_token&x="
    assert safe(post(body, FORM)).body == expected


def test_multipart_fields_are_redacted():
    body = (
        b'--xyz\r\nContent-Disposition: form-data; name="password"\r\n\r\nhunter2hunter2\r\n'
        b'--xyz\r\nContent-Disposition: form-data; name="a"\r\n\r\nkeep this\r\n--xyz--\r\n'
    )
    redacted = safe(post(body, "multipart/form-data; boundary=xyz")).body
    assert redacted == body.replace(b"hunter2hunter2", b"REDACTED-password")


def test_lines_streams_and_cut_answers_are_redacted():
    for body in (
        b'{"access_token":"abcd1234"}\n{"b":1}\n',
        b'event: x\ndata: {"access_token":"abcd1234"}\n\n',
        b'{"a":1,"access_token":"abcd1234',
        b"<R><SessionToken>abcd1234</SessionToken></R>",
    ):
        one = Redactor().interaction(
            answered(body, "text/event-stream" if body[:1] == b"e" else "")
        )
        assert b"abcd1234" not in one.response.body.data


def test_an_unchanged_request_is_the_same_object():
    one = post(b'{"model":"m","messages":[]}')
    assert safe(one) is one


def test_lengths_follow_the_edited_body():
    body = b'{"access_token":"abcd1234"}'
    one = Redactor().interaction(answered(body, headers=(("Content-Length", str(len(body))),)))
    assert one.response.headers.get("content-length") == str(len(one.response.body.data))
    request = safe(post(body, headers=(("Content-Length", str(len(body))),)))
    assert request.headers.get("content-length") == str(len(request.body))


def test_a_value_from_an_answer_is_known_where_it_is_sent_on():
    redactor = Redactor()
    redactor.interaction(answered(json.dumps({"access_token": SECRET}).encode()))
    coded = b64encode(SECRET.encode()).decode()
    sent = post(
        json.dumps({"note": f"use {SECRET}"}).encode(),
        url=f"https://h/{quote(SECRET, safe='')}?n={quote(SECRET)}",
        headers=(("X-Session", SECRET), ("X-Coded", coded)),
    )
    got = redactor.request(sent)
    assert got.headers.get("x-session") == "REDACTED-access_token"
    assert got.headers.get("x-coded") == "REDACTED-access_token"
    assert got.url == "https://h/REDACTED-access_token?n=REDACTED-access_token"
    assert json.loads(got.body) == {"note": "use REDACTED-access_token"}


def test_the_placeholder_sent_on_at_replay_meets_the_recording():
    recording = Redactor()
    recording.interaction(answered(json.dumps({"access_token": SECRET}).encode()))
    replaying = Redactor()

    def sent(token: str) -> Request:
        return post(
            f"t={quote(token, safe='')}".encode(),
            FORM,
            url=f"https://h/p?n={quote(token, safe='')}",
            headers=(("X-Coded", b64encode(token.encode()).decode()), ("X-S", token)),
        )

    matcher = Matcher(("url", "body", "headers"), ("x-coded", "x-s"))
    recorded = recording.request(sent(SECRET))
    replayed = replaying.request(sent("REDACTED-access_token"))
    assert matcher.key(recorded) == matcher.key(replayed)


def test_an_answer_that_echoes_the_credential_is_redacted():
    redactor = Redactor()
    redactor.request(post(headers=(("Authorization", "Bearer sk-live-12345678"),)))
    body = b'{"error":{"message":"Incorrect API key provided: sk-live-12345678."}}'
    data = redactor.interaction(answered(body)).response.body.data
    assert b"sk-live" not in data
    json.loads(data)


def test_ordinary_words_are_not_hunted():
    redactor = Redactor()
    redactor.interaction(answered(b'{"password":"password"}'))
    assert redactor.request(post(b'{"a":"my password"}')).body == b'{"a":"my password"}'


def test_failures_and_locations_lose_their_secrets():
    redactor = Redactor()
    failure = Failure(kind="read", type="x", args=("GET https://u:p@h/p?sig=abc failed",))
    one = redactor.interaction(Interaction(request=post(), failure=failure))
    assert one.failure.args == ("GET https://REDACTED-userinfo@h/p?sig=REDACTED-sig failed",)
    two = redactor.interaction(answered(b"", headers=(("Location", "/cb?access_token=abc"),)))
    assert two.response.headers.get("location") == "/cb?access_token=REDACTED-access_token"


secrets = st.text("abcdefXYZ0189-_./+=", min_size=8, max_size=40).map(lambda text: "q7Z" + text)
names = st.sampled_from(["access_token", "client-secret", "PASSWORD", "apiKey", "private_key"])
words = st.text(max_size=12)


@given(names, secrets, st.dictionaries(words, words, max_size=3), st.booleans())
def test_no_secret_is_left_in_any_spelling(name, secret, other, pretty):
    redactor = Redactor()
    body = json.dumps({**other, name: secret}, indent=2 if pretty else None).encode()
    echoed = redactor.interaction(answered(body)).response.body.data
    again = redactor.request(
        post(
            body,
            url=f"https://h/{quote(secret)}?x={quote(secret, safe='')}",
            headers=(("X-A", secret),),
        )
    )
    coded = b64encode(secret.encode())
    everything = echoed + again.body + again.url.encode() + repr(again.headers).encode()
    for spelling in secret.encode(), quote(secret, safe="").encode(), coded:
        assert spelling not in everything
    assert json.loads(echoed).keys() == json.loads(again.body).keys() == {**other, name: 1}.keys()


@given(
    st.text(max_size=40),
    st.lists(
        st.tuples(st.sampled_from(["Authorization", "Cookie", "X-A", "x-api-key"]), words),
        max_size=3,
    ),
    st.binary(max_size=60)
    | st.builds(lambda n, s: json.dumps({n: s}).encode(), names, words | secrets),
    st.sampled_from(
        ["", "application/json", FORM, "multipart/form-data; boundary=x", "text/event-stream"]
    ),
)
def test_redaction_of_a_request_is_total_and_idempotent(url, headers, body, content_type):
    redactor = Redactor()
    redactor.interaction(answered(b'{"access_token":"q7Zabcdef0189"}'))
    once = redactor.request(
        post(body, content_type, url="https://h/?key=1&" + url, headers=headers)
    )
    assert redactor.request(once) == once
    assert Redactor().request(once) == once


@given(st.lists(secrets, min_size=1, max_size=3), st.data())
def test_chunks_stay_in_order_and_within_the_body(values, data):
    body = json.dumps([{"access_token": value, "a": "b"} for value in values]).encode()
    ends = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=6)))
    chunks = tuple(Chunk(end, i) for i, end in enumerate([*ends, len(body)]))
    after = Redactor().interaction(answered(body, chunks=chunks)).response.body
    offsets = [chunk.end for chunk in after.chunks]
    assert offsets == sorted(offsets)
    assert offsets[-1] == len(after.data)
    assert len(offsets) == len(chunks)
    assert b"".join(piece for piece, _ in after.pieces()) == after.data


def test_leaves_of_numbers_are_not_made_for_a_body_in_which_no_number_can_be_a_secret(monkeypatch):
    made = []
    whole = named.Content.leaves

    def leaves(content, *, numbers=True):
        made.append(numbers)
        return whole(content, numbers=numbers)

    monkeypatch.setattr(named.Content, "leaves", leaves)
    for body in (b'{"api_key": "abcdefgh1234", "v": [1, 2]}', b'{"pin": 4711, "v": [1, 2]}'):
        Redactor().request(Request(method="POST", url="https://h/p", body=body))
    assert made == [False, True]

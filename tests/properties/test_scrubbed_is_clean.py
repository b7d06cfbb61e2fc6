"""What was cleaned once is clean: nothing more is found in it, and nothing more is changed."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from onetake.diagnosis.unredacted import Cleaner
from onetake.matching import Matcher
from onetake.messages import Body, Chunk, Failure, Headers, Interaction, Request, Response
from onetake.redaction import Redactor, Values

VALUE = "zq7XWv9kk2inTheEnvironment/+"


def coded(part: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def jwt(expires: int) -> str:
    return f"{coded({'alg': 'HS256'})}.{coded({'sub': 'bob', 'exp': expires})}.{'c2lnbmF0dXJl' * 3}"


SECRETS = [
    "sk-proj-" + "Ab3dEf6hIj9kLmN0pQr5StUv",
    "sk-ant-" + "api03-Zx9Yw8Vu7Ts6Rq5Po4Nm3Lk2",
    "ghp_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5",
    "opaque8secret9value7",
    VALUE,
    jwt(9_999_999_999),
    jwt(1_000_000_000),
    "-----BEGIN PRIVATE KEY-----\nTUlJRXZRSUJBREFOQmdrcWhraUc5dzBC\n-----END PRIVATE KEY-----\n",
    "REDACTED-openai-key-1",
    "REDACTED-env-2",
    "REDACTED-token",
    "an ordinary text",
]
texts = st.one_of(
    st.sampled_from(SECRETS),
    st.sampled_from(SECRETS).map(lambda one: f"see {one} there"),
    st.sampled_from(SECRETS).map(lambda one: quote(one, safe="")),
    st.sampled_from(SECRETS).map(lambda one: base64.b64encode(f"ab{one}c".encode()).decode()),
    st.lists(st.sampled_from(SECRETS), max_size=3).map(" ".join),
)
names = st.sampled_from(
    [
        "access_token",
        "id_token",
        "client_secret",
        "password",
        "text",
        "messages",
        "private_key",
        "value",
    ]
)
documents = st.recursive(
    texts,
    lambda inner: st.dictionaries(names, inner, max_size=3) | st.lists(inner, max_size=3),
    max_leaves=6,
)


def to_form(pairs: dict[str, str]) -> bytes:
    return "&".join(f"{name}={quote(text)}" for name, text in pairs.items()).encode()


def to_upload(parts: dict[str, str]) -> bytes:
    head = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    return ("".join(head.format(*one) for one in parts.items()) + "--b--\r\n").encode()


pairs = st.dictionaries(names, texts, min_size=1, max_size=3)
bodies = st.one_of(
    st.tuples(st.just("application/json"), documents.map(lambda one: json.dumps(one).encode())),
    st.tuples(st.just("text/plain"), texts.map(str.encode)),
    st.tuples(st.just("application/x-www-form-urlencoded"), pairs.map(to_form)),
    st.tuples(st.just("multipart/form-data; boundary=b"), pairs.map(to_upload)),
    st.tuples(
        st.just("text/event-stream"),
        st.lists(documents, max_size=3).map(
            lambda all_of: b"".join(b"data: %b\n\n" % json.dumps(one).encode() for one in all_of)
        ),
    ),
)
headers = st.lists(
    st.tuples(
        st.sampled_from(["authorization", "cookie", "x-note", "x-session-token", "location"]),
        texts.map(lambda one: one.replace("\n", " ")),
    ),
    max_size=2,
)


@st.composite
def interactions(draw: st.DrawFn) -> Interaction:
    asked, answered = draw(bodies), draw(bodies)
    query = quote(draw(st.sampled_from(SECRETS)), safe="")
    body = answered[1]
    return Interaction(
        request=Request(
            method="POST",
            url=f"https://api.example.test/v1?{draw(names)}={query}",
            headers=Headers((("content-type", asked[0]), *draw(headers))),
            body=asked[1],
        ),
        response=Response(
            status=200,
            headers=Headers((("content-type", answered[0]), *draw(headers))),
            body=Body(data=body, chunks=(Chunk(len(body) // 2, 1), Chunk(len(body), 2))),
        ),
        failure=Failure(kind="read", type="x.Error", args=(draw(texts),)),
        at=1_753_228_800,
    )


@given(st.lists(interactions(), min_size=1, max_size=3))
def test_what_was_cleaned_is_clean(held: list[Interaction]) -> None:
    def cleaner() -> Cleaner:
        return Cleaner(Matcher(), Redactor(values=Values((VALUE,))))

    once = [one.interaction for one in cleaner().clean(held)]
    twice = cleaner().clean(once)

    assert [one.found for one in twice] == [()] * len(held)
    assert all(one.interaction is before for one, before in zip(twice, once, strict=True))

"""Who makes a call: what names a principal, and what rotates without changing it."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.messages import Headers, Request
from onetake.providers import Principal, principal


def call(url: str = "https://api.example.com/v1/things", **headers: str) -> Request:
    lines = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Request(method="POST", url=url, headers=Headers(lines), body=b"{}")


def who(url: str = "https://api.example.com/v1/things", **headers: str) -> Principal | None:
    return principal(call(url, **headers))


def jwt(header: object = None, signature: str = "c2lnbmF0dXJl", **claims: object) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return (
        f"{part(header or {'alg': 'RS256', 'typ': 'JWT', 'kid': 'k1'})}.{part(claims)}.{signature}"
    )


OPENAI = "https://api.openai.com/v1/chat/completions"
AZURE = (
    "https://acme.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=2024-10-21"
)
ANTHROPIC = "https://api.anthropic.com/v1/messages"
GEMINI = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.0-flash:generateContent"
BEDROCK = "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse"
BUCKET = "https://bucket.s3.eu-west-1.amazonaws.com/a.pdf"

# Each takes a key and makes the request that a real client would send with it.
BY_KEY = {
    "openai": lambda key: call(OPENAI, Authorization=f"Bearer {key}"),
    "azure": lambda key: call(AZURE, api_key=key),
    "anthropic": lambda key: call(ANTHROPIC, X_Api_Key=key, anthropic_version="2023-06-01"),
    "gemini header": lambda key: call(GEMINI, x_goog_api_key=key),
    "gemini query": lambda key: call(f"{GEMINI}?alt=sse&key={key}"),
    "deepgram": lambda key: call(
        "https://api.deepgram.com/v1/listen", Authorization=f"Token {key}"
    ),
    "assemblyai": lambda key: call("https://api.assemblyai.com/v2/transcript", authorization=key),
    "gateway": lambda key: call(
        OPENAI, authorization="Bearer sk-constant", ocp_apim_subscription_key=key
    ),
    "basic password": lambda key: call(
        authorization="Basic " + base64.b64encode(f"user:{key}".encode()).decode()
    ),
    "basic user": lambda key: call(
        authorization="Basic " + base64.b64encode(f"{key}:".encode()).decode()
    ),
}


@pytest.mark.parametrize("make", BY_KEY.values(), ids=list(BY_KEY))
def test_each_key_is_its_own_principal(make):
    good, bad = principal(make("AIzaSy-good-0001")), principal(make("AIzaSy-bad-0002"))

    assert good is not None
    assert good == principal(make("AIzaSy-good-0001"))
    assert good != bad


def test_without_a_credential_there_is_no_principal():
    assert who() is None
    assert who(content_type="application/json", user_agent="x/1", authorization="") is None
    assert who("https://api.example.com/?page=2&key=") is None


def test_a_key_is_the_same_principal_wherever_it_stands():
    key = "AIzaSyD-0123456789"
    ways = [
        who(f"{GEMINI}?key={key}"),
        who(f"{GEMINI}?%6Bey={quote(key)}"),
        who(GEMINI, X_Goog_Api_Key=key),
        who(GEMINI, authorization=f"Bearer {key}"),
        who(f"{GEMINI}?key={key}", x_goog_api_key=key),
    ]

    assert set(ways) == {Principal("key", key)}


def test_a_bad_key_does_not_hide_behind_a_good_one():
    good = who(OPENAI, authorization="Bearer sk-good-123", x_api_key="proxy-good-123")
    bad_proxy = who(OPENAI, authorization="Bearer sk-good-123", x_api_key="proxy-bad-123")
    bad_key = who(f"{GEMINI}?key=bad-12345", authorization="Bearer sk-good-123")

    assert len({good, bad_proxy, bad_key}) == 3


def test_the_order_of_header_lines_says_nothing():
    lines = (("api-key", "one-1234567"), ("authorization", "Bearer two-1234567"))
    there = Request(method="GET", url=AZURE, headers=Headers(lines))

    assert principal(there) == principal(there.replace(headers=Headers(lines[::-1])))


def signed(key: str, when: str = "20260101", region: str = "us-east-1", signature: str = "ab12"):
    return (
        f"AWS4-HMAC-SHA256 Credential={key}/{when}/{region}/bedrock/aws4_request, "
        f"SignedHeaders=content-type;host;x-amz-date, Signature={signature}"
    )


def test_a_signature_is_its_access_key():
    first = who(BEDROCK, Authorization=signed("AKIDGOOD"), X_Amz_Date="20260101T000000Z")
    a_day_later = who(
        BEDROCK,
        Authorization=signed("AKIDGOOD", "20260102", "eu-west-1", "cd34"),
        X_Amz_Date="20260102T000000Z",
        X_Amz_Security_Token="token-2",
    )

    assert first == a_day_later == Principal("sigv4", "AKIDGOOD")
    assert who(BEDROCK, Authorization=signed("AKIDBAD")) != first


def _day(day: int) -> datetime:
    return datetime(2026, 1, day, tzinfo=UTC).replace(tzinfo=None)


def test_what_botocore_signs_is_its_access_key(monkeypatch):
    import botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    def make(kind: str, key: str, now: datetime) -> Request:
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: now)
        made = AWSRequest("POST", BEDROCK, data=b"{}", headers={"host": "h"})
        signer = getattr(botocore.auth, kind)
        signer(Credentials(key, "secret"), "bedrock", "us-east-1").add_auth(made)
        head = tuple((str(name), str(value)) for name, value in made.headers.items())
        return Request(method="POST", url=made.url, headers=Headers(head), body=b"{}")

    for kind in ("SigV4Auth", "SigV4QueryAuth", "S3SigV4QueryAuth"):
        first = make(kind, "AKIDGOOD", _day(1))
        later = make(kind, "AKIDGOOD", _day(2))
        assert first != later
        assert principal(first) == principal(later) == Principal("sigv4", "AKIDGOOD")
        assert principal(make(kind, "AKIDBAD", _day(1))) != principal(first)


def test_a_presigned_url_is_its_access_key():
    def presigned(key: str, day: str, signature: str) -> str:
        scope = quote(f"{key}/{day}/eu-west-1/s3/aws4_request", safe="")
        return (
            f"{BUCKET}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={scope}"
            f"&X-Amz-Date={day}T000000Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host"
            f"&X-Amz-Signature={signature}"
        )

    assert who(presigned("AKIDGOOD", "20260101", "ab")) == Principal("sigv4", "AKIDGOOD")
    assert who(presigned("AKIDGOOD", "20260102", "cd")) == Principal("sigv4", "AKIDGOOD")
    assert who(presigned("AKIDBAD", "20260101", "ef")) == Principal("sigv4", "AKIDBAD")


def test_keys_of_a_session_rotate():
    one = who(BEDROCK, Authorization=signed("ASIAONE0123456789"))
    other = who(BEDROCK, Authorization=signed("ASIATWO0123456789"))
    presigned = who(f"{BUCKET}?X-Amz-Credential=ASIATHREE%2F20260101&X-Amz-Signature=ab")

    assert one == other == presigned
    assert one != who(BEDROCK, Authorization=signed("AKIDGOOD"))


def test_signatures_made_after_amazons():
    alike = {
        "AWS4-ECDSA-P256-SHA256 Credential=KEYID/20260101/s3/aws4_request, Signature=30": "KEYID",
        "GOOG4-HMAC-SHA256 Credential=GOOGKEY/20260101/auto/storage/goog4_request, Signature=1": "GOOGKEY",
        "TC3-HMAC-SHA256 Credential=AKIDz8/2026-01-01/hunyuan/tc3_request, Signature=9": "AKIDz8",
        "ACS3-HMAC-SHA256 Credential=LTAI5,SignedHeaders=host,Signature=1": "LTAI5",
        "HMAC-SHA256 Credential=AKLT1/20260101/cn-north-1/ml/request, Signature=2": "AKLT1",
        "AWS AKIDV2:frJIUN8DYpKDtOLCwo//yllqDzg=": "AKIDV2",
        "GOOG1 GOOGV2:frJIUN8DYpKDtOLCwo=": "GOOGV2",
        "SharedKey account:frJIUN8DYpKDtOLCwo=": "account",
    }

    for value, key in alike.items():
        assert who(authorization=value) == Principal("sigv4", key), value


def test_google_signed_urls_are_their_account():
    def v4(day: str, signature: str) -> str:
        account = quote(f"sa@p.iam.gserviceaccount.com/{day}/auto/storage/goog4_request", safe="")
        return (
            "https://storage.googleapis.com/b/o?X-Goog-Algorithm=GOOG4-RSA-SHA256"
            f"&X-Goog-Credential={account}&X-Goog-Date={day}T000000Z&X-Goog-Expires=900"
            f"&X-Goog-SignedHeaders=host&X-Goog-Signature={signature}"
        )

    v2 = "https://storage.googleapis.com/b/o?GoogleAccessId=sa%40p.iam.gserviceaccount.com&Expires=1&Signature=x"

    account = Principal("account", "sa@p.iam.gserviceaccount.com")
    assert who(v4("20260101", "ab")) == who(v4("20260102", "cd")) == account
    assert who(v2) == account


def test_amazons_older_presigned_urls_are_their_access_key():
    assert who(f"{BUCKET}?AWSAccessKeyId=AKIDV2&Signature=a%3D&Expires=1") == Principal(
        "sigv4", "AKIDV2"
    )


@pytest.mark.parametrize(
    ("prefix", "encode"),
    [
        ("bedrock-api-key-", lambda url: base64.b64encode(url).decode()),
        ("k8s-aws-v1.", lambda url: base64.urlsafe_b64encode(url).rstrip(b"=").decode()),
    ],
)
def test_a_presigned_url_inside_a_token_is_its_access_key(prefix, encode):
    def token(key: str, day: str) -> str:
        url = (
            "bedrock.amazonaws.com/?Action=CallWithBearerToken&X-Amz-Algorithm=AWS4-HMAC-SHA256"
            f"&X-Amz-Credential={key}%2F{day}%2Fus-east-1%2Fbedrock%2Faws4_request"
            f"&X-Amz-Date={day}T000000Z&X-Amz-Expires=43200&X-Amz-Signature=ab&Version=1"
        )
        return prefix + encode(url.encode())

    first = who(BEDROCK, authorization="Bearer " + token("AKIDGOOD", "20260101"))
    later = who(BEDROCK, authorization="Bearer " + token("AKIDGOOD", "20260102"))

    assert first == later == Principal("sigv4", "AKIDGOOD")
    assert who(BEDROCK, authorization="Bearer " + token("AKIDBAD", "20260101")) != first


AZURE_AD = {"iss": "https://sts.windows.net/t/", "aud": "https://cognitiveservices.azure.com"}
JWTS = {
    "azure app": {**AZURE_AD, "appid": "app-1", "appidacr": "1"},
    "azure object": {**AZURE_AD, "oid": "object-1"},
    "google id token": {"iss": "https://accounts.google.com", "sub": "1234", "azp": "1234"},
    "auth0 machine": {"iss": "https://x.auth0.com/", "azp": "machine", "gty": "client-credentials"},
    "databricks": {"iss": "https://acme.cloud.databricks.com/oidc", "client_id": "sp-1"},
    "issuer alone": {"iss": "issuer-1"},
    "zhipu": {"api_key": "id-1"},
}


@pytest.mark.parametrize("claims", JWTS.values(), ids=list(JWTS))
def test_a_jwt_is_its_issuer_and_subject(claims):
    def bearer(**more: object) -> Principal | None:
        token = jwt(signature=f"s{len(more)}", **(claims | more))
        return who(AZURE, authorization=f"Bearer {token}")

    first = bearer()
    rotated = bearer(iat=1, exp=2, nbf=3, jti="x", uti="y", aio="z")

    assert first is not None
    assert first.kind == "jwt"
    assert first == rotated
    assert bearer(iss="https://another.example") != first


@pytest.mark.parametrize("name", ["sub", "client_id", "azp", "appid", "oid"])
def test_another_subject_of_an_issuer_is_another_principal(name):
    one, other = (who(authorization=f"Bearer {jwt(iss='i', **{name: x})}") for x in ("a", "b"))

    assert one != other


def test_a_jwt_that_names_nobody_is_a_rotating_token():
    one, other = (who(authorization=f"Bearer {jwt(exp=x)}") for x in (1, 2))

    assert one == other == Principal("oauth", "")


def test_what_only_looks_like_a_jwt_is_a_key():
    for token in ("aaaa.bbbb.cccc", "sk-proj.abcd1234.efgh", f"{'a' * 40}.{'b' * 40}.c"):
        assert who(authorization=f"Bearer {token}") == Principal("key", token)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ya29.a0AfB_first", "ya29.c.c0ASRK0second"),
        ("ghs_16C7e42F292c6912E7710c838347Ae178B4a", "ghs_another0000000000000000000000000000"),
        ("tid=1;exp=1;sku=x;8kp=1:ab", "tid=1;exp=2;sku=x;8kp=1:cd"),
        ("xoxe.xoxp-1-first", "xoxe.xoxp-1-second"),
        ("ya29.recorded-live", "onetake-synthetic-token"),
        ("ya29.recorded-live", "REDACTED-access_token"),
    ],
)
def test_a_rotating_token_is_one_principal(one, other):
    for scheme in ("Bearer", "token", "OAuth"):
        assert who(authorization=f"{scheme} {one}") == who(authorization=f"{scheme} {other}")
    assert who(f"{GEMINI}?access_token={one}") == who(f"{GEMINI}?access_token={other}")
    assert who(authorization=f"Bearer {one}") != who(authorization="Bearer sk-1234567890")


GIVEN = {"opaque-1234567": "access_token", jwt(iss="i", sub="s"): "id_token"}


@pytest.mark.parametrize("token", GIVEN)
def test_a_token_that_an_answer_gave_rotates_whatever_its_shape(token):
    coded = base64.b64encode(f"user:{token}".encode()).decode()
    for request in (
        call(authorization=f"Bearer {token}"),
        call(x_auth_token=token),
        call(authorization=f"Basic {coded}"),
        call(f"https://api.example.com/?access_token={quote(token)}"),
    ):
        assert principal(request, GIVEN) == who(authorization="Bearer onetake-synthetic-token")
        assert principal(request) != principal(request, GIVEN)
    key = call(authorization="Bearer sk-1234567890")
    assert principal(key, GIVEN) == principal(key)


def basic(text: str) -> Principal | None:
    return who(authorization="Basic " + base64.b64encode(text.encode()).decode())


def test_basic_is_user_and_password():
    assert basic("user:good") == basic("user:good")
    assert basic("user:good") != basic("user:bad")
    assert basic("other:good") != basic("user:good")


def test_a_token_as_the_password_of_basic_rotates():
    assert basic("oauth2accesstoken:ya29.one") == basic("oauth2accesstoken:ya29.two")
    assert basic("AWS:ecr-token-of-the-first-half-day") == basic("AWS:ecr-token-of-the-second")
    assert basic(f"user:{jwt(iss='i', sub='s', exp=1)}") == basic(
        f"user:{jwt(iss='i', sub='s', exp=2)}"
    )


def test_schemes_with_a_nonce_are_their_user():
    def digest(user: str, nonce: str) -> str:
        return f'Digest username="{user}", realm="r", nonce="{nonce}", uri="/", response="{nonce}"'

    def oauth1(key: str, nonce: str) -> str:
        return f'OAuth oauth_consumer_key="{key}", oauth_nonce="{nonce}", oauth_token="t"'

    def sas(policy: str, signature: str) -> str:
        return (
            f"SharedAccessSignature sr=hub.example&sig={signature}&se={len(signature)}&skn={policy}"
        )

    for make in (digest, oauth1, sas):
        assert who(authorization=make("me", "n1")) == who(authorization=make("me", "n234"))
        assert who(authorization=make("me", "n1")) != who(authorization=make("you", "n1"))


def test_a_principal_shows_nothing_of_the_credential():
    found = who(OPENAI, authorization="Bearer sk-very-secret-1234")

    assert repr(found) == "<Principal key>"
    assert "very-secret" not in f"{found} {found!r} {[found]}"


TEXT = st.one_of(
    st.text(),
    st.text(alphabet="AWS4-HMACSHA256 Credential=/,.:;<>%&?#Bearer ey\x00\xff\n", max_size=200),
    st.builds(jwt, iss=st.none() | st.integers() | st.lists(st.none()), sub=st.text()),
    st.builds(lambda text: "Basic " + base64.b64encode(text).decode(), st.binary()),
)


@given(TEXT, TEXT, TEXT)
def test_no_text_makes_it_fail_and_it_is_pure(value, url, name):
    lines = (("Authorization", value), (name, value), ("x-api-key", value))
    request = Request(method="GET", url=f"https://{url}?key={value}", headers=Headers(lines))

    found = principal(request)

    assert found == principal(request.replace(body=b"another"))
    assert found is None or isinstance(hash(found), int)
    assert principal(request.replace(url=url)) == principal(request.replace(url=url))

"""Exchanges of credentials are known, and answered with what each vendor's own client reads."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.content import plain_value, read_request
from onetake.messages import Headers, Request
from onetake.providers import (
    EXCHANGES,
    GENERIC_EXCHANGE,
    SYNTHETIC,
    Exchange,
    exchange_for,
    synthetic_answer,
)
from tests.support.runs import result, run_program

NOW = 1_767_225_600  # 2026-01-01T00:00:00Z
FORM = ("content-type", "application/x-www-form-urlencoded")
GOOGLE = ("Metadata-Flavor", "Google")
JWT_BEARER = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=ey.J.s"
CLIENT = "grant_type=client_credentials&client_id=c&client_secret=s&scope=x%2F.default"
REFRESH = "grant_type=refresh_token&refresh_token=r&client_id=c"
METADATA = "http://metadata.google.internal/computeMetadata/v1"


def ask(method: str, url: str, *lines: tuple[str, str], body: str = "") -> Request:
    return Request(method=method, url=url, headers=Headers(lines), body=body.encode())


def form(url: str, body: str = CLIENT) -> Request:
    return ask("POST", url, FORM, body=body)


def sts(action: str, host: str = "sts.amazonaws.com") -> Request:
    return form(f"https://{host}/", f"Action={action}&Version=2011-06-15&RoleSessionName=s")


REAL: dict[str, list[Request]] = {
    "google-oauth": [
        form("https://oauth2.googleapis.com/token", JWT_BEARER),
        form("https://oauth2.googleapis.com/token", REFRESH),
        form("https://accounts.google.com/o/oauth2/token", REFRESH),
        form("https://www.googleapis.com/oauth2/v4/token", JWT_BEARER),
    ],
    "google-sts": [
        form(
            "https://sts.googleapis.com/v1/token",
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=t",
        ),
        form("https://sts.googleapis.com/v1/oauthtoken", REFRESH),
    ],
    "google-iam": [
        ask(
            "POST",
            "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
            "a%40p.iam.gserviceaccount.com:generateAccessToken",
            body='{"scope": ["x"], "lifetime": "3600s"}',
        )
    ],
    "google-iam-id": [
        ask(
            "POST",
            "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
            "a@p.iam.gserviceaccount.com:generateIdToken",
            body='{"audience": "https://x"}',
        )
    ],
    "google-metadata": [
        ask("GET", f"{METADATA}/instance/service-accounts/default/token", GOOGLE),
        ask(
            "GET",
            "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/a@p/token?scopes=x",
            GOOGLE,
        ),
    ],
    "google-metadata-id": [
        ask(
            "GET",
            f"{METADATA}/instance/service-accounts/default/identity?audience=x&format=full",
            GOOGLE,
        )
    ],
    "google-metadata-facts": [
        ask("GET", "http://169.254.169.254/", GOOGLE),
        ask("GET", f"{METADATA}/instance/service-accounts/default/?recursive=true", GOOGLE),
        ask("GET", f"{METADATA}/project/project-id", GOOGLE),
        ask("GET", f"{METADATA}/universe/universe-domain", GOOGLE),
    ],
    "aws-sts": [
        *(
            sts(action)
            for action in (
                *("AssumeRole", "AssumeRoleWithWebIdentity", "AssumeRoleWithSAML"),
                *("AssumeRoot", "GetSessionToken", "GetFederationToken"),
            )
        ),
        sts("AssumeRole", "sts.eu-west-1.amazonaws.com"),
        sts("AssumeRole", "sts-fips.us-east-1.amazonaws.com"),
        sts("AssumeRole", "sts.cn-north-1.amazonaws.com.cn"),
        ask(
            "GET",
            "https://sts.us-west-2.amazonaws.com/?Action=AssumeRoleWithWebIdentity&Version=2011-06-15",
        ),
    ],
    "aws-imds-token": [
        ask(
            "PUT",
            "http://169.254.169.254/latest/api/token",
            ("x-aws-ec2-metadata-token-ttl-seconds", "21600"),
        )
    ],
    "aws-imds-role": [
        ask("GET", "http://169.254.169.254/latest/meta-data/iam/security-credentials/")
    ],
    "aws-imds": [
        ask("GET", "http://169.254.169.254/latest/meta-data/iam/security-credentials/my-role")
    ],
    "aws-container": [
        ask("GET", "http://169.254.170.2/v2/credentials/4e1d-11"),
        ask("GET", "http://169.254.170.23/v1/credentials", ("Authorization", "eks-token")),
    ],
    "aws-sso": [
        ask(
            "GET",
            "https://portal.sso.eu-west-1.amazonaws.com/federation/credentials?role_name=r&account_id=1",
            ("x-amz-sso_bearer_token", "t"),
        )
    ],
    "aws-sso-oidc": [
        ask(
            "POST",
            "https://oidc.eu-west-1.amazonaws.com/token",
            body='{"clientId": "c", "grantType": "refresh_token"}',
        )
    ],
    "azure-ad": [
        form("https://login.microsoftonline.com/tenant/oauth2/v2.0/token"),
        form("https://login.microsoftonline.com/tenant/oauth2/token"),
        form("https://login.microsoftonline.us/common/oauth2/v2.0/token", REFRESH),
        form("https://acme.b2clogin.com/acme.onmicrosoft.com/policy/oauth2/v2.0/token"),
    ],
    "azure-imds": [
        ask(
            "GET",
            "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=r",
            ("Metadata", "true"),
        ),
        ask(
            "GET",
            "http://localhost:40342/metadata/identity/oauth2/token?resource=r",
            ("Metadata", "true"),
        ),
    ],
    "azure-app-service": [
        ask(
            "GET",
            "http://127.0.0.1:41741/msi/token/?resource=r&api-version=2019-08-01",
            ("X-IDENTITY-HEADER", "h"),
        )
    ],
    "ibm-iam": [
        form(
            "https://iam.cloud.ibm.com/identity/token",
            "grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey&apikey=k",
        )
    ],
    "databricks": [
        form("https://dbc-1.cloud.databricks.com/oidc/v1/token"),
        form("https://adb-1.4.azuredatabricks.net/oidc/v1/token"),
        form("https://accounts.cloud.databricks.com/oidc/accounts/a1/v1/token"),
    ],
    "github-app": [ask("POST", "https://api.github.com/app/installations/42/access_tokens")],
    "github-copilot": [ask("GET", "https://api.github.com/copilot_internal/v2/token")],
    "oauth": [
        form("https://acme.auth0.com/oauth/token"),
        form("https://acme.okta.com/oauth2/default/v1/token"),
        form("https://sso.acme.example/realms/r/protocol/openid-connect/token"),
        form("https://acme.my.salesforce.com/services/oauth2/token", JWT_BEARER),
        form("http://127.0.0.1:1234/scripted/x/oauth2/token", JWT_BEARER),
        form("https://github.com/login/oauth/access_token", REFRESH),
        ask(
            "POST",
            "https://acme.auth0.com/oauth/token",
            ("content-type", "application/json"),
            body='{"client_id": "c", "grant_type": "client_credentials"}',
        ),
    ],
}


def answer(request: Request, now_s: int = NOW):
    found = exchange_for(request)
    assert found is not None, request.line
    return synthetic_answer(found, request, now_s, plain_value(read_request(request)))


def fields(request: Request) -> dict[str, object]:
    return json.loads(answer(request).body.data)


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda one: f"{one.name} {one.path[:20]}")
def test_a_real_exchange_is_known(exchange):
    assert exchange.name in REAL, "every entry needs a real request here"
    found = [exchange_for(request) for request in REAL[exchange.name]]
    for request, one in zip(REAL[exchange.name], found, strict=True):
        assert one is not None, request.line
        assert one.name == exchange.name, request.line
    assert exchange in found


@pytest.mark.parametrize("name", REAL)
def test_an_answer_is_plainly_synthetic_and_has_its_length(name):
    for request in REAL[name]:
        found = answer(request)
        assert found.status in (200, 201)
        assert dict(found.headers)["content-length"] == str(len(found.body.data))
        text = found.body.data.decode()
        if name not in ("google-metadata-facts", "aws-imds-role"):
            assert any(mark in text for mark in SYNTHETIC), text


def test_what_a_request_holds_is_not_in_its_answer():
    request = form("https://acme.auth0.com/oauth/token", f"{CLIENT}&password=hunter2hunter2")

    assert b"hunter2" not in answer(request).body.data


@pytest.mark.parametrize(
    "request_",
    [
        # Ordinary calls to the same hosts.
        ask("GET", "https://oauth2.googleapis.com/tokeninfo?access_token=x"),
        form("https://oauth2.googleapis.com/revoke", "token=x"),
        ask("GET", "https://accounts.google.com/.well-known/openid-configuration"),
        ask(
            "POST",
            "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@p:signBlob",
        ),
        ask("GET", f"{METADATA}/instance/zone", GOOGLE),
        sts("GetCallerIdentity"),
        sts("DecodeAuthorizationMessage"),
        form("https://sts.amazonaws.com/", "Action=GetCallerIdentity&Note=Action=AssumeRole"),
        ask("GET", "http://169.254.169.254/latest/meta-data/placement/region"),
        ask("GET", "http://169.254.169.254/"),
        ask("GET", "http://169.254.170.2/v4/abc/task"),
        ask("GET", "https://login.microsoftonline.com/t/v2.0/.well-known/openid-configuration"),
        ask("GET", "http://169.254.169.254/metadata/instance?api-version=1", ("Metadata", "true")),
        ask("POST", "https://dbc-1.cloud.databricks.com/serving-endpoints/e/invocations"),
        ask("GET", "https://api.github.com/app/installations/42"),
        # Paths that an ordinary API may have.
        form("https://api.example.com/oauth/token", "name=x"),
        ask("POST", "https://api.example.com/oauth/token", body='{"name": "grant_type"}'),
        ask("POST", "https://api.example.com/oauth/token"),
        ask("GET", "https://api.example.com/oauth/token?grant_type=client_credentials"),
        form("https://api.example.com/v1/tokens"),
        form("https://api.example.com/v1/tokenize"),
        form("https://api.example.com/oauth/token/revoke"),
        form("https://api.example.com/oauth/token", "my_grant_type=x"),
        ask("GET", "https://api.example.com/msi/token"),
        ask("GET", "http://localhost:8000/metadata/identity/oauth2/token"),
        # Hosts that only look like it.
        sts("AssumeRole", "sts.amazonaws.com.example.com"),
        ask("POST", "https://evil-iam.cloud.ibm.com.example.com/identity/token"),
        ask("POST", "https://accounts.databricks.example.com/oidc/v1/token"),
    ],
    ids=lambda request: f"{request.method} {request.url.partition('//')[2]}",
)
def test_an_ordinary_call_is_no_exchange(request_):
    assert exchange_for(request_) is None


def _lies_ahead(moment: str) -> bool:
    return datetime.fromisoformat(moment).timestamp() == NOW + 3600


def _jwt_claims(token: object) -> dict[str, object]:
    head, body, signature = str(token).split(".")
    assert base64.urlsafe_b64decode(signature)  # some readers want it to be canonical
    assert base64.urlsafe_b64encode(base64.urlsafe_b64decode(signature)).decode() == signature
    assert "alg" in json.loads(base64.urlsafe_b64decode(head + "=="))
    claims: dict[str, object] = json.loads(base64.urlsafe_b64decode(body + "=="))
    return claims


@pytest.mark.parametrize("name", ["google-oauth", "google-sts", "databricks", "oauth", "ibm-iam"])
def test_an_oauth_token_is_valid_for_an_hour(name):
    for request in REAL[name]:
        found = fields(request)
        assert found["token_type"] == "Bearer"
        assert found["expires_in"] == 3600
        assert found["expiration"] == NOW + 3600
        assert "scope" not in found  # RFC 6749, 5.1: so all that was asked for was granted


def test_an_id_token_comes_where_one_is_asked_for():
    found = fields(form("https://oauth2.googleapis.com/token", JWT_BEARER))
    assert _jwt_claims(found["id_token"])["exp"] == NOW + 3600

    assert "id_token" not in fields(form("https://acme.auth0.com/oauth/token"))


def test_ibms_token_carries_its_own_lifetime():
    claims = _jwt_claims(fields(REAL["ibm-iam"][0])["access_token"])

    assert (claims["iat"], claims["exp"]) == (NOW, NOW + 3600)


def test_googles_tokens_lie_ahead():
    assert _lies_ahead(str(fields(REAL["google-iam"][0])["expireTime"]))
    assert _jwt_claims(fields(REAL["google-iam-id"][0])["token"])["exp"] == NOW + 3600
    assert fields(REAL["google-metadata"][0])["expires_in"] == 3600
    token = answer(REAL["google-metadata-id"][0]).body.data.decode()
    assert _jwt_claims(token)["exp"] == NOW + 3600


def test_the_metadata_server_of_google_is_known_by_its_header():
    for name in ("google-metadata", "google-metadata-id", "google-metadata-facts"):
        for request in REAL[name]:
            assert dict(answer(request).headers)["metadata-flavor"] == "Google"


def test_the_facts_of_a_service_account():
    _, account, project, universe = REAL["google-metadata-facts"]

    assert fields(account)["email"] == "onetake-synthetic@onetake.invalid"
    assert answer(project).body.data == b"onetake-synthetic"
    assert answer(universe).body.data == b"googleapis.com"


def test_azures_tokens_lie_ahead():
    for name in ("azure-ad", "azure-imds", "azure-app-service"):
        for request in REAL[name]:
            found = fields(request)
            assert found["expires_in"] == 3600
            assert found["expires_on"] == str(NOW + 3600)


def test_githubs_tokens_lie_ahead():
    app = fields(REAL["github-app"][0])
    assert answer(REAL["github-app"][0]).status == 201
    assert _lies_ahead(str(app["expires_at"]))
    assert fields(REAL["github-copilot"][0])["expires_at"] == NOW + 3600


@given(st.integers(min_value=0, max_value=253_402_214_400))
def test_times_are_written_as_the_standard_library_reads_them(now_s):
    found = json.loads(answer(REAL["google-iam"][0], now_s).body.data)

    there = datetime.strptime(found["expireTime"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert there.timestamp() == now_s + 3600


AWS = """
    import json, sys, boto3, onetake
    from botocore.utils import ContainerMetadataFetcher, InstanceMetadataFetcher

    def client(service):
        return boto3.client(service, region_name="eu-west-1", aws_access_key_id="AKIDEXAMPLE",
                            aws_secret_access_key="secret")

    role = {"RoleArn": "arn:aws:iam::123456789012:role/r", "RoleSessionName": "session"}
    provider = "arn:aws:iam::123456789012:saml-provider/p"
    asked = {
        "assume_role": role,
        "assume_role_with_web_identity": role | {"WebIdentityToken": "token"},
        "assume_role_with_saml": {"RoleArn": role["RoleArn"], "PrincipalArn": provider,
                                  "SAMLAssertion": "assertion"},
        "get_session_token": {},
        "get_federation_token": {"Name": "bob"},
    }
    found = {}
    with onetake.use_cassette("main", mode="replay") as cassette:
        for name, arguments in asked.items():
            answer = getattr(client("sts"), name)(**arguments)
            got = answer["Credentials"]
            found[name] = [got["AccessKeyId"], got["Expiration"].timestamp()]
            if name.startswith("assume_role"):
                assert answer["AssumedRoleUser"]["Arn"].startswith("arn:aws:sts:")
        got = InstanceMetadataFetcher().retrieve_iam_role_credentials()
        found["imds"] = [got["access_key"], got["expiry_time"]]
        got = ContainerMetadataFetcher().retrieve_uri("/v2/credentials/4e1d")
        found["container"] = [got["AccessKeyId"], got["Expiration"]]
        got = client("sso").get_role_credentials(
            roleName="r", accountId="123456789012", accessToken="t")["roleCredentials"]
        found["sso"] = [got["accessKeyId"], got["expiration"] / 1000]
        got = client("sso-oidc").create_token(
            clientId="c", clientSecret="s", grantType="refresh_token", refreshToken="r")
        found["sso-oidc"] = [got["accessToken"], got["expiresIn"]]
    print(json.dumps([found, cassette.verdict, sorted(cassette.counts)]))
"""


def test_boto3_reads_every_answer_of_aws_and_no_network_is_reached(project):
    home = {"HOME": str(project), "AWS_EC2_METADATA_DISABLED": "false"}
    before = time.time()

    found, verdict, counts = result(run_program(AWS, project, **home))

    assert (verdict, counts) == ("NO_TRAFFIC", ["local"])
    assert len(found) == 9
    for name, (credential, expires) in found.items():
        assert credential in SYNTHETIC, name
        if name == "sso-oidc":
            assert expires == 3600
            continue
        moment = (
            datetime.fromisoformat(expires).timestamp() if isinstance(expires, str) else expires
        )
        assert moment >= int(before) + 3600, name
    assert not (project / "cassettes").exists()


@given(st.text(), st.text(), st.binary(), st.sampled_from([*EXCHANGES, GENERIC_EXCHANGE]))
def test_no_request_makes_it_fail(method, url, body, exchange):
    for one in (method, "POST", "GET"):
        request = Request(method=one, url=url, body=body)
        found = exchange_for(request)
        assert found is None or isinstance(found, Exchange)
        assert synthetic_answer(exchange, request, NOW).status in (200, 201)

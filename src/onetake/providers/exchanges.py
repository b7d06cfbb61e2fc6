"""Exchanges of credentials: never stored, in replay answered with a token that is plainly synthetic.

Each answer has every field that the vendor's own client reads, and an expiry that lies ahead. Sources:
RFC 6749 (OAuth 2.0), RFC 8693 (token exchange), the STS and EC2 metadata references of AWS, the metadata
server of Google, the Microsoft identity platform.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from functools import lru_cache
from typing import Literal
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from onetake.messages import Body, Headers, Request, Response, read_url
from onetake.providers.hosts import HostTable

LIFETIME_S = 3600
_MOST_READ = 65_536  # of a body that may ask for a token
TOKEN = "onetake-synthetic-token"  # noqa: S105 - it opens nothing
ACCESS_KEY = "ASIAONETAKESYNTHETIC"
SYNTHETIC = (TOKEN, ACCESS_KEY)
"""What marks a synthetic credential wherever it goes."""


Form = Literal[
    "oauth",
    "ibm",
    "azure",
    "google-iam",
    "google-iam-id",
    "google-metadata",
    "google-metadata-id",
    "google-metadata-facts",
    "aws-sts",
    "aws-imds-token",
    "aws-imds-role",
    "aws-imds",
    "aws-sso",
    "aws-sso-oidc",
    "github-app",
    "github-copilot",
]


class Exchange(Struct, frozen=True, kw_only=True):
    """Requests of one kind: globs of hosts ("" is any), methods, an expression for the path.

    `answer` names its form. `says` must be found in the body or the query, `header` must be there, where
    they are set.
    """

    name: str
    hosts: tuple[str, ...] = ("",)
    methods: tuple[str, ...] = ("POST",)
    path: str
    answer: Form = "oauth"
    says: str = ""
    header: str = ""


_METADATA = ("metadata.google.internal", "metadata", "169.254.169.254")
_LOGIN = (
    *("login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn"),
    *("login.chinacloudapi.cn", "login.windows.net", "sts.windows.net", "login.microsoft.com"),
    *("*.b2clogin.com", "*.ciamlogin.com"),
)
_STS = (
    r"(?:^|&)Action=(?:AssumeRole|AssumeRoleWithWebIdentity|AssumeRoleWithSAML|AssumeRoot|"
    r"GetSessionToken|GetFederationToken)(?:&|$)"
)
# RFC 6749 wants it of every request for a token; JSON is what some servers take instead of a form.
_GRANT = r"(?:^|&)grant_type=|^\s*\{(?:.*,)?\s*\"grant_type\"\s*:"

EXCHANGES = (
    Exchange(
        name="google-oauth",
        hosts=("oauth2.googleapis.com", "oauth2.mtls.googleapis.com"),
        path=r"/token",
    ),
    Exchange(name="google-oauth", hosts=("accounts.google.com",), path=r"/o/oauth2/(?:v2/)?token"),
    Exchange(name="google-oauth", hosts=("www.googleapis.com",), path=r"/oauth2/v[34]/token"),
    Exchange(
        name="google-sts",
        hosts=("sts.googleapis.com", "sts.mtls.googleapis.com"),
        path=r"/v1/(?:oauth)?token",
    ),
    Exchange(
        name="google-iam",
        hosts=("iamcredentials.googleapis.com", "iamcredentials.mtls.googleapis.com"),
        path=r"/v1/projects/-/serviceAccounts/[^/]+:generateAccessToken",
        answer="google-iam",
    ),
    Exchange(
        name="google-iam-id",
        hosts=("iamcredentials.googleapis.com", "iamcredentials.mtls.googleapis.com"),
        path=r"/v1/projects/-/serviceAccounts/[^/]+:generateIdToken",
        answer="google-iam-id",
    ),
    Exchange(
        name="google-metadata",
        hosts=_METADATA,
        methods=("GET",),
        path=r"/computeMetadata/v1/instance/service-accounts/[^/]+/token",
        answer="google-metadata",
    ),
    Exchange(
        name="google-metadata-id",
        hosts=_METADATA,
        methods=("GET",),
        path=r"/computeMetadata/v1/instance/service-accounts/[^/]+/identity",
        answer="google-metadata-id",
    ),
    Exchange(
        name="google-metadata-facts",
        hosts=_METADATA,
        methods=("GET",),
        path=(
            r"/(?:computeMetadata/v1/(?:instance/service-accounts/.*|project/project-id|"
            r"universe/.*)?)?"
        ),
        answer="google-metadata-facts",
        header="metadata-flavor",
    ),
    Exchange(
        name="aws-sts",
        hosts=(
            *("sts.amazonaws.com", "sts.*.amazonaws.com", "sts-fips.*.amazonaws.com"),
            *("sts.*.amazonaws.com.cn", "sts.*.api.aws"),
        ),
        methods=("POST", "GET"),
        path=r"/",
        answer="aws-sts",
        says=_STS,
    ),
    Exchange(
        name="aws-imds-token",
        hosts=("169.254.169.254",),
        methods=("PUT",),
        path=r"/latest/api/token",
        answer="aws-imds-token",
    ),
    Exchange(
        name="aws-imds-role",
        hosts=("169.254.169.254",),
        methods=("GET",),
        path=r"/latest/meta-data/iam/security-credentials/?",
        answer="aws-imds-role",
    ),
    Exchange(
        name="aws-imds",
        hosts=("169.254.169.254",),
        methods=("GET",),
        path=r"/latest/meta-data/iam/security-credentials/[^/]+",
        answer="aws-imds",
    ),
    Exchange(
        name="aws-container",
        hosts=("169.254.170.2", "169.254.170.23"),
        methods=("GET",),
        path=r"/v\d/credentials(?:/[^/]+)?",
        answer="aws-imds",
    ),
    Exchange(
        name="aws-sso",
        hosts=("portal.sso.*.amazonaws.com",),
        methods=("GET",),
        path=r"/federation/credentials",
        answer="aws-sso",
    ),
    Exchange(
        name="aws-sso-oidc",
        hosts=("oidc.*.amazonaws.com",),
        path=r"/token",
        answer="aws-sso-oidc",
    ),
    Exchange(
        name="azure-ad",
        hosts=_LOGIN,
        path=r"(?:/[^/]+){1,2}/oauth2/(?:v2\.0/)?token",
        answer="azure",
    ),
    Exchange(
        name="azure-imds",
        hosts=("169.254.169.254", "localhost", "127.0.0.1"),
        methods=("GET",),
        path=r"/metadata/identity/oauth2/token",
        answer="azure",
        header="metadata",
    ),
    Exchange(
        name="azure-app-service",
        methods=("GET",),
        path=r"/(?:msi|MSI)/token/?",
        answer="azure",
        header="x-identity-header",
    ),
    Exchange(
        name="ibm-iam",
        hosts=("iam.cloud.ibm.com", "*.iam.cloud.ibm.com"),
        path=r"/identity/token",
        answer="ibm",
    ),
    Exchange(
        name="databricks",
        hosts=("*.cloud.databricks.com", "*.gcp.databricks.com", "*.azuredatabricks.net"),
        path=r"(?:/.*)?/oidc/(?:.*/)?v1/token",
    ),
    Exchange(
        name="github-app",
        hosts=("api.github.com",),
        path=r"/app/installations/\d+/access_tokens",
        answer="github-app",
    ),
    Exchange(
        name="github-copilot",
        hosts=("api.github.com",),
        methods=("GET",),
        path=r"/copilot_internal/v2/token",
        answer="github-copilot",
    ),
    Exchange(
        name="oauth",
        path=r"(?:/.*)?/(?:token|access_token|oauth_token|token-request|token\.oauth2)/?",
        says=_GRANT,
    ),
)
GENERIC_EXCHANGE = Exchange(name="credential-exchange", path=".*")
"""What a rule with `class = "credential-exchange"` answers to a request of no known kind."""

_TABLE = HostTable((one.hosts, one) for one in EXCHANGES)


def exchange_for(request: Request) -> Exchange | None:
    """The exchange that `request` is. Never raises."""
    for found in exchange_at(request.method.upper(), request.url):
        if found.header and found.header not in request.headers:
            continue
        if not found.says or _says(found.says, request):
            return found
    return None


def _says(expression: str, request: Request) -> bool:
    head = request.body[:_MOST_READ].decode("latin-1")
    texts = (head, read_url(request.url).query)
    return any(re.search(expression, text, re.DOTALL) for text in texts)


@lru_cache(maxsize=1024)
def exchange_at(method: str, url: str) -> tuple[Exchange, ...]:
    """Return the exchanges that a request of this method (in upper case) and URL may be."""
    place = read_url(url)
    host, path = place.host, place.path
    return tuple(
        one
        for one in _TABLE.at(host)
        if method in one.methods and re.fullmatch(one.path, path)  # compiled where it may fit
    )


def synthetic_answer(
    exchange: Exchange, request: Request, now_s: int, said: object = None
) -> Response:
    """Return the answer of `exchange` at `now_s` (UTC seconds). It is valid for an hour, and opens nothing.

    `said` is the body of `request` as a plain value.
    """
    status, content_type, data = 200, "application/json", b""
    headers: list[tuple[str, str]] = []
    iso = _iso(now_s + LIFETIME_S)
    keys = {
        "AccessKeyId": ACCESS_KEY,
        "SecretAccessKey": TOKEN,
        "Token": TOKEN,
        "Expiration": iso,
    }
    match exchange.answer:
        case "google-iam":
            data = msgspec.json.encode({"accessToken": TOKEN, "expireTime": iso})
        case "google-iam-id":
            data = msgspec.json.encode({"token": _jwt(now_s)})
        case "google-metadata":
            data = msgspec.json.encode(
                {"access_token": TOKEN, "expires_in": LIFETIME_S, "token_type": "Bearer"}
            )
        case "google-metadata-id":
            content_type, data = "text/html", _jwt(now_s).encode()
        case "google-metadata-facts":
            content_type, data = _metadata_fact(request)
        case "aws-sts":
            content_type, data = "text/xml", _sts(request, said, iso)
        case "aws-imds-token":
            content_type, data = "text/plain", TOKEN.encode()
            headers.append(("x-aws-ec2-metadata-token-ttl-seconds", "21600"))
        case "aws-imds-role":
            content_type, data = "text/plain", b"onetake-synthetic-role"
        case "aws-imds":
            facts = {"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": _iso(now_s), **keys}
            data = msgspec.json.encode(facts)
        case "aws-sso":
            role = {
                "accessKeyId": ACCESS_KEY,
                "secretAccessKey": TOKEN,
                "sessionToken": TOKEN,
                "expiration": (now_s + LIFETIME_S) * 1000,
            }
            data = msgspec.json.encode({"roleCredentials": role})
        case "aws-sso-oidc":
            data = msgspec.json.encode(
                {
                    "accessToken": TOKEN,
                    "expiresIn": LIFETIME_S,
                    "tokenType": "Bearer",
                    "refreshToken": TOKEN,
                }
            )
        case "azure":
            data = msgspec.json.encode(_azure(now_s))
        case "github-app":
            status = 201
            data = msgspec.json.encode({"token": TOKEN, "expires_at": iso, "permissions": {}})
        case "github-copilot":
            data = msgspec.json.encode(
                {
                    "token": TOKEN,
                    "expires_at": now_s + LIFETIME_S,
                    "refresh_in": LIFETIME_S // 2,
                    "endpoints": {"api": "https://api.githubcopilot.com"},
                }
            )
        case "ibm":
            # IBM's clients read the lifetime in the token itself.
            data = msgspec.json.encode({**_oauth(now_s, request), "access_token": _jwt(now_s)})
        case "oauth":
            data = msgspec.json.encode(_oauth(now_s, request))
    if exchange.answer.startswith("google-metadata"):
        headers.append(("metadata-flavor", "Google"))
    lines = [("content-type", content_type), *headers, ("content-length", str(len(data)))]
    return Response(status=status, headers=Headers(tuple(lines)), body=Body(data=data))


def _oauth(now_s: int, request: Request) -> dict[str, object]:
    """RFC 6749 and 8693. No `scope`: that says that every one asked for was granted."""
    found: dict[str, object] = {
        "access_token": TOKEN,
        "token_type": "Bearer",
        "expires_in": LIFETIME_S,
        "expires_at": now_s + LIFETIME_S,
        "expiration": now_s + LIFETIME_S,
        "refresh_token": TOKEN,
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
    }
    if (
        b"id_token" in request.body
        or b"target_audience" in request.body
        or b"jwt-bearer" in request.body
    ):
        found["id_token"] = _jwt(now_s)
    return found


def _azure(now_s: int) -> dict[str, object]:
    return {
        "access_token": TOKEN,
        "token_type": "Bearer",
        "expires_in": LIFETIME_S,
        "ext_expires_in": LIFETIME_S,
        "expires_on": str(now_s + LIFETIME_S),
        "not_before": str(now_s - 60),
        "resource": "",
        "client_id": "",
    }


def _jwt(now_s: int) -> str:
    """An unsigned token whose third part, of 24 letters as base64 wants them, says what it is."""
    claims = {
        "iss": "https://onetake.invalid",
        "aud": "onetake",
        "sub": "onetake-synthetic",
        "iat": now_s,
        "exp": now_s + LIFETIME_S,
    }
    pieces = (msgspec.json.encode({"alg": "none", "typ": "JWT"}), msgspec.json.encode(claims))
    return ".".join(
        [*(urlsafe_b64encode(one).rstrip(b"=").decode() for one in pieces), f"{TOKEN}-"]
    )


def _metadata_fact(request: Request) -> tuple[str, bytes]:
    url = read_url(request.url)
    path, query = url.path, url.query
    if path.endswith("/project-id"):
        return "application/text", b"onetake-synthetic"
    if path.endswith("/email"):
        return "application/text", b"onetake-synthetic@onetake.invalid"
    if path.endswith("/universe-domain"):
        return "application/text", b"googleapis.com"
    if path.endswith("/scopes"):
        return "application/text", b"https://www.googleapis.com/auth/cloud-platform"
    if "recursive=true" in query.lower():
        account = {
            "aliases": ["default"],
            "email": "onetake-synthetic@onetake.invalid",
            "scopes": ["https://www.googleapis.com/auth/cloud-platform"],
        }
        return "application/json", msgspec.json.encode(account)
    return "application/text", b"computeMetadata/\n"


def _sts(request: Request, said: object, expiration: str) -> bytes:
    query = dict(parse_qsl(read_url(request.url).query))
    fields = {**query, **said} if isinstance(said, dict) else query
    action = str(fields.get("Action", "AssumeRole"))
    action = action if action.isalnum() else "AssumeRole"
    credentials = (
        f"<Credentials><AccessKeyId>{ACCESS_KEY}</AccessKeyId>"
        f"<SecretAccessKey>{TOKEN}</SecretAccessKey><SessionToken>{TOKEN}</SessionToken>"
        f"<Expiration>{expiration}</Expiration></Credentials>"
    )
    user = (
        "<AssumedRoleUser><AssumedRoleId>AROAONETAKESYNTHETIC:onetake</AssumedRoleId>"
        "<Arn>arn:aws:sts::000000000000:assumed-role/onetake/onetake</Arn></AssumedRoleUser>"
    )
    return (
        f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>'
        f"{credentials}{user if action.startswith('AssumeRole') else ''}</{action}Result>"
        "<ResponseMetadata><RequestId>onetake-synthetic</RequestId></ResponseMetadata>"
        f"</{action}Response>"
    ).encode()


def _iso(moment_s: int) -> str:
    """ISO 8601 in UTC. Civil date from days: the inverse of what `matching.volatile` computes."""
    days, second = divmod(moment_s, 86_400)
    days += 719_468
    era, of_era = divmod(days, 146_097)
    year_of_era = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * of_year + 2) // 153
    day = of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    year = year_of_era + era * 400 + (month <= 2)
    hour, rest = divmod(second, 3600)
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{rest // 60:02}:{rest % 60:02}Z"

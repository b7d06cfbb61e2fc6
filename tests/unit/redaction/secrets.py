"""Secrets in every place in which one was once written in clear: requests and answers, and what is in them."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from urllib.parse import quote

from msgspec import Struct

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
TEXT = "text/plain"
OPAQUE = "Zq7XWv9kk2inRt5yUu8ii3bN"
HEX64 = "9f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c5b4a39281706f5e4d3c2b1a0"
ACCOUNT_KEY = base64.b64encode(bytes(range(3, 67))).decode()


class Case(Struct, frozen=True):
    """`secret` stands in a body of this type, in a header line, or in the URL."""

    name: str
    secret: str
    content_type: str = JSON
    body: bytes = b""
    header: tuple[str, str] | None = None
    url: str = "https://api.test/p"
    encoding: str = ""
    answers_only: bool = False


def _json(name: str, value: object, secret: str = OPAQUE, **other: object) -> Case:
    return Case(name, secret, JSON, json.dumps(value).encode(), **other)  # type: ignore[arg-type]


def _upload(head: str, content: bytes) -> bytes:
    return b"--x\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n--x--\r\n"


UPLOAD = "multipart/form-data; boundary=x"
INNER = json.dumps({"client_secret": OPAQUE, "a": 1})

BODIES = [
    Case("form in a text body", OPAQUE, TEXT, f"a=1&client_secret={OPAQUE}".encode()),
    Case("form without a type", OPAQUE, "", f"client_secret={OPAQUE}&a=1".encode()),
    Case("form", "hunter two", FORM, b"user=bob&password=hunter+two"),
    Case("JSON in UTF-16", OPAQUE, JSON, INNER.encode("utf-16")),
    Case("JSON in UTF-16 without a mark", OPAQUE, JSON, INNER.encode("utf-16-le")),
    Case("JSON behind a mark", OPAQUE, JSON, b"\xef\xbb\xbf" + INNER.encode()),
    Case(
        "XML attribute",
        OPAQUE,
        "text/xml",
        f'<a><login user="b" password="{OPAQUE}"/></a>'.encode(),
    ),
    Case("XML element", "two words", "text/xml", b"<a><Password>two words</Password></a>"),
    Case(
        "XML data", OPAQUE, "text/xml", f"<a><Password><![CDATA[{OPAQUE}]]></Password></a>".encode()
    ),
    Case(
        "GraphQL",
        OPAQUE,
        "application/graphql",
        f'mutation {{ login(user: "bob", password: "{OPAQUE}") {{ id }} }}'.encode(),
    ),
    _json("GraphQL in JSON", {"query": f'mutation {{ login(password: "{OPAQUE}") {{ id }} }}'}),
    _json(
        "variables of GraphQL",
        {"query": "mutation m {}", "variables": {"password": "pw 1"}},
        "pw 1",
    ),
    Case("YAML", OPAQUE, "application/yaml", f"user: bob\npassword: {OPAQUE}\n".encode()),
    Case("YAML without a type", "two words", "", b"- user: bob\n  password: two words\n  a: 1\n"),
    Case("quoted YAML", "two words", TEXT, b'user: bob\npassword: "two words" # mine\n'),
    Case("settings", OPAQUE, TEXT, f"[db]\nuser=bob\nclient_secret={OPAQUE}\n".encode()),
    _json("JSON in JSON", {"body": INNER}),
    _json("JSON in JSON in JSON", {"body": json.dumps({"body": INNER})}),
    _json("form in JSON", {"body": f"a=1&client_secret={OPAQUE}"}),
    Case("JSON in a form", OPAQUE, FORM, f"a=1&payload={quote(INNER)}".encode()),
    Case("JSON lines", OPAQUE, "application/x-ndjson", b'{"a":1}\n' + INNER.encode() + b"\n"),
    Case(
        "event stream",
        OPAQUE,
        "text/event-stream",
        b"data: " + INNER.encode() + b"\n\n",
        answers_only=True,
    ),
    Case(
        "field of an upload",
        "a b",
        UPLOAD,
        _upload('Content-Disposition: form-data; name="passphrase"', b"a b"),
    ),
    Case(
        "JSON in an upload",
        OPAQUE,
        UPLOAD,
        _upload('Content-Disposition: form-data; name="m"', INNER.encode()),
    ),
    Case(
        "upload in an upload",
        OPAQUE,
        "multipart/mixed; boundary=o",
        b"--o\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
        + _upload("Content-Type: application/json", INNER.encode())
        + b"\r\n--o--\r\n",
    ),
    Case(
        "request in a batch",
        OPAQUE,
        "multipart/mixed; boundary=o",
        b"--o\r\nContent-Type: application/http\r\n\r\nPOST /v1/x HTTP/1.1\r\nAuthorization: Bearer "
        + OPAQUE.encode()
        + b"\r\nContent-Type: application/json\r\n\r\n{}\r\n--o--\r\n",
    ),
    Case("gzip", OPAQUE, JSON, gzip.compress(INNER.encode()), encoding="gzip"),
    Case("deflate", OPAQUE, JSON, zlib.compress(INNER.encode()), encoding="deflate"),
    _json("short password", {"password": "hi7"}, '"hi7"'),
    _json("pass phrase", {"passphrase": "correct horse battery staple"}, "correct horse"),
    _json("PIN", {"pin": "0742"}, "0742"),
    _json("PIN as a number", {"pin": 8742}, "8742"),
    _json("client secret with spaces", {"client_secret": "my own secret"}, "my own secret"),
    _json("list of passwords", {"password": ["one two", "x"]}, "one two"),
    _json(
        "presigned",
        {"url": f"https://b.s3.test/k?X-Amz-Date=1&X-Amz-Signature={HEX64}"},
        HEX64,
        answers_only=True,
    ),
    _json(
        "presigned as Go writes it",
        {"url": f"https://b/k?a=1\\u0026sig={OPAQUE}%3D"},
        OPAQUE,
        answers_only=True,
    ),
    _json(
        "shared access",
        {"url": f"https://a.blob.test/c?sv=1&se=2&sig={OPAQUE}%2B1"},
        OPAQUE,
        answers_only=True,
    ),
    _json(
        "signed by Google",
        {"u": f"https://g.test/o?X-Goog-Signature={HEX64}{HEX64}"},
        HEX64,
        answers_only=True,
    ),
    Case("revoked", "q8Zk3mmPw7", FORM, b"token=q8Zk3mmPw7&token_type_hint=refresh_token"),
    Case("code of a grant", "4/0AX4 x", FORM, b"grant_type=authorization_code&code=4%2F0AX4+x"),
    _json(
        "code of a grant in JSON",
        {"grant_type": "authorization_code", "code": "4/0AX4x"},
        "4/0AX4x",
    ),
    _json("token of a login", {"token": OPAQUE, "user": "bob"}),
    _json("SecretString", {"Name": "n", "SecretString": "a b c"}, "a b c"),
    _json(
        "JSON as SecretString",
        {"SecretString": json.dumps({"user": "bob", "host": "db 1"})},
        "db 1",
    ),
    _json("SSM", {"Parameter": {"Name": "/n", "Type": "SecureString", "Value": "a b"}}, "a b"),
    _json(
        "account key",
        {
            "c": f"DefaultEndpointsProtocol=https;AccountName=n;AccountKey={ACCOUNT_KEY};EndpointSuffix=core"
        },
        ACCOUNT_KEY,
    ),
    Case(
        "password of a connection",
        "s3cr3t!x",
        TEXT,
        b"use Server=db;User Id=sa;Password=s3cr3t!x;Encrypt=yes now",
    ),
    Case(
        "JSON in Latin-1",
        OPAQUE,
        JSON,
        f'{{"who": "Jos\xe9", "password": "{OPAQUE}"}}'.encode("latin-1"),
    ),
    Case("JSON behind a guard", OPAQUE, JSON, b")]}',\n" + INNER.encode()),
    Case("JSON in a call", OPAQUE, "text/javascript", b"cb(" + INNER.encode() + b");"),
    Case(
        "block of YAML",
        "two words",
        "application/yaml",
        b"a: 1\npassword: |\n  two words\n  more\nb: 2\n",
    ),
    Case(
        "flow of YAML",
        OPAQUE,
        "application/yaml",
        f"db: {{user: bob, password: {OPAQUE}}}\n".encode(),
    ),
    Case("property of Java", OPAQUE, TEXT, f"spring.datasource.password={OPAQUE}\na=1\n".encode()),
    Case("variable of a shell", OPAQUE, TEXT, f'run: export DB_PASSWORD="{OPAQUE}" && go'.encode()),
    Case(
        "connection of libpq",
        "s3cr3t!x",
        TEXT,
        b"psql 'host=db user=app password=s3cr3t!x dbname=d'",
    ),
    _json("address of JDBC", {"u": "jdbc:postgresql://h/d?user=app&password=s3cr3t!x"}, "s3cr3t!x"),
    Case(
        "basic credentials in a text",
        "Ym9iOmh1bnRlcjI=",
        TEXT,
        b"curl -H 'Authorization: Basic Ym9iOmh1bnRlcjI=' x",
    ),
    _json(
        "variable of a container",
        {"env": [{"name": "DB_PASSWORD", "value": "two words"}]},
        "two words",
    ),
    _json(
        "variable behind its value",
        {"env": [{"value": "two words", "name": "API_SECRET_KEY"}]},
        "two words",
    ),
    Case(
        "setting of .NET",
        OPAQUE,
        "text/xml",
        f'<s><add key="Password" value="{OPAQUE}"/></s>'.encode(),
    ),
    Case(
        "block of GraphQL",
        "two words",
        "application/graphql",
        b'mutation { login(password: """two words""") { id } }',
    ),
    _json("password of a path", {"prod/db/password": "two words"}, "two words"),
    _json("setting of a section", {"Smtp:Password": "two words"}, "two words"),
    _json("parameter by its path", {"Name": "/db/password", "Value": "two words"}, "two words"),
    _json("password of a database", {"mysql_root_password": "two words"}, "two words"),
    _json("one-time password", {"otp": "778 12"}, "778 12"),
    _json("card", {"number": "x", "cvc": "737"}, "737"),
    _json(
        "shared access key",
        {"c": f"Endpoint=sb://n/;SharedAccessKey={ACCOUNT_KEY[:43]}="},
        ACCOUNT_KEY[:43],
    ),
]

HEADERS = [
    Case("key of a maker", OPAQUE, header=("X-Acme-Key", OPAQUE)),
    Case("token of a maker", OPAQUE, header=("Acme-Token", OPAQUE)),
    Case("refresh token", "r-1", header=("Refresh-Token", "r-1")),
    Case(
        "protocols",
        "ek7secret",
        header=(
            "Sec-WebSocket-Protocol",
            "realtime, openai-insecure-api-key.ek7secret, openai-beta.v1",
        ),
    ),
    Case("original URL", "k-1", header=("X-Original-URL", "/v1/x?api_key=k-1&a=b")),
    Case(
        "negotiation",
        "YIIJvwYGKwYBBQUCoIIJszCC",
        header=("WWW-Authenticate", "Negotiate YIIJvwYGKwYBBQUCoIIJszCC"),
    ),
    Case(
        "redirect with a code", "abcd", header=("Location", "https://app.test/cb?code=abcd&state=1")
    ),
]

URLS = [
    Case("session in a path", "8D7F3A", url="https://api.test/a;jsessionid=8D7F3A-long/b?x=1"),
    Case(
        "bot in a path",
        "AAF-x",
        url="https://api.test/bot1234567890:AAF-xYz0123456789abcdefghijklmnopqr/getMe",
    ),
    Case("session in a query", "8f3a91bc77", url="https://api.test/a?sid=8f3a91bc77"),
    Case("signature", HEX64, url=f"https://b.test/k?X-Amz-Signature={HEX64}&a=1"),
]


def _random(
    size: int, alphabet: str = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
) -> str:
    state, made = 12_345, []
    for _ in range(size):
        state = (state * 1_103_515_245 + 12_345) % (1 << 31)
        made.append(alphabet[(state >> 12) % len(alphabet)])
    return "".join(made)


_HEX = "0123456789abcdef"
_CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

KEYS = {
    "fireworks-key": "fw_" + _random(24),
    "voyage-key": "pa-" + _random(21) + "-" + _random(21),
    "elevenlabs-key": "sk_" + _random(48, _HEX),
    "deepgram-key": "Token " + _random(40, _HEX),
    "telegram-token": "1234567890:AA" + _random(33),
    "discord-webhook": "https://discord.com/api/webhooks/1234567890123456789/" + _random(68),
    "linear-key": "lin_api_" + _random(40),
    "notion-key": "ntn_123456789" + _random(37),
    "notion-key ": "secret_" + _random(43),
    "mailgun-key": "key-" + _random(32, _HEX),
    "twilio-key": "SK" + _random(32, _HEX),
    "figma-token": "figd_" + _random(20) + "-" + _random(20),
    "vault-token": "hvs." + _random(90),
    "vault-token ": "s." + _random(24),
    "age-key": "AGE-SECRET-KEY-1" + _random(58, _CAPITALS),
}

"""Names of fields, pairs and parts whose values are secrets, as data.

A name is compared whole, without case and separators, so `api-key`, `api_key` and `ApiKey` are one name.
A name that ends as a secret's does is one too (`mysql_root_password`, `spring.datasource.password`), unless it
says that the value is public. There are three sorts, by what a value must look like:

- `password` and its like hold a secret whatever stands there: a PIN is short, a pass phrase has spaces
- `access_token` and its like hold one where the value is 8 characters or longer and has no white space
- `token`, `key` and `secret` name other things as often: there a value has to look random

Sources: RFC 6749, 7009, 7523, 7636, 7662 and 8693 (OAuth), OpenID Connect, AWS Signature Version 4, Secrets
Manager, Systems Manager and Cognito, Google Cloud signing, Azure Storage, and the references of the providers.
"""

from __future__ import annotations

import re
from functools import lru_cache

_WHATEVER = (
    "api_secret",
    "app_secret",
    "aws_secret_access_key",
    "client_secret",
    "card_cvc",
    "card_cvv",
    "connection_string",
    "consumer_secret",
    "cvc",
    "cvv",
    "device_secret",
    "oauth_token_secret",
    "one_time_password",
    "otp",
    "otp_code",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "password_confirm",
    "password_confirmation",
    "pin",
    "private_key",
    "pwd",
    "secret_access_key",
    "secret_key",
    "secret_string",
    "signing_secret",
    "totp_secret",
    "webhook_secret",
)
_TOKENS = (
    "private_token",
    "personal_access_token",
    "access_key",
    "access_token",
    "account_key",
    "actor_token",
    "api_key",
    "api_token",
    "app_key",
    "app_token",
    "assertion",
    "auth_token",
    "aws_session_token",
    "bearer_token",
    "bot_token",
    "client_assertion",
    "code_verifier",
    "csrf_token",
    "encryption_key",
    "id_token",
    "jsessionid",
    "jwt",
    "license_key",
    "master_key",
    "oauth_token",
    "phpsessid",
    "refresh_token",
    "sas_token",
    "secret_binary",
    "security_token",
    "service_role_key",
    "session_token",
    "shared_access_key",
    "signing_key",
    "subject_token",
    "user_token",
)
_ENDINGS = {
    "password": "password",
    "passwd": "password",
    "passphrase": "passphrase",
    "clientsecret": "client_secret",
    "webhooksecret": "webhook_secret",
    "signingsecret": "signing_secret",
    "secretkey": "secret_key",
    "secretaccesskey": "secret_access_key",
    "privatekey": "private_key",
    "connectionstring": "connection_string",
    "accesstoken": "access_token",
    "authtoken": "auth_token",
    "refreshtoken": "refresh_token",
    "sessiontoken": "session_token",
    "apikey": "api_key",
    "apitoken": "api_token",
    "encryptionkey": "encryption_key",
    "accountkey": "account_key",
}
_PUBLIC = ("public", "publishable")
_RANDOM = ("key", "secret", "token")
_QUERY_ONLY = (
    "auth",
    "aws_access_key_id",
    "credential",
    "google_access_id",
    "oss_access_key_id",
    "session",
    "sid",
    "sig",
    "signature",
    "subscription_key",
    "x_amz_credential",
    "x_amz_security_token",
    "x_amz_signature",
    "x_goog_credential",
    "x_goog_signature",
)
_LONGEST = 64

NAMES = frozenset({*_WHATEVER, *_TOKENS, *_RANDOM, *_QUERY_ONLY})
"""Every name; each is the kind of the secrets that stand under it."""

EXEMPT = frozenset({"messages", "input", "tools", "choices", "logprobs"})
"""Below these fields stand prompts and answers; nothing is a secret there by its name."""


def _plain(name: str) -> str:
    """Return `name` for comparing. Of `user[password]`, `user.password` and paths the last part counts."""
    if name.endswith("]"):
        name = name.removesuffix("[]").rpartition("[")[2].removesuffix("]")
    name = re.split("[./:]", name)[-1]
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


_FIELDS = {_plain(name): name for name in (*_WHATEVER, *_TOKENS)}
_FREE = frozenset(_WHATEVER)
_GUARDED = {_plain(name): name for name in _RANDOM}
_QUERY = {_plain(name): name for name in NAMES}


@lru_cache(maxsize=1024)
def field_kind(name: str) -> str | None:
    """Return the kind of secret that a field of this name holds, None where the name says nothing alone."""
    return _kind(_FIELDS, name)


def _kind(kinds: dict[str, str], name: str) -> str | None:
    """Return what `kinds` says of a name, or the kind of secret that it ends as."""
    if len(name) > _LONGEST:
        return None
    plain = _plain(name)
    kind = kinds.get(plain)
    if kind is not None or any(word in plain for word in _PUBLIC):
        return kind
    return next((kind for ending, kind in _ENDINGS.items() if plain.endswith(ending)), None)


@lru_cache(maxsize=1024)
def guarded_kind(name: str) -> str | None:
    """Return the kind of secret that a field of this name holds where its value looks random."""
    return _GUARDED.get(_plain(name)) if len(name) <= _LONGEST else None


@lru_cache(maxsize=1024)
def query_kind(name: str) -> str | None:
    """Return the kind of secret that a query's pair of this name holds."""
    return _kind(_QUERY, name)


def is_secret_whatever(kind: str) -> bool:
    """Return whether every value under a name of this kind is a secret, however short."""
    return kind in _FREE

"""Names of fields, pairs and parts whose values are secrets, as data.

A name is compared whole, without case and separators, so `api-key`, `api_key` and `ApiKey` are one name.
There are three sorts, by what a value must look like:

- `password` and its like hold a secret whatever stands there: a PIN is short, a pass phrase has spaces
- `access_token` and its like hold one where the value is 8 characters or longer and has no white space
- `token`, `key` and `secret` name other things as often: there a value has to look random

Sources: RFC 6749, 7009, 7523, 7636, 7662 and 8693 (OAuth), OpenID Connect, AWS Signature Version 4, Secrets
Manager, Systems Manager and Cognito, Google Cloud signing, Azure Storage, and the references of the providers.
"""

from __future__ import annotations

from functools import lru_cache

_WHATEVER = (
    "account_password",
    "admin_password",
    "api_secret",
    "app_secret",
    "aws_secret_access_key",
    "client_secret",
    "confirm_password",
    "consumer_secret",
    "current_password",
    "database_password",
    "db_password",
    "device_secret",
    "master_password",
    "master_user_password",
    "new_password",
    "oauth_token_secret",
    "old_password",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "password_confirm",
    "password_confirmation",
    "pin",
    "previous_password",
    "private_key",
    "proposed_password",
    "pwd",
    "root_password",
    "secret_access_key",
    "secret_key",
    "secret_string",
    "signing_secret",
    "smtp_password",
    "temporary_password",
    "totp_secret",
    "user_password",
    "webhook_secret",
)
_TOKENS = (
    "private_token",
    "personal_access_token",
    "access_token",
    "account_key",
    "actor_token",
    "api_key",
    "api_token",
    "app_token",
    "assertion",
    "auth_token",
    "aws_session_token",
    "bearer_token",
    "bot_token",
    "client_assertion",
    "code_verifier",
    "encryption_key",
    "id_token",
    "jsessionid",
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
_RANDOM = ("key", "secret", "token")
_QUERY_ONLY = (
    "aws_access_key_id",
    "credential",
    "google_access_id",
    "oss_access_key_id",
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
    """Return `name` for comparing. Of `user[password]`, as forms write nested fields, the last part counts."""
    if name.endswith("]"):
        name = name.removesuffix("[]").rpartition("[")[2].removesuffix("]")
    return name.lower().replace("_", "").replace("-", "")


_FIELDS = {_plain(name): name for name in (*_WHATEVER, *_TOKENS)}
_FREE = frozenset(_WHATEVER)
_GUARDED = {_plain(name): name for name in _RANDOM}
_QUERY = {_plain(name): name for name in NAMES}


@lru_cache(maxsize=1024)
def field_kind(name: str) -> str | None:
    """Return the kind of secret that a field of this name holds, None where the name says nothing alone."""
    return _FIELDS.get(_plain(name)) if len(name) <= _LONGEST else None


@lru_cache(maxsize=1024)
def guarded_kind(name: str) -> str | None:
    """Return the kind of secret that a field of this name holds where its value looks random."""
    return _GUARDED.get(_plain(name)) if len(name) <= _LONGEST else None


@lru_cache(maxsize=1024)
def query_kind(name: str) -> str | None:
    """Return the kind of secret that a query's pair of this name holds."""
    return _QUERY.get(_plain(name)) if len(name) <= _LONGEST else None


def is_secret_whatever(kind: str) -> bool:
    """Return whether every value under a name of this kind is a secret, however short."""
    return kind in _FREE

"""The closed lists of names whose values are secret, and what a value must look like.

Names are compared whole, without case and separators, so `api-key`, `api_key` and `ApiKey` are one.
"""

from __future__ import annotations

import re
from functools import lru_cache

_FIELDS = (
    "access_token",
    "actor_token",
    "api_key",
    "api_secret",
    "api_token",
    "app_secret",
    "assertion",
    "auth_token",
    "aws_secret_access_key",
    "aws_session_token",
    "bearer_token",
    "client_assertion",
    "client_secret",
    "code_verifier",
    "device_secret",
    "id_token",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "refresh_token",
    "secret_access_key",
    "secret_key",
    "security_token",
    "session_token",
    "signing_key",
    "signing_secret",
    "subject_token",
    "webhook_secret",
)
_QUERY_ONLY = (
    "aws_access_key_id",
    "google_access_id",
    "oss_access_key_id",
    "credential",
    "key",
    "secret",
    "sig",
    "signature",
    "subscription_key",
    "token",
    "x_amz_credential",
    "x_amz_security_token",
    "x_amz_signature",
    "x_goog_credential",
    "x_goog_signature",
)
# Cheap first question: no name of `_FIELDS` is without one of these.
FRAGMENTS = (b"token", b"secret", b"pass", b"key", b"assertion", b"verifier")

EXEMPT = frozenset({"messages", "input", "tools", "choices", "logprobs"})
"""Below these fields stand prompts and answers; nothing is redacted there by name."""


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


_FIELD_KINDS = {_plain(name): name for name in _FIELDS}
_QUERY_KINDS = {_plain(name): name for name in (*_FIELDS, *_QUERY_ONLY)}
_LONGEST = 64

KINDS = frozenset(
    {*_FIELDS, *_QUERY_ONLY, "cookie", "userinfo", "token", "secret", "api_key", "rule"}
)
"""What stands in a placeholder of a secret that was found by name."""


@lru_cache(maxsize=1024)
def field_kind(name: str) -> str | None:
    """The kind of secret that a body's field of this name holds, if any."""
    return _FIELD_KINDS.get(_plain(name)) if len(name) <= _LONGEST else None


def query_kind(name: str) -> str | None:
    """The same for a query's pair."""
    return _QUERY_KINDS.get(_plain(name)) if len(name) <= _LONGEST else None


def is_secret_value(text: str) -> bool:
    """Whether a field's value may be a secret: long enough, without white space, or a PEM key."""
    if text.startswith("-----BEGIN"):
        return True
    return len(text) >= 8 and not any(c.isspace() for c in text)


_WORDS = re.compile(r"[A-Za-z]?[a-z]*|[A-Z]+|(?:[A-Z][a-z]+)+|[a-z]+(?:[A-Z][a-z]+)+|\d{0,7}")
_LONG = 20


def is_worth_remembering(text: str) -> bool:
    """Whether a secret value is distinct enough to be looked for elsewhere: no word, no number."""
    if len(text) < 8 or text.startswith("-----BEGIN") or not any(c.isalpha() for c in text):
        return False
    if text.isalpha():
        return len(text) >= _LONG or not _WORDS.fullmatch(text)
    if len(text) >= _LONG:
        return True
    return not all(map(_WORDS.fullmatch, re.split(r"[-_./: ]", text)))

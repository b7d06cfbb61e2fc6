"""The table of secrets that have a shape: keys that their makers marked, tokens, passwords in addresses.

What is found by an expression must then look like what it claims: be long enough, and mix letters and digits
as no name of a file or a class does.

Sources: the formats that GitHub's and GitLab's secret scanning and gitleaks publish, and the makers'
documentation.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from functools import cache
from typing import TypeAlias

from msgspec import Struct

Check: TypeAlias = Callable[[bytes], bool]
"""Says of what has matched, but for its prefix, whether it may be a secret."""

_RUN = r"[A-Za-z]?[a-z]*\d{0,3}|[A-Z]+\d{0,3}|(?:[A-Z][a-z]+)+\d{0,3}|\d+"


@cache
def _regular() -> re.Pattern[bytes]:
    return re.compile(_RUN.encode())


@cache
def _between() -> re.Pattern[bytes]:
    return re.compile(rb"[-_.]")


def _mixed(text: bytes) -> bool:
    """Return whether `text` is more than words and numbers joined by hyphens: some run is random."""
    if len(set(text)) < 8 or not any(0x30 <= c <= 0x39 for c in text):
        return False
    runs = _between().split(text)
    return any(len(run) >= 6 and not _regular().fullmatch(run) for run in runs) or any(
        len(run) >= 8 and run.isdigit() for run in runs
    )


def _varied(text: bytes) -> bool:
    """Return whether `text` is a long run of letters that may have no digit, yet is no word."""
    return len(set(text)) >= 8 and _regular().fullmatch(text) is None


def is_random(text: bytes) -> bool:
    """Return whether a run of 10 characters or more in `text` mixes small and capital letters and digits."""
    return any(
        len(run) >= 10
        and not run.isdigit()
        and run.upper() != run
        and run.lower() != run
        and any(0x30 <= c <= 0x39 for c in run)
        and not _regular().fullmatch(run)
        for run in _between().split(text)
    )


def _any(_: bytes) -> bool:
    return True


def _is_hex_key(text: bytes) -> bool:
    return len(set(text)) >= 8


def _is_access_key(text: bytes) -> bool:
    return b"ONETAKE" not in text and len(set(text)) >= 6


def is_password(text: bytes) -> bool:
    return len(text) >= 8 and not text.startswith((b"REDACTED-", b"<", b"${", b"{", b"***"))


def _is_basic(text: bytes) -> bool:
    """Return whether `text` is a name and a password in base64 (RFC 7617)."""
    try:
        plain = urlsafe_b64decode(text.translate(_TO_URLSAFE) + b"=" * (-len(text) % 4))
    except ValueError:
        return False
    return b":" in plain[1:-1] and plain.decode("utf-8", "replace").isprintable()


_TO_URLSAFE = bytes.maketrans(b"+/", b"-_")


def _is_opaque(text: bytes) -> bool:
    return not text.startswith(b"REDACTED-") and _mixed(text.rstrip(b"="))


class Shape(Struct, frozen=True):
    """A secret of `kind` is `prefix` and `rest`, if `check` of the rest says so.

    `lead` stands between the two where the prefix is no part of the secret (`hidden` is false).
    """

    kind: str
    prefix: str
    rest: str
    check: Check = _any
    lead: str = ""
    hidden: bool = True


_B64 = "[A-Za-z0-9_-]"
_WORD = "[A-Za-z0-9]"
_HEX = "[0-9a-f]"
_END = "(?![A-Za-z0-9])"


def all_shapes() -> Iterator[Shape]:
    """Yield every shape; of those that begin alike the more exact comes first."""
    for kind, prefix, rest, check in (
        ("anthropic-key", "sk-ant-", _B64 + "{16,}", _mixed),
        ("openrouter-key", "sk-or-", _B64 + "{20,}", _mixed),
        ("openai-key", "sk-", _B64 + "{16,}", _mixed),
        ("xai-key", "xai-", _B64 + "{16,}", _mixed),
        ("perplexity-key", "pplx-", _WORD + "{20,}", _mixed),
        ("nvidia-key", "nvapi-", _B64 + "{20,}", _mixed),
        ("cerebras-key", "csk-", _B64 + "{20,}", _mixed),
        ("tavily-key", "tvly-", _B64 + "{16,}", _mixed),
        ("voyage-key", "pa-", _B64 + "{40,}", is_random),
        ("gitlab-token", "glpat-", _B64 + "{20,}", _mixed),
        ("google-secret", "GOCSPX-", _B64 + "{20,}", _varied),
        ("pypi-token", "pypi-", "AgE" + _B64 + "{40,}", _any),
        *(("slack-token", f"xox{one}-", "[A-Za-z0-9-]{10,}", _mixed) for one in "bpaerso"),
        ("slack-token", "xoxe.", "xox[bp]-[A-Za-z0-9-]{10,}", _mixed),
        ("slack-token", "xapp-", r"\d-[A-Za-z0-9-]{10,}", _mixed),
        ("mailgun-key", "key-", _HEX + "{32}" + _END, _is_hex_key),
        ("age-key", "AGE-SECRET-KEY-", "(?:PQ-)?1[0-9A-Z]{50,}", _any),
        ("groq-key", "gsk_", _WORD + "{20,}", _varied),
        *(("github-token", f"gh{one}_", _WORD + "{20,}", _varied) for one in "pousr"),
        ("github-token", "github_pat_", "[A-Za-z0-9_]{22,}", _varied),
        ("huggingface-token", "hf_", _WORD + "{20,}", _varied),
        ("replicate-token", "r8_", _WORD + "{20,}", _varied),
        ("npm-token", "npm_", _WORD + "{30,}", _varied),
        ("stripe-key", "sk_live_", _WORD + "{16,}", _varied),
        ("stripe-key", "sk_test_", _WORD + "{16,}", _varied),
        ("stripe-key", "rk_live_", _WORD + "{16,}", _varied),
        ("stripe-key", "rk_test_", _WORD + "{16,}", _varied),
        ("stripe-key", "whsec_", "[A-Za-z0-9+/]{20,}={0,2}", _varied),
        ("elevenlabs-key", "sk_", _HEX + "{48}" + _END, _is_hex_key),
        ("fireworks-key", "fw_", _WORD + "{20,}", _mixed),
        ("linear-key", "lin_api_", _WORD + "{32,}", _varied),
        ("linear-key", "lin_oauth_", _WORD + "{32,}", _varied),
        ("notion-key", "ntn_", _WORD + "{40,}", _mixed),
        ("notion-key", "secret_", _WORD + "{43}" + _END, is_random),
        ("figma-token", "figd_", _B64 + "{36,}", _mixed),
        ("figma-token", "figu_", _B64 + "{36,}", _mixed),
        ("langsmith-key", "lsv2_", "(?:pt|sk)_[A-Za-z0-9_]{20,}", _mixed),
        ("shopify-token", "shpat_", "[A-Fa-f0-9]{32}", _varied),
        ("digitalocean-token", "dop_v1_", "[a-f0-9]{64}", _any),
        ("google-key", "AIza", _B64 + "{30,}", _mixed),
        ("aws-key-id", "AKIA", "[A-Z0-9]{16}" + _END, _is_access_key),
        ("aws-key-id", "ASIA", "[A-Z0-9]{16}" + _END, _is_access_key),
        ("twilio-key", "SK", _HEX + "{32}" + _END, _is_hex_key),
        ("google-token", "ya29.", "[A-Za-z0-9_.-]{16,}", _varied),
        ("sendgrid-key", "SG.", _B64 + r"{16,}\." + _B64 + "{16,}", _varied),
        ("vault-token", "hvs.", _B64 + "{24,}", _mixed),
        ("vault-token", "hvb.", _B64 + "{24,}", _mixed),
        ("vault-token", "hvr.", _B64 + "{24,}", _mixed),
        ("vault-token", "s.", _WORD + r"{24}(?![A-Za-z0-9_(-]|\.\w)", is_random),
        ("jwt", "eyJ", _B64 + r"{6,}\." + _B64 + r"{2,}(?:\." + _B64 + r"*){1,3}(?<!\.)", _any),
        ("telegram-token", ":", "A" + _B64 + "{34}(?![A-Za-z0-9_-])", _varied),
    ):
        yield Shape(kind, prefix, rest, check)
    yield Shape(
        "bearer-token", "Bearer ", r"[A-Za-z0-9._~+/-]{16,}={0,2}", _is_opaque, hidden=False
    )
    yield Shape(
        "basic-credentials", "Basic ", r"[A-Za-z0-9+/_-]{8,}={0,2}", _is_basic, hidden=False
    )
    yield Shape("deepgram-key", "Token ", _HEX + "{40}" + _END, _is_hex_key, hidden=False)
    yield Shape(
        "slack-webhook",
        "hooks.slack.com/services/",
        r"T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/\w{16,}",
        hidden=False,
    )
    for host in "discord.com/api/", "discordapp.com/api/":
        lead = r"(?:v\d{1,2}/)?webhooks/\d{15,22}/"
        yield Shape("discord-webhook", host, r"[\w-]{60,}", lead=lead, hidden=False)
    for name, value in (
        ("X-Amz-Signature", _HEX + "{64}"),
        ("X-Amz-Security-Token", "[A-Za-z0-9%/+=_-]{16,}"),
        ("X-Goog-Signature", "[0-9A-Fa-f]{64,}"),
    ):
        kind = name.lower().replace("-", "_")
        yield Shape(kind, f"{name}=", value, hidden=False)
    yield Shape(
        "userinfo", "://", r"[^\s/?#\"'<>@\\:]{0,256}:[^\s/?#\"'<>@\\]{8,256}(?=@)", hidden=False
    )


_ALSO = ("private-key", "sig", "signature", "account_key", "shared_access_key", "password")


@cache
def shape_kinds() -> frozenset[str]:
    """Return the kinds of secrets that have a shape."""
    return frozenset({*(shape.kind for shape in all_shapes()), *_ALSO})

"""Secrets by their shape: keys that their makers marked, tokens, key blocks, passwords in addresses.

Each shape is anchored at a byte that is rare in prose (`-` of `sk-`, `_` of `ghp_`): a regular expression
that begins with one byte is searched an order of magnitude faster than one that begins with a choice
(measured on 200 kB: 0.07 ms against 2.2 ms). What is found must then look like what it claims: stand
alone, be long enough, and mix letters and digits as no name of a file or a class does.

Sources: the formats that GitHub's and GitLab's secret scanning and gitleaks publish, and the makers'
documentation. The expressions are compiled at the first search.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import TypeAlias

import msgspec
from msgspec import Struct


class Found(Struct, frozen=True):
    """`data[start:end]` is a secret of `kind`."""

    start: int
    end: int
    kind: str


_Check: TypeAlias = Callable[[bytes], bool]

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


def _is_password(text: bytes) -> bool:
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


class _Shape(Struct, frozen=True):
    """A secret of `kind` is `prefix` and `rest`, if `check` of the rest says so.

    `lead` stands between the two where the prefix is no part of the secret (`hidden` is false).
    """

    kind: str
    prefix: str
    rest: str
    check: _Check = _any
    lead: str = ""
    hidden: bool = True


_B64 = "[A-Za-z0-9_-]"
_WORD = "[A-Za-z0-9]"
_HEX = "[0-9a-f]"
_END = "(?![A-Za-z0-9])"


def _shapes() -> Iterator[_Shape]:
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
        yield _Shape(kind, prefix, rest, check)
    yield _Shape(
        "bearer-token", "Bearer ", r"[A-Za-z0-9._~+/-]{16,}={0,2}", _is_opaque, hidden=False
    )
    yield _Shape(
        "basic-credentials", "Basic ", r"[A-Za-z0-9+/_-]{8,}={0,2}", _is_basic, hidden=False
    )
    yield _Shape("deepgram-key", "Token ", _HEX + "{40}" + _END, _is_hex_key, hidden=False)
    yield _Shape(
        "slack-webhook",
        "hooks.slack.com/services/",
        r"T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/\w{16,}",
        hidden=False,
    )
    for host in "discord.com/api/", "discordapp.com/api/":
        lead = r"(?:v\d{1,2}/)?webhooks/\d{15,22}/"
        yield _Shape("discord-webhook", host, r"[\w-]{60,}", lead=lead, hidden=False)
    for name, value in (
        ("X-Amz-Signature", _HEX + "{64}"),
        ("X-Amz-Security-Token", "[A-Za-z0-9%/+=_-]{16,}"),
        ("X-Goog-Signature", "[0-9A-Fa-f]{64,}"),
    ):
        kind = name.lower().replace("-", "_")
        yield _Shape(kind, f"{name}=", value, hidden=False)
    yield _Shape(
        "userinfo", "://", r"[^\s/?#\"'<>@\\:]{0,256}:[^\s/?#\"'<>@\\]{8,256}(?=@)", hidden=False
    )


_ALSO = ("private-key", "sig", "signature", "account_key", "shared_access_key", "password")


@cache
def shape_kinds() -> frozenset[str]:
    """Return the kinds of secrets that have a shape."""
    return frozenset({*(shape.kind for shape in _shapes()), *_ALSO})


# The byte of a prefix that is rarest in prose and code, by which it is looked for.
_ANCHORS = "-_JA.K:"
_AHEAD = (
    r"(?=\S{9})"  # so much at least follows it in every shape; that is asked before which it is
)


@cache
def _pem() -> re.Pattern[bytes]:
    return re.compile(
        rb"-----BEGIN((?:[ +]|%20)[A-Z0-9]{2,12}){0,4}(?:[ +]|%20)PRIVATE(?:[ +]|%20)KEY"
        rb"(?:(?:[ +]|%20)BLOCK)?-----"
        rb"(?P<key>(?:(?!-----)[\s\S]){16,20000}?)(?=-----END|[\"'<&]|\Z)"
    )


# A pair of ADO or ODBC, of an address (JDBC, Redis), of libpq, a variable of a shell, a property of Java.
_BEFORE_PASSWORD = (
    rb"; ?|[?&]|[A-Z0-9]_|\w\.|\b(?:host|hostaddr|port|user|dbname|sslmode)=[^\s=]{1,64} {1,2}"
)
_PASSWORD = rb"\\{0,3}[\"']?(?P<value>(?!REDACTED-|[{$<*%])[^;\"'<>\s\\&]{4,256})"

# What is assigned in signed addresses, whose pairs stand behind `?` or an `&` in any escape, and in connection
# strings: by the name in front of `=`, what must be before the name, and what the value looks like.
_ASSIGNED = {
    b"sig": ("sig", rb"(?:[?&;]|u0026)", rb"(?:[A-Za-z0-9~_+/=-]|%[0-9A-Fa-f]{2}){20,2048}"),
    b"signature": (
        "signature",
        rb"(?:[?&;]|u0026)",
        rb"(?:[A-Za-z0-9~_+/=-]|%[0-9A-Fa-f]{2}){20,2048}",
    ),
    b"accountkey": ("account_key", rb"[^A-Za-z0-9]|\A", rb"[A-Za-z0-9+/]{30,}={0,2}"),
    b"sharedaccesskey": ("shared_access_key", rb"[^A-Za-z0-9]|\A", rb"[A-Za-z0-9+/]{30,}={0,2}"),
    b"password": ("password", _BEFORE_PASSWORD, _PASSWORD),
    b"pwd": ("password", _BEFORE_PASSWORD, _PASSWORD),
}


@cache
def _equals() -> re.Pattern[bytes]:
    ends = (
        *(b"sig", b"ignature", b"ntKey", b"ssKey"),
        *(b"assword", b"ASSWORD", b"pwd", b"Pwd", b"PWD"),
    )
    return re.compile(b"=(?:%b)" % b"|".join(b"(?<=%b=)" % end for end in ends))


@cache
def _assignments() -> dict[bytes, tuple[str, re.Pattern[bytes], re.Pattern[bytes]]]:
    return {
        name: (kind, re.compile(b"(?:%b)\\Z" % before), re.compile(value))
        for name, (kind, before, value) in _ASSIGNED.items()
    }


@cache
def _last_word() -> re.Pattern[bytes]:
    return re.compile(rb"[A-Za-z]+\Z")


# A name in front says that it is no prefix; an escape in front is none.
@cache
def _in_front() -> re.Pattern[bytes]:
    return re.compile(rb"[A-Za-z0-9_+\-]\Z")


@cache
def _escape_in_front() -> re.Pattern[bytes]:
    return re.compile(rb"(?:\\[nrtbf]|\\u[0-9A-Fa-f]{4}|%[0-9A-Fa-f]{2})\Z")


@cache
def _patterns() -> tuple[tuple[re.Pattern[bytes], tuple[_Shape, ...]], ...]:
    by_anchor: dict[str, list[_Shape]] = {}
    for shape in _shapes():
        prefix = shape.prefix
        anchor = next((one for one in _ANCHORS if one in prefix), prefix[0])
        by_anchor.setdefault(anchor, []).append(shape)
    made = []
    for anchor, shapes in by_anchor.items():
        pieces = []
        for shape in shapes:
            before, _, after = shape.prefix.partition(anchor)
            behind = f"(?<={re.escape(before + anchor)})" if before else ""
            pieces.append(f"{behind}{re.escape(after)}{shape.lead}({shape.rest})")
        words = any(" " in shape.prefix for shape in shapes)
        ahead = "" if words else _AHEAD
        pattern = re.compile(f"{re.escape(anchor)}{ahead}(?:{'|'.join(pieces)})".encode())
        made.append((pattern, tuple(shapes)))
    return tuple(made)


def find(data: bytes, *, after_hyphens: bool = False) -> list[Found]:
    """Return the secrets in `data`, in order, none within another. Never raises.

    `after_hyphens` also finds one that a hyphen joins to what is in front of it, as in the id of a test.
    """
    found: list[Found] = []
    for pattern, shapes in _patterns():
        for match in pattern.finditer(data):
            number = match.lastindex
            if number is None:
                continue
            one = _checked(data, match, shapes[number - 1], after_hyphens)
            if one is not None:
                found.append(one)
    if b"-----BEGIN" in data:
        found += (Found(*match.span("key"), "private-key") for match in _pem().finditer(data))
    found += _found_assigned(data)
    if len(found) < 2:
        return found
    found.sort(key=lambda one: (one.start, one.kind == "bearer-token", -one.end))
    kept = [found[0]]
    for one in found[1:]:
        if one.start >= kept[-1].end:
            kept.append(one)
    return kept


def _checked(
    data: bytes, match: re.Match[bytes], shape: _Shape, after_hyphens: bool
) -> Found | None:
    """Return the secret that has matched `shape`, if it looks like one and stands alone."""
    number = match.lastindex or 0
    start, end = match.span(number)
    secret = match[number]
    if shape.kind == "userinfo":
        password = secret[secret.index(b":") + 1 :]
        return Found(start, end, shape.kind) if _is_password(password) else None
    if not shape.check(secret):
        return None
    begin = match.start() - len(shape.prefix.partition(chr(data[match.start()]))[0])
    if shape.kind == "telegram-token":  # the number of the bot is in front, and `bot` may be
        digits = _digits_before(data, begin)
        if digits < 6:
            return None
        begin -= digits
        alone = data[max(0, begin - 4) : begin] == b"/bot" or _stands_alone(data, begin, False)
        return Found(begin, end, shape.kind) if alone else None
    if not _stands_alone(data, begin, after_hyphens):
        return None
    if not shape.hidden:
        return Found(start, end, shape.kind)
    if shape.kind == "jwt" and not is_jwt(data[begin:end]):
        return None
    return Found(begin, end, shape.kind)


def _digits_before(data: bytes, at: int) -> int:
    head = data[max(0, at - 16) : at]
    return len(head) - len(head.rstrip(b"0123456789"))


def _found_assigned(data: bytes) -> Iterator[Found]:
    for equals in _equals().finditer(data):
        name = _last_word().search(data, max(0, equals.start() - 16), equals.start())
        known = _assignments().get(name[0].lower()) if name else None
        if name is None or known is None:
            continue
        kind, before, value = known
        if before.search(data, max(0, name.start() - 80), name.start()) or not name.start():
            found = value.match(data, equals.end())
            if found is not None and (name.start() or kind.endswith("_key")):
                yield Found(*found.span("value" if "value" in value.groupindex else 0), kind)


def kind_of(text: str) -> str | None:
    """Return the kind of secret that all of `text` is by its shape, if it is one."""
    return _kind_of(text) if 16 <= len(text) <= 4096 else None


@lru_cache(maxsize=512)
def _kind_of(text: str) -> str | None:
    data = text.encode("utf-8", "surrogatepass")
    found = find(data)
    if len(found) == 1 and (found[0].start, found[0].end) == (0, len(data)):
        return found[0].kind
    return None


def _stands_alone(data: bytes, begin: int, after_hyphens: bool) -> bool:
    before = data[max(0, begin - 6) : begin]
    if after_hyphens and before.endswith(b"-"):
        return True
    return not _in_front().search(before) or _escape_in_front().search(before) is not None


@lru_cache(maxsize=256)
def is_jwt(text: bytes) -> bool:
    """Whether `text` is a token of RFC 7515 or 7516: its first part is JSON that names an algorithm."""
    return jwt_header(text) is not None


def jwt_header(text: bytes) -> dict[str, object] | None:
    head = part_of_jwt(text.partition(b".")[0])
    return head if head is not None and ("alg" in head or "enc" in head) else None


def part_of_jwt(text: bytes) -> dict[str, object] | None:
    """The object that a part of a token is. Never raises."""
    try:
        value = msgspec.json.decode(urlsafe_b64decode(text + b"=" * (-len(text) % 4)))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None

"""Secrets by value: what environment variables with secret-looking names hold, wherever it appears.

The environment is read elsewhere and handed in. A value is looked for as it is, in URL and JSON escapes,
and in base64 at each of the three places where it may begin within a group of letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import unquote, unquote_to_bytes, urlsplit

import msgspec

from onetake.redaction.known import cores, filling, spellings
from onetake.redaction.names import field_kind, is_worth_remembering
from onetake.redaction.placeholders import BY_VALUE, placeholder, url_placeholder
from onetake.wire.edits import Edit, apply

_WORDS = (
    *(
        "apikey",
        "apikeys",
        "auth",
        "credential",
        "credentials",
        "creds",
        "dsn",
        "jwt",
        "key",
        "keys",
    ),
    *("pass", "passphrase", "passwd", "password", "passwords", "pat", "pw", "pwd", "secret"),
    *("secrets", "token", "tokens"),
)
_SECRET_WORDS = frozenset(_WORDS)
_NO_SECRETS = frozenset({"PWD", "OLDPWD"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_PATH = re.compile(r"(?:~|\.{0,2})/[^+=\s]*|[A-Za-z]:\\[^\n]*")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_MOST = 256  # values that are looked for


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Whether a variable of this name may hold a secret: one of its words says so."""
    return name not in _NO_SECRETS and any(
        word.lower() in _SECRET_WORDS for word in _WORD.findall(name)
    )


def secret_values(environment: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """What of these variables must not be written: no words, numbers, paths or plain addresses."""
    found: dict[str, None] = {}
    for name, value in environment:
        secret = is_secret_name(name)
        if _ADDRESS.match(value):
            found.update(dict.fromkeys(_of_address(value)))
        elif secret and value[:1] in "{[":
            found.update(dict.fromkeys(_of_json(value)))
        elif secret and not _PATH.fullmatch(value):
            found[value.strip()] = None
    return tuple(value for value in found if is_worth_remembering(value))[:_MOST]


def _of_address(value: str) -> Iterable[str]:
    try:
        parts = urlsplit(value)
    except ValueError:
        return
    for text in parts.username, parts.password:
        if text:
            yield text
            yield unquote(text)


def _of_json(value: str) -> Iterable[str]:
    """The secret fields of JSON: a service account's key, say."""
    try:
        fields = msgspec.json.decode(value)
    except (ValueError, RecursionError):
        yield value
        return
    if isinstance(fields, Mapping):
        yield from (
            text
            for name, text in fields.items()
            if isinstance(text, str) and (field_kind(name) or name == "private_key_id")
        )


class Values:
    """Values and all their spellings. Immutable; safe to share between threads."""

    __slots__ = ("_coded", "_pattern", "_plain", "values")

    def __init__(self, values: Iterable[str] = ()) -> None:
        self.values = tuple(values)
        self._plain: dict[bytes, str] = {}
        self._coded: set[bytes] = set()
        escaped: set[bytes] = set()
        for value in self.values:
            for spelling in spellings(value, coded=False):
                self._plain.setdefault(spelling, value)
            self._coded |= cores(value)
            escaped.add(_escaped(value))
        every = {*map(re.escape, self._plain), *map(re.escape, self._coded), *escaped}
        ordered = sorted(every, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(ordered)) if ordered else None

    def __bool__(self) -> bool:
        return self._pattern is not None

    def edits(
        self, data: bytes, *, in_url: bool = False, within: bool = True, kind: str = ""
    ) -> list[Edit]:
        """The edits that take every value out of `data`, in order. Within base64 it stays base64."""
        if self._pattern is None:
            return []
        numbers: dict[str, int] = {}
        edits: list[Edit] = []
        for match in self._pattern.finditer(data):
            value = self._plain.get(match[0])
            if value is None and match[0] not in self._coded:
                value = self._plain.get(unquote_to_bytes(match[0]), match[0].decode("latin-1"))
            if value is None:
                if not within:
                    continue
                new = filling(len(match[0]))
            else:
                named = f"{kind or BY_VALUE}:{numbers.setdefault(value, len(numbers) + 1)}"
                new = (url_placeholder(named) if in_url else placeholder(named)).encode()
            edits.append(Edit(*match.span(), new, BY_VALUE, ""))
        return edits

    def without(self, data: bytes) -> bytes:
        """`data` without them."""
        return apply(data, self.edits(data))


def _escaped(value: str) -> bytes:
    """An expression for `value` in a URL, where clients escape some signs and leave others."""
    pieces: list[bytes] = []
    for byte in value.encode("utf-8", "surrogatepass"):
        letter = bytes([byte])
        if letter.isalnum() or letter in b"-._~":
            pieces.append(re.escape(letter))
        else:
            code = b"%%%02X" % byte
            either = {re.escape(letter), code, code.lower(), *([rb"\+"] if letter == b" " else [])}
            pieces.append(b"(?:%s)" % b"|".join(sorted(either)))
    return b"".join(pieces)


def without_values(text: str, values: Values) -> str:
    if not values:
        return text
    return values.without(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


NO_VALUES = Values()

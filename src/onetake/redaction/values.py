"""Secrets by value: what environment variables with secret-looking names hold, wherever it appears.

The environment is read elsewhere and handed in. In which spellings a value is looked for: `redaction.spelled`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from urllib.parse import unquote, urlsplit

import msgspec

from onetake.redaction.book import Book, written
from onetake.redaction.names import field_kind, is_worth_remembering
from onetake.redaction.placeholders import BY_VALUE
from onetake.redaction.sought import Sought
from onetake.wire.late import late_pattern

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
_WORD = late_pattern(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_PATH = late_pattern(r"(?:~|\.{0,2})/[^+=\s]*|[A-Za-z]:\\[^\n]*")
_ADDRESS = late_pattern(r"[A-Za-z][A-Za-z0-9+.-]*://")
_BETWEEN = late_pattern(r"\s*[,;]\s*")  # keys that take turns
_MOST = 256  # values that are looked for
_LONG_LINE = 24  # characters of a line that is a secret by itself


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Whether a variable of this name may hold a secret: one of its words says so."""
    return name not in _NO_SECRETS and any(
        word.lower() in _SECRET_WORDS for word in _WORD.findall(name)
    )


def secret_values(environment: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What of these variables must not be written, and in which each was found first.

    No words, numbers, paths or plain addresses. Of several in one variable (`a,b`) each counts.
    """
    found: dict[str, str] = {}
    for name, value in environment:
        is_secret = is_secret_name(name)
        for one in _of_variable(value.strip(), is_secret=is_secret):
            if is_worth_remembering(one) or (is_secret and long_lines(one)):
                found.setdefault(one, name)
    return dict(list(found.items())[:_MOST])


def long_lines(value: str) -> list[str]:
    """Return the lines of a value with several, such as a key block, that are long enough to be secrets."""
    if "\n" not in value:
        return []
    lines = map(str.strip, value.splitlines())
    return [
        line
        for line in lines
        if len(line) >= _LONG_LINE and not line.startswith("-----") and is_worth_remembering(line)
    ]


def _of_variable(value: str, *, is_secret: bool) -> Iterator[str]:
    if _ADDRESS.match(value):
        yield from _of_address(value)
    elif is_secret and value[:1] in ("{", "["):
        yield from _of_json(value)
    elif is_secret and not _PATH.fullmatch(value):
        yield value
        parts = _BETWEEN.split(value)
        for part in parts if len(parts) > 1 else ():
            yield from _of_variable(part, is_secret=True)


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
    """The secret fields of JSON (a service account's key, say), or the texts of a list."""
    try:
        fields = msgspec.json.decode(value)
    except (ValueError, RecursionError):
        yield value
        return
    if isinstance(fields, list):
        yield from (text for text in fields if isinstance(text, str))
    elif isinstance(fields, Mapping):
        yield from (
            text
            for name, text in fields.items()
            if isinstance(text, str) and (field_kind(name) or name == "private_key_id")
        )


class Values:
    """Values that are looked for in all their spellings. Immutable; safe to share between threads."""

    __slots__ = ("lines", "sought", "values")

    def __init__(self, values: Iterable[str] = ()) -> None:
        every = tuple(values)
        self.values = tuple(one for one in every if not one.startswith("-----BEGIN"))
        self.lines = tuple(line for one in every for line in long_lines(one))[:_MOST]
        kinds = dict.fromkeys(self.values, BY_VALUE)
        self.sought = Sought(kinds, within=True, lines=self.lines)
        """The values, as they are looked for in texts that are told or kept."""

    def __bool__(self) -> bool:
        return bool(self.values or self.lines)

    def without(self, data: bytes) -> bytes:
        """Return `data` without them. What is within base64 stays base64."""
        return written(data, self.sought.secrets(data), Book())


def without_values(text: str, values: Values) -> str:
    """Return `text` without `values`."""
    if not values:
        return text
    return values.without(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


NO_VALUES = Values()

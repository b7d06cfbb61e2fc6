"""Values that stand where a secret would, and are none: what a suite or another recorder has put there."""

from __future__ import annotations

import re

from onetake.redaction import is_placeholder

_LONGEST = 64  # characters
_SHORT = 8  # characters that what follows `Bearer` has at the least, to be a credential
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*[ \t]+")
_ONE_CHARACTER = re.compile(r"([*xX._#•-])\1*|(?:xX|Xx)+|(\w)\2{2,}")
_WORD = r"(?:[A-Z]+|[A-Z]?[a-z]+)"
_WORDS = rf"{_WORD}(?:[ _-]{_WORD}){{0,3}}"
_BRACKETED = re.compile(
    rf"<{{1,2}}{_WORDS}>{{1,2}}|\[{{1,2}}{_WORDS}\]{{1,2}}|\$?\{{{{1,2}}{_WORDS}\}}{{1,2}}"
    rf"|\({_WORDS}\)|\*+{_WORDS}\*+|__{_WORDS}__"
)
_BETWEEN = re.compile(r"[-_. ]+")
_SAYS_SO = frozenset(
    (
        *("dummy", "fake", "redacted", "filtered", "placeholder", "scrubbed", "sanitized", "masked"),
        *("hidden", "removed", "censored", "example", "sample", "invalid", "mock", "mocked", "stub"),
        *("test", "testing", "foo", "bar", "foobar", "changeme", "xxx", "none", "null", "undefined"),
    )
)  # fmt: skip
_BESIDES = frozenset(
    (
        *("a", "an", "the", "my", "your", "for", "not", "real", "here", "sk", "pk", "only"),
        *("api", "apikey", "access", "auth", "authorization", "bearer", "basic", "client", "key"),
        *("cookie", "credential", "id", "password", "secret", "session", "token", "user", "value"),
    )
)  # fmt: skip


def is_dummy(text: str) -> bool:
    """Whether nobody would get in with `text`: placeholders of any program, and words that say so.

    Precise rather than complete: each word has to be known, so that of a password no part counts.
    """
    text = text.strip().strip("\"'")
    if not text or len(text) > _LONGEST:
        return False
    if is_placeholder(text) or _ONE_CHARACTER.fullmatch(text):
        return True
    if _BRACKETED.fullmatch(text):
        inner = text.strip("<>[]{}()*_$")
        return inner.isupper() or any(map(_is_known, _BETWEEN.split(inner.lower())))
    if text.count(":") == 1:  # user and password
        return all(map(is_dummy, text.split(":")))
    words = [word for word in _BETWEEN.split(text.lower()) if word]
    return any(word in _SAYS_SO for word in words) and all(map(_is_known, words))


def _is_known(word: str) -> bool:
    return word in _SAYS_SO or word in _BESIDES or (word.isdigit() and len(word) <= 3)


def is_no_credential(text: str, before: str = "") -> bool:
    """Return whether `text`, behind `before` in a header line, is none: also too short behind a scheme."""
    return is_dummy(text) or (len(text) < _SHORT and _SCHEME.fullmatch(before) is not None)

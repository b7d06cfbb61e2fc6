"""The border that every text passes before it leaves memory, and where the environment is read for secrets.

What is recorded is redacted by its opening (`redaction.Redactor`); all that is told besides, on the
terminal and in files, comes through `safe_text` and `safe_bytes`. A test lists every writer.

A program loads its `.env` late, and a test sets and resets variables, so each opening looks again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onetake.redaction import Values

# `redaction` is imported late: a run of tests that records nothing has nothing to redact.

_NOW = os.environ.encodekey("PYTEST_CURRENT_TEST")  # pytest changes it for each phase of each test

_lock = Lock()
_environment: dict[Any, Any] = {}  # all of it but `_NOW`, as it was last
_variables: dict[str, str] = {}  # by value; replaced as a whole
_values: Values | None = None


def known_values() -> Values:
    """Every secret value that the environment holds, or held when this was called before."""
    global _environment, _values, _variables
    from onetake.redaction import Values, secret_values

    now: dict[Any, Any] = dict(getattr(os.environ, "_data", os.environ))  # as bytes, where they lie
    now.pop(_NOW, None)
    if now == _environment and _values is not None:
        return _values
    with _lock:
        changed = [name for name, text in now.items() if _environment.get(name) != text]
        _environment = now
        names = [os.fsdecode(name) for name in changed]
        if any(_may_be_secret(name, os.environ.get(name, "")) for name in names) or _values is None:
            secret = {
                name: text for name, text in list(os.environ.items()) if _may_be_secret(name, text)
            }
            # In order: of two variables with one value it is the same that gives a test its name.
            _variables = _variables | secret_values(sorted(secret.items()))
            _values = Values(_variables)
        return _values


def remember(values: Iterable[str], name: str) -> None:
    """Treat `values` as those of a secret variable called `name`, in all that is written from now on."""
    global _values, _variables
    from onetake.redaction import Values, is_worth_remembering

    new = {one: name for one in values if is_worth_remembering(one)}
    if not new.keys() <= _variables.keys():
        with _lock:
            _variables = _variables | new
            _values = Values(_variables)


def safe_text(text: str) -> str:
    """Return `text` as it may be told: without secrets in URLs, those that have a shape, and known values."""
    from onetake.redaction import without_secrets_in_urls, without_values

    return without_values(without_secrets_in_urls(text), known_values())


def safe_id(test_id: str) -> str:
    """Return the id of a test, or the name of a cassette that comes from it, as it may be written.

    It stays the same from run to run, so that the test finds its recordings.
    """
    if "[" not in test_id:
        return test_id
    from onetake.redaction import without_secrets_in_id

    known_values()
    return without_secrets_in_id(test_id, _variables)


def safe_name(name: str) -> str:
    """Return a name of a file or a cassette as it may be shown, its secrets as those of ids."""
    from onetake.redaction import without_secrets_in_name

    known_values()
    return without_secrets_in_name(name, _variables)


def safe_bytes(data: bytes) -> bytes:
    """Return a document as it may be told. It stays what it is: JSON stays JSON."""
    from onetake.redaction import without_shapes

    return known_values().without(without_shapes(data))


def safe_value(value: Any) -> Any:
    """Return a plain value without the secrets in its texts."""
    match value:
        case str():
            return safe_text(value)
        case bytes():
            return safe_bytes(value)
        case dict():
            return {safe_value(name): safe_value(one) for name, one in value.items()}
        case list():
            return [safe_value(one) for one in value]
        case tuple():
            return tuple(safe_value(one) for one in value)
    return value


def _may_be_secret(name: str, text: str) -> bool:
    from onetake.redaction import is_secret_name

    return len(text) >= 8 and (is_secret_name(name) or "://" in text)

"""The one place where the environment is read for secrets: what it held once is never written after.

A program loads its `.env` late, and a test sets and resets variables, so each opening looks again.
"""

from __future__ import annotations

import os
from threading import Lock

from onetake.redaction import NO_VALUES, Values, is_secret_name, secret_values

_lock = Lock()
_seen: dict[str, str] = {}  # by name, as they were last
_values: Values = NO_VALUES


def known_values() -> Values:
    """Every secret value that the environment holds, or held when this was called before."""
    global _values
    now = {name: text for name, text in os.environ.items() if _may_be_secret(name, text)}
    if now != _seen:
        with _lock:
            _seen.clear()
            _seen.update(now)
            found = secret_values(now.items())
            _values = Values(dict.fromkeys((*_values.values, *found)))
    return _values


def _may_be_secret(name: str, text: str) -> bool:
    return len(text) >= 8 and (is_secret_name(name) or "://" in text)

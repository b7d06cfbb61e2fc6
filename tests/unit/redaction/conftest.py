"""Expressions are compiled at the first search, which no example of a property has to wait for."""

from __future__ import annotations

import pytest

from onetake.messages import Request
from onetake.redaction import Redactor, holds_placeholder, kinds_in


@pytest.fixture(autouse=True, scope="session")
def compiled() -> None:
    body = b'{"password":"a","x":"REDACTED-token data: REDACTED-env-1"}'
    Redactor().request(Request(method="POST", url="https://u:p@h/?key=a#b", body=body))
    kinds_in(body)
    holds_placeholder(body)

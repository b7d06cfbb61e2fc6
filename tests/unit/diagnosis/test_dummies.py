"""Values that stand where a secret would, and are none."""

from __future__ import annotations

import base64

import pytest

from onetake.diagnosis.dummies import is_dummy, is_no_credential

DUMMIES = (
    *("DUMMY", "REDACTED", "XXX", "xxxxxxxx", "***", "********", "00000000", "aaaaaaaa", "----"),
    *("<AUTH>", "[FILTERED]", "{token}", "${API_KEY}", "{{api_key}}", "**REDACTED**", "(hidden)"),
    *("<API KEY>", "<<TOKEN>>", "__token__", "<OPENAI_API_KEY>", "[Filtered]", "'DUMMY'"),
    *("fake-token", "test-key", "test_api_key", "your-api-key-example", "sk-test-123", "foobar"),
    *("Bearer REDACTED", "Bearer fake-token", "dummy:dummy", "fake-user:REDACTED", "None"),
    *("REDACTED-token", "REDACTED-api_key", "REDACTED-openai-key-1"),
)
KEY = "sk-proj-" + "Ab3dEf6hIj9kLmN0pQr5StUv"
REAL = (
    *(KEY, f"test-{KEY}", "fake-eb4ced7fa56082d8", "ghp_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9t"),
    *(base64.b64encode(b"me:hunter2hunter2").decode(), base64.b64encode(b"test:pw-1a2b").decode()),
    *("b7e23ec29af22b0b4e41da31e868d572", "s%3AxYz-1.k9", "eyJpZCI6MX0", "opaque-4f9a8b7c6d5e4f3a"),
    *("hunter2", "correct-horse-battery", "Tr0ub4dor&3", "password", "secret", "my-secret", "a"),
    *("<b7e23ec29af2>", "[hunter2]", "*Xy9*", "me:REDACTED-no", "test:hunter2", "test1234", ""),
    *("test-1234567", "xxy", "ab" * 8, "foo" * 40, "0123456789"),
)  # fmt: skip


@pytest.mark.parametrize("text", DUMMIES)
def test_dummies_are_known(text):
    assert is_dummy(text)


@pytest.mark.parametrize("text", REAL)
def test_whatever_may_let_somebody_in_is_none(text):
    assert not is_dummy(text)


@pytest.mark.parametrize(
    ("text", "before", "expected"),
    [
        ("abc", "Bearer ", True),
        ("secret1", "Token ", True),
        ("secret12", "Bearer ", False),
        (base64.b64encode(b"me:pass").decode(), "Basic ", False),
        ("<AUTH>", "Bearer ", True),
        ("abc", "", False),
        ("abc", "sid=", False),
        ("abc", '{"say": "Bearer ', False),
    ],
)
def test_behind_a_scheme_a_credential_is_long_enough(text, before, expected):
    assert is_no_credential(text, before) is expected

"""What a placeholder stands for, told from the texts before and after."""

from __future__ import annotations

import pytest

from onetake.redaction.placeholders import put_away


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (b"a secret b", b"a REDACTED-env-1 b", [("env", b"secret", b"a ")]),
        (b"one", b"REDACTED-token", [("token", b"one", b"")]),
        (
            b"x=one&y=two",
            b"x=REDACTED-key&y=REDACTED-env",
            [("key", b"one", b"x="), ("env", b"two", b"&y=")],
        ),
        (b"a secret b", b"another REDACTED-env-1 b", []),
        (b"c2VjcmV0", b"REDACTED0", []),  # within base64 there is no placeholder
        (b"", b"", []),
    ],
)
def test_each_placeholder_is_told_with_what_it_stands_for(before, after, expected):
    assert put_away(before, after) == expected

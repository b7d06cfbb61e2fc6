"""What a placeholder stands for, told from the texts before and after."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from onetake.redaction.book import Book
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


def test_threads_give_each_value_one_number_and_no_number_twice():
    keys = [f"sk-proj-a1B2c3D4e5F6g7H8i9J0{n:04}" for n in range(200)]
    book, start = Book(), Barrier(4)

    def all_of(_: int) -> list[bytes]:
        start.wait()
        return [book.placeholder(key, "openai-key") for key in keys]

    switching = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            told = list(threads.map(all_of, range(4)))
    finally:
        sys.setswitchinterval(switching)
    assert all(one == told[0] for one in told)
    assert len(set(told[0])) == len(keys)

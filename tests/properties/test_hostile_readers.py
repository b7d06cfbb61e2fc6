"""What strangers may have written: every reader takes any bytes, and raises nothing but what is documented."""

from __future__ import annotations

import sys
import time
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.mutations import mutated
from fuzz.readers import READERS, check

_SHORT = settings(max_examples=30, suppress_health_check=list(HealthCheck))
_NASTY = {
    "nothing": b"",
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "deep and whole": b"[" * 5000 + b"]" * 5000,
    "deep recordings": b'{"onetake":1,"interactions":[{"request":%b}]}'
    % (b'{"a":' * 5000 + b"1" + b"}" * 5000),
    "huge numbers": b'{"onetake": 1, "interactions": [{"request": {"method": "GET", "url": "x"}, "response": '
    b'{"status": 200}, "recorded": {"at": %b, "ms": 1e400}}]}' % (b"9" * 5000),
    "half surrogates": b'{"onetake": 1, "name": "\\ud800", "interactions": []}',
    "keys twice": b'{"onetake": 1, "onetake": 2, "interactions": [], "interactions": [1]}',
    "no UTF-8": b"\xff\xfe\x00" * 1000,
    "many lines": b"\n" * 100_000,
    "many quotes": b'"' * 100_000,
    "many parameters": b"multipart/x; " + b"; a" * 20_000 + b"\n",
    "packed, and torn": b"\x1f\x8b\x08\x00 torn",
    "no digits": b'{"interactions":[{"request":{"method":"GET","uri":"http://x/","body":{"type":"binary","content":"zz"}},'
    b'"response":{"status":{"code":200}}}]}',
    "half a sign in a URL": b'{"interactions":[{"request":{"method":"GET","uri":"http://x/\\ud800"},"response":'
    b'{"status":{"code":200}}}]}',
    "spaces": b"data:" + b" " * 100_000,
}  # fmt: skip


@pytest.mark.parametrize("name", READERS)
def test_a_reader_raises_only_documented_errors_for_changed_documents(name: str) -> None:
    @_SHORT
    @given(st.sampled_from(READERS[name].seeds), st.integers(0, 2**32))
    def each(seed: bytes, number: int) -> None:
        check(name, mutated(seed, Random(number)))

    each()


@pytest.mark.parametrize("name", READERS)
def test_a_reader_raises_only_documented_errors_for_any_bytes(name: str) -> None:
    @_SHORT
    @given(st.binary(max_size=200))
    def each(data: bytes) -> None:
        check(name, data)

    each()


@pytest.mark.parametrize("name", READERS)
def test_a_reader_takes_what_is_made_to_break_readers(name: str) -> None:
    before = sys.getrecursionlimit()
    for data in _NASTY.values():
        start = time.process_time()
        check(name, data)
        assert time.process_time() - start < 10  # it does not hang, on however slow a machine
    assert sys.getrecursionlimit() == before

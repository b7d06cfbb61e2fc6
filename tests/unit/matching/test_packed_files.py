"""A packed file is compared by what it holds."""

from __future__ import annotations

import gzip

import pytest

from onetake.matching import Matcher
from onetake.messages import Headers, Request


@pytest.mark.parametrize("size", [10, 50_000])
@pytest.mark.parametrize("is_upload", [False, True])
def test_a_gzip_file_made_at_another_time_is_the_same(size: int, is_upload: bool) -> None:
    lines = b'{"a": 1}\n' * size
    first, later = (packed_file(lines, mtime, is_upload) for mtime in (1, 2_000_000_000))
    other = packed_file(lines + b"{}", 1, is_upload)

    assert first.body != later.body
    assert Matcher().key(first) == Matcher().key(later)
    assert Matcher().key(first) != Matcher().key(other)


def test_a_gzip_file_of_several_members_may_be_made_at_another_time() -> None:
    first, later = (
        packed_file(b"a", mtime, is_upload=False, then=b"b") for mtime in (1, 2_000_000_000)
    )

    assert Matcher().key(first) == Matcher().key(later)


def test_a_file_and_its_packed_form_are_two_bodies() -> None:
    plain = Request(method="POST", url="https://h/", body=b"some lines")
    assert Matcher().key(plain) != Matcher().key(packed_file(b"some lines", 1, is_upload=False))


def packed_file(data: bytes, mtime: int, is_upload: bool, then: bytes = b"") -> Request:
    body = gzip.compress(data, mtime=mtime)
    if then:
        body += gzip.compress(then, mtime=1)
    headers = Headers()
    if is_upload:
        headers = Headers((("Content-Type", "multipart/form-data; boundary=x"),))
        head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.gz"\r\n\r\n'
        body = head + body + b"\r\n--x--\r\n"
    return Request(method="POST", url="https://h/", headers=headers, body=body)

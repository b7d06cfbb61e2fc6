"""Multipart bodies are taken apart and put together again without losing a byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.messages import Headers
from onetake.wire.multipart import Multipart, Part, parse, render

FORM = (
    b"--b1\r\n"
    b'Content-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
    b"--b1\r\n"
    b'Content-Disposition: form-data; name="file"; filename="a \xc3\xa9.wav"\r\n'
    b"Content-Type: audio/wav\r\n\r\n\x00\r\n\xff\r\n"
    b"--b1--\r\n"
)
TYPE = "multipart/form-data; boundary=b1"


def test_the_parts_of_a_form_have_names_files_and_types() -> None:
    found = parse(TYPE, FORM)
    assert found is not None
    model, file = found.parts
    assert (model.name, model.filename, model.content_type) == ("model", None, "")
    assert (file.name, file.filename, file.content_type) == ("file", "a é.wav", "audio/wav")
    assert [model.body, file.body] == [b"whisper-1", b"\x00\r\n\xff"]
    assert render(found) == FORM


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ('Multipart/Mixed; charset=utf-8; BOUNDARY="b 1"', b"b 1"),
        ("multipart/form-data;boundary=b1 ; x=y", b"b1"),
        (r'multipart/form-data; boundary="a\"b"', b'a"b'),
    ],
)
def test_the_boundary_is_found_however_it_is_written(content_type: str, boundary: bytes) -> None:
    assert parse(content_type, FORM.replace(b"b1", boundary)) is not None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b1",
        b"--b1\r\n",
        FORM[:-4],
        FORM.replace(b"--b1", b"--b2"),
        b"--b1\r\nno colon\r\n\r\nx\r\n--b1--\r\n",
        b"--b1\r\nContent-Type: x\r\n--b1--\r\n",
        b"--b1 \r\n\r\nx\r\n--b1--",
    ],
)
def test_what_is_not_the_claimed_multipart_is_none(body: bytes) -> None:
    assert parse(TYPE, body) is None


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "multipart/form-data", "multipart/x; boundary=\u20ac"]
)
def test_a_type_without_a_usable_boundary_is_none(content_type: str) -> None:
    assert parse(content_type, FORM) is None


@pytest.mark.parametrize(
    "body",
    [
        b"--b1--\r\n",
        b"--b1--",
        b"hello\r\n--b1\r\n\r\nx\r\n--b1--\r\nbye\r\n--b1--",
        b"\r\n--b1\r\n\r\nx\r\n--b1--",
        b"--b1\nA: 1\n\nx\r\n\n--b1--\n",
        b"--b1\r\nA:1\r\n  folded\r\nB:  2 \r\n\r\nx\r\n--b1--\r\n",
        b"--b1\r\n\r\nbegins like\r\n--b1x\r\n--b1--y\r\n--b1--\r\n",
    ],
)
def test_unusual_but_valid_bodies_come_back_byte_for_byte(body: bytes) -> None:
    found = parse(TYPE, body)
    assert found is not None
    assert render(found) == body


def test_a_header_without_the_usual_space_still_names_its_part() -> None:
    found = parse(TYPE, b'--b1\r\ncontent-disposition:form-data; name="x"\r\n\r\n1\r\n--b1--\r\n')
    assert found is not None
    assert (found.parts[0].name, found.parts[0].body) == ("x", b"1")


def test_an_extended_file_name_wins() -> None:
    line = "form-data; name=f; filename=\"x\"; filename*=utf-8''na%C3%AFve.txt"
    assert Part(headers=Headers((("Content-Disposition", line),))).filename == "naïve.txt"


@given(st.text(max_size=60), st.binary(max_size=200))
def test_anything_is_parsed_or_refused_without_an_error(content_type: str, body: bytes) -> None:
    for claimed in (content_type, TYPE, f"multipart/x; {content_type}"):
        found = parse(claimed, body)
        if found is not None:
            assert render(found) == body
            for part in found.parts:
                assert isinstance(part.name, str)
                assert isinstance(part.filename, str | None)


_TOKENS = st.sampled_from([b"--b1", b"--b1--", b"\r\n", b"\n", b"--", b"A: b", b"x", b" ", b"\xff"])


@given(st.lists(_TOKENS, max_size=30).map(b"".join))
def test_bodies_made_of_delimiters_are_exact_or_refused(body: bytes) -> None:
    found = parse(TYPE, body)
    assert found is None or render(found) == body


_NAMES = st.from_regex(r"[A-Za-z][A-Za-z-]{0,12}", fullmatch=True)
_VALUES = st.from_regex(r"([!-~\xa1-\xff]([ -~\xa1-\xff]{0,20}[!-~])?)?", fullmatch=True)
_PARTS = st.builds(
    lambda lines, body: Part(headers=Headers(tuple(lines)), body=body),
    st.lists(st.tuples(_NAMES, _VALUES), max_size=3),
    st.binary(max_size=60).filter(lambda data: b"--xyz" not in data),
)


@given(st.lists(_PARTS, max_size=4), st.sampled_from([b"", b"\r\n", b"\r\nbye"]))
def test_what_is_rendered_is_parsed_to_the_same_parts(parts: list[Part], epilogue: bytes) -> None:
    made = Multipart(boundary="xyz", parts=tuple(parts), epilogue=epilogue)
    assert parse("multipart/form-data; boundary=xyz", render(made)) == made

"""Bodies are stored readable, and every byte comes back."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.errors import CassetteError
from onetake.formats.bodies import blob_name, from_stored, to_plain, to_stored

PNG = bytes(range(256)) * 80
_decoder = msgspec.json.Decoder(float_hook=msgspec.Raw)


def written(stored: object) -> Any:
    """As it comes back from a file."""
    return _decoder.decode(msgspec.json.format(msgspec.json.encode(stored), indent=2))


def kept(data: bytes, content_type: str = "application/json") -> Any:
    """The stored form, once it is sure that it gives the bytes back."""
    blobs: dict[str, bytes] = {}
    stored = to_stored(data, content_type, blobs)
    assert from_stored(written(stored), blobs.__getitem__) == data
    assert all(blob_name(blob) == name for name, blob in blobs.items())
    return json.loads(msgspec.json.encode(stored))


def test_an_empty_body_is_nothing() -> None:
    assert kept(b"") is None
    assert to_plain(b"") is None


def test_compact_json_is_its_structure_alone() -> None:
    assert kept('{"a":[1,null,"é\\n"]}'.encode()) == {"json": {"a": [1, None, "é\n"]}}


def test_number_literals_survive() -> None:
    text = b"[1.0,2.50,1E+2,1e400,123456789012345678901234567890,0.1000000000000000055]"
    stored = to_stored(text, "", {})
    assert stored is not None
    assert stored.keys() == {"json"}
    assert from_stored(written(stored), dict[str, bytes]().__getitem__) == text


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (json.dumps({"a": [1, "x, y: z"]}).encode(), {"item": ", ", "key": ": "}),
        (b'{"a":[1.50,2]}\n', {"tail": "\n"}),
        (b'\r\n{"a":1}', {"lead": "\r\n"}),
        (
            json.dumps({"a": ["é😀\\é\x7f", 1]}).encode(),
            {"item": ", ", "key": ": ", "ascii": True, "escape": "\x7f"},
        ),
        (json.dumps({"a": "é"}, separators=(",", ":")).encode(), {"ascii": True}),
        (json.dumps({"a": [1, {}, []]}, indent=2).encode(), {"indent": 2}),
        (json.dumps({"a": [1, {"b": 2}]}, indent="\t").encode(), {"indent": "\t"}),
        (json.dumps({"a": [1, 2]}, indent=0).encode(), {"indent": 0}),
        (b'{\r\n  "a": 1,\r\n  "b": 2\r\n}\r\n', {"indent": 2, "line": "\r\n", "tail": "\r\n"}),
        (b'{"a" : 1, "b" : 2}', {"item": ", ", "key": " : "}),
        (b'{"a": 1,"b": 2}', {"key": ": "}),
        (b'{\n  "a" : 1\n}', {"indent": 2, "key": " : "}),
        (b'{"a":"\\u003cb\\u003e \\u0026 \\u2028"}', {"ascii": True, "escape": "<>&"}),
        (b'{"url":"http:\\/\\/x"}', {"escape": "/"}),
    ],
)
def test_a_recipe_says_only_what_differs_from_compact(data: bytes, form: dict[str, object]) -> None:
    assert kept(data)["form"] == form


def test_a_backslash_before_a_slash_is_no_escape() -> None:
    assert kept(json.dumps({"a": r"\/ \u003c </"}).encode())["form"] == {"key": ": "}
    assert kept(rb'{"a":"\\\/ /"}').keys() >= {"json", "form"}


def test_what_no_recipe_gives_keeps_its_exact_text_beside() -> None:
    data = b'{"a":  1,\n"b":[-0]}'
    stored = kept(data)
    assert stored["json"] == {"a": 1, "b": [0]}
    assert stored["form"]["exact"] == {"text": ['{"a":  1,', '"b":[-0]}']}


def test_after_an_edit_by_hand_the_structure_wins_over_the_exact_text() -> None:
    stored = kept(b'{"a":  1, "b":2}')
    stored["json"]["a"] = 2
    assert from_stored(stored, dict[str, bytes]().__getitem__) == b'{"a":2,"b":2}'


def test_after_an_edit_by_hand_the_recipe_still_holds() -> None:
    stored = kept(b'{"a": 1, "b": 2}')
    stored["json"]["a"] = "é"
    assert from_stored(stored, dict[str, bytes]().__getitem__) == '{"a": "é", "b": 2}'.encode()


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":2}',
        b'{"a": {"b":1, "b":1}}',
        b'["\\ud800"]',
        b"[NaN]",
        b"{}{}",
        b'\xef\xbb\xbf{"a":1}',
        b"[" * 5000 + b"]" * 5000,
        b"[" + b"1" * 6000 + b"]",
    ],
)
def test_json_that_a_structure_cannot_stand_for_is_text(data: bytes) -> None:
    assert kept(data).keys() == {"text"}


def test_text_is_one_line_or_lines() -> None:
    assert kept(b"hello", "text/plain") == {"text": "hello"}
    assert kept(b"data: 1\r\n\r\n", "text/event-stream") == {"text": ["data: 1\r", "\r", ""]}
    assert kept(b"17", "text/plain") == {"text": "17"}
    assert kept(b"17") == {"json": 17}


def test_binary_is_base64_when_small_and_a_blob_from_16_kib() -> None:
    assert kept(b"\x00\xff", "") == {"base64": "AP8="}
    assert kept(b"a\x1b[0m", "text/plain").keys() == {"base64"}
    assert kept(b"\xff" * 16383, "").keys() == {"base64"}
    assert kept(b"\xff" * 16384, "") == {"blob": blob_name(b"\xff" * 16384), "size": 16384}


def test_a_large_base64_value_in_json_is_a_blob() -> None:
    data = json.dumps({"data": [{"b64_json": b64encode(PNG).decode(), "x/y": 1.5}]}).encode()
    assert kept(data) == {
        "json": {"data": [{"b64_json": blob_name(PNG), "x/y": 1.5}]},
        "form": {"item": ", ", "key": ": "},
        "blobs": [{"at": "/data/0/b64_json"}],
    }


def test_a_data_url_keeps_its_prefix_and_odd_keys_are_escaped() -> None:
    url = "data:image/png;base64," + b64encode(PNG).decode()
    assert kept(msgspec.json.encode({"a/b~c": [url, url]}))["blobs"] == [
        {"at": "/a~1b~0c/0", "prefix": "data:image/png;base64,"},
        {"at": "/a~1b~0c/1", "prefix": "data:image/png;base64,"},
    ]


def test_a_payload_in_json_of_no_known_form_is_not_written_inline() -> None:
    stored = kept(b'{"a":   "' + b64encode(PNG) + b'", "b":1}')
    assert stored["form"]["exact"].keys() == {"blob", "size"}
    assert len(json.dumps(stored)) < 1000


def test_base64_that_would_not_come_back_equal_stays_inline() -> None:
    text = b64encode(PNG + b"x").decode()
    loose = text.rstrip("=")[:-1] + "B=="
    assert "blobs" not in kept(msgspec.json.encode([loose]))


def test_a_whole_body_that_is_one_payload_is_a_blob() -> None:
    assert kept(msgspec.json.encode(b64encode(PNG).decode()))["blobs"] == [{"at": ""}]


def test_reading_leaves_the_stored_form_as_it_is() -> None:
    blobs: dict[str, bytes] = {}
    stored = written(to_stored(msgspec.json.encode([b64encode(PNG).decode()]), "", blobs))
    assert from_stored(stored, blobs.__getitem__) == from_stored(stored, blobs.__getitem__)


def test_a_multipart_body_is_its_parts() -> None:
    data = (
        b'--b1\r\nContent-Disposition: form-data; name="meta"\r\n\r\n{"a":1}\r\n'
        b'--b1\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n'
        + PNG
        + b"\r\n--b1--\r\n"
    )
    assert kept(data, "multipart/form-data; boundary=b1") == {
        "multipart": {
            "boundary": "b1",
            "parts": [
                {
                    "headers": ['Content-Disposition: form-data; name="meta"'],
                    "body": {"json": {"a": 1}},
                },
                {
                    "headers": ['Content-Disposition: form-data; name="f"; filename="x"'],
                    "body": {"blob": blob_name(PNG), "size": len(PNG)},
                },
            ],
        }
    }


def test_multipart_within_multipart_comes_back() -> None:
    data = b"x"
    content_type = "text/plain"
    for depth in range(12):
        line = f"--b{depth}_\r\nContent-Type: {content_type}\r\n\r\n".encode()
        data = line + data + f"\r\n--b{depth}_--".encode()
        content_type = f"multipart/mixed; boundary=b{depth}_"
    assert kept(data, content_type).keys() == {"multipart"}


def test_a_multipart_body_with_unusual_header_lines_is_kept_as_text() -> None:
    data = b"--b1\r\nA:1\r\n\r\nx\r\n--b1--\r\n"
    assert kept(data, "multipart/form-data; boundary=b1").keys() == {"text"}


_TYPES = st.sampled_from(["", "application/json", "text/plain", "multipart/x; boundary=b1"])


@given(st.binary(max_size=300), _TYPES)
def test_any_bytes_come_back(data: bytes, content_type: str) -> None:
    kept(data, content_type)
    assert from_stored(written(to_plain(data)), dict[str, bytes]().__getitem__) == data


@given(st.text(max_size=200), _TYPES)
def test_any_text_comes_back(text: str, content_type: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    kept(data, content_type)
    assert from_stored(written(to_plain(data)), dict[str, bytes]().__getitem__) == data


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(
    _JSON,
    st.booleans(),
    st.sampled_from([None, 0, 1, 2, 4, "\t"]),
    st.sampled_from([None, (",", ":"), (", ", ":"), (",", ": "), (" , ", " : ")]),
    st.sampled_from(["", "\n", " \r\n"]),
    st.booleans(),
)
def test_json_comes_back_however_it_was_written(
    value: object, ascii_only: bool, indent: Any, separators: Any, around: str, html: bool
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent, separators=separators)
    if html:
        text = text.replace("<", "\\u003c").replace("/", "\\/")
    kept((around + text + around).encode("utf-8", "surrogatepass"))


_SOUND_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_SOUND_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | _SOUND_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_SOUND_TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(_SOUND_JSON, st.sampled_from([None, 1, 2, "\t"]), st.booleans())
def test_what_python_writes_needs_no_exact_text(
    value: object, indent: Any, ascii_only: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert "exact" not in kept(text.encode()).get("form", {})


_BYTES_OF_JSON = st.lists(
    st.sampled_from(
        [
            b"{",
            b"}",
            b"[",
            b"]",
            b",",
            b":",
            b'"a"',
            b"1",
            b"-0",
            b"1.0e5",
            b" ",
            b"\n",
            b'"\\/"',
            b"null",
        ]
    ),
    max_size=16,
).map(b"".join)


@given(_BYTES_OF_JSON)
def test_what_looks_like_json_comes_back(data: bytes) -> None:
    kept(data)


@pytest.mark.parametrize(
    "hostile",
    [
        7,
        "text",
        [],
        {},
        {"unknown": 1},
        {"text": 1},
        {"text": ["a", 1]},
        {"text": "\ud800"},
        {"base64": "a"},
        {"base64": "é"},
        {"base64": 1},
        {"blob": "../../etc/passwd"},
        {"blob": "sha256-" + "0" * 63},
        {"blob": "sha256-" + "0" * 64 + "\n"},
        {"blob": "sha256-" + "0" * 64, "size": 3},
        {"json": {1: object()}},
        {"json": 1, "form": []},
        {"json": 1, "form": {"indent": -1}},
        {"json": 1, "form": {"indent": 10**9}},
        {"json": 1, "form": {"indent": "x"}},
        {"json": 1, "form": {"item": "]"}},
        {"json": 1, "form": {"tail": "x"}},
        {"json": 1, "form": {"escape": "a"}},
        {"json": 1, "form": {"ascii": "yes"}},
        {"json": 1, "form": {"unknown": 1}},
        {"json": 1, "form": {"exact": {"json": 1}}},
        {"json": [1], "blobs": {}},
        {"json": [1], "blobs": [1]},
        {"json": [1], "blobs": [{"at": "0"}]},
        {"json": [1], "blobs": [{"at": "/7"}]},
        {"json": [1], "blobs": [{"at": "/-1"}]},
        {"json": [1], "blobs": [{"at": "/0/0"}]},
        {"json": ["sha256-" + "0" * 64], "blobs": [{"at": "/0", "prefix": 1}]},
        {"multipart": {}},
        {"multipart": {"boundary": "b", "parts": [1]}},
        {"multipart": {"boundary": "b", "parts": [{"headers": ["x"]}]}},
        {"multipart": {"boundary": "b", "parts": [{"headers": ["x: \u20ac"]}]}},
        {"multipart": {"boundary": "\u20ac", "parts": []}},
        {"multipart": {"boundary": "b", "parts": [], "line": 1}},
        {"multipart": {"boundary": "b", "parts": [{"headers": [], "body": 3}]}},
    ],
)
def test_a_strange_stored_form_is_a_cassette_error(hostile: object) -> None:
    with pytest.raises(CassetteError):
        from_stored(hostile, lambda name: b"")


def test_a_deeply_nested_stored_form_is_a_cassette_error() -> None:
    nested: Any = []
    for _ in range(1_000_000):  # Python 3.14 is limited by its stack alone, and takes 100,000
        nested = [nested]
    with pytest.raises(CassetteError):
        from_stored({"json": nested}, lambda name: b"")
    parts: Any = {"text": ""}
    for _ in range(5000):
        parts = {"multipart": {"boundary": "b", "parts": [{"headers": [], "body": parts}]}}
    with pytest.raises(CassetteError):
        from_stored(parts, lambda name: b"")


_KEYS = st.sampled_from(
    [
        "json",
        "form",
        "exact",
        "digest",
        "text",
        "base64",
        "blob",
        "blobs",
        "at",
        "prefix",
        "size",
        "multipart",
        "boundary",
        "parts",
        "headers",
        "body",
        "line",
        "preamble",
        "epilogue",
        "indent",
        "item",
        "key",
        "tail",
    ]
)
_HOSTILE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 20)
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from(["/0", "", "sha256-" + "0" * 64, "a: b", "\n"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=15,
)


@given(_HOSTILE)
def test_hostile_stored_forms_raise_nothing_else(hostile: object) -> None:
    try:
        assert isinstance(from_stored(hostile, lambda name: b"blob"), bytes)
    except CassetteError:
        pass

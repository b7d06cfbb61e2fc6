"""What is past a bound counts as bytes and says so; no body makes reading take more than its share."""

from __future__ import annotations

import json

import pytest

from fakeprovider.bedrock import encode_message
from onetake.content import Content, Kind, assignments, body, leaves
from onetake.content.body import DEEPEST, MOST_PARTS
from onetake.content.leaves import LARGEST, MOST

SIZE = 60_000  # bytes: what takes quadratic time does not end with these


def nested_json(depth: int) -> bytes:
    text = '{"k": "v"}'
    for _ in range(depth):
        text = json.dumps({"a": text})
    return text.encode()


def nested_parts(depth: int) -> bytes:
    data = b"x"
    for number in range(depth):
        line = b"Content-Type: multipart/mixed; boundary=b%d\r\n" % (number - 1) if number else b""
        data = b"--b%d\r\n%b\r\n%b\r\n--b%d--\r\n" % (number, line, data, number)
    return data


def test_as_many_values_as_there_may_be_are_told_apart():
    content = Content(b"[" + b"1," * (MOST - 1) + b"1]")

    assert (content.kind, content.problem) == (Kind.JSON, "")
    assert sum(1 for _ in content.leaves()) == MOST


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"[" + b"1," * 500 + b"1]", Kind.JSON),
        (b'{"a":1}\n' * 501, Kind.LINES),
        (b"a=1&" * 501, Kind.FORM),
        (b"data:1\n" * 501, Kind.SSE),
        (b"<a>1" * 501, Kind.XML),
        (encode_message({}, b"1") * 501, Kind.EVENTS),
    ],
    ids=["json", "lines", "form", "sse", "xml", "events"],
)
def test_a_value_more_makes_a_body_count_as_bytes(data, kind, monkeypatch):
    monkeypatch.setattr(leaves, "MOST", 500)
    content = Content(data)

    (leaf,) = content.leaves()

    assert content.kind is kind
    assert content.problem == "it has more than 500 values, so it counts as bytes"
    assert (leaf.start, leaf.end) == (0, len(data))


def test_a_long_text_with_many_commas_is_one_value():
    content = Content(json.dumps({"file": "1,2\n" * MOST}).encode())

    assert content.problem == ""
    assert [leaf.name for leaf in content.leaves()] == ["file"]


def test_a_body_too_large_to_be_told_apart_counts_as_bytes():
    content = Content(b'{"a": "' + b"x" * LARGEST + b'"}')

    assert content.problem == f"it has more than {LARGEST} bytes, so it counts as bytes"
    assert len(list(content.leaves())) == 1


def test_a_body_of_too_many_parts_counts_as_bytes():
    data = b"--b\r\n\r\n\r\n" * (MOST_PARTS + 2) + b"--b--\r\n"

    content = Content(data, "multipart/mixed; boundary=b")

    assert content.kind is Kind.TEXT
    assert content.problem == f"it may have more than {MOST_PARTS} parts, so it counts as bytes"


def test_json_is_read_eight_strings_deep_and_says_so():
    content = Content(nested_json(DEEPEST + 2))
    *above, last = content.leaves()

    assert [len(leaf.steps) for leaf in (*above, last)] == list(range(1, DEEPEST + 2))
    assert last.content is None
    assert last.holder.problem == f"it lies {DEEPEST} bodies deep, so what it holds counts as bytes"
    assert all(leaf.holder.problem == "" for leaf in above)


def test_uploads_are_read_eight_deep_and_say_so():
    content = Content(nested_parts(DEEPEST + 1), f"multipart/mixed; boundary=b{DEEPEST}")
    *_, last = content.leaves()

    assert last.holder.kind is Kind.TEXT
    assert last.holder.problem == f"it lies {DEEPEST} bodies deep, so what it holds counts as bytes"


@pytest.mark.parametrize("depth", range(1, DEEPEST + 1))
def test_no_value_is_given_twice_however_deep_parts_lie(depth):
    content = Content(nested_parts(depth), f"multipart/mixed; boundary=b{depth - 1}")

    # At each level but the innermost there is a header line, and in the innermost its text.
    assert len(list(content.leaves())) == depth


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_values_lie_at_most_256_steps_deep(opening):
    content = Content(opening * 5000 + b'"x"')
    *values, whole = content.leaves()

    assert [leaf.value for leaf in values] == [b"x"]
    assert len(values[0].steps) == 256
    assert whole.value == content.data


def test_each_string_is_read_once(monkeypatch):
    made = []
    init = Content.__init__

    def counted(self, data, *arguments, **named):
        made.append(len(data))
        init(self, data, *arguments, **named)

    monkeypatch.setattr(body.Content, "__init__", counted)
    strings = [json.dumps({"k": f"a={n}&b="}) for n in range(2000)]
    content = Content(json.dumps(strings).encode())

    assert len(list(content.leaves())) == 2000 * 4
    assert len(made) == 1 + 2000 * 2
    assert sum(made) <= 3 * len(content.data)


PATTERNS = [
    b"a",
    b" ",
    b"\t",
    b"a ",
    b"a\t",
    b"=",
    b"a=",
    b"=a",
    b"a==",
    b'a="',
    b"a='",
    b'"',
    b"'",
    b"\\",
    b'\\"',
    b'a="\\"',
    b"a:",
    b":",
    b"a : ",
    b"a: \r",
    b"a.b-",
    b"&",
    b"a&",
    b"a=&",
    b"&#",
    b"&#1;",
    b"<",
    b"<a ",
    b'<a b="',
    b"<a b='x",
    b"<a:",
    b"<a><![CDATA[",
    b"]]",
    b"<!--",
    b"-",
    b"<a/>",
    b"\r\n",
    b"\r",
    b"\n",
    b";",
    b"; filename=",
    b'; filename="',
    b'; filename="\\',
    b"; filename*=a'",
    b"%",
    b"%4",
    b"+",
    b"data:",
    b"data: x\r",
    b":\n",
    b"--b\r\n",
    b"--b\r\n\r\n",
    b"{",
    b"[",
    b'{"a":',
    b'"\\u',
    b'"\\ud83d',
    b"1.",
    b",",
    b"\x1e",
    b"{}\n",
    b"\x1f\x8b\x08",
    b"\0",
    b"\xc3\xa9",
]
PREFIXES = [b"", b"a=", b"a:", b"a: " + b" " * 99, b"<a ", b'{"a": "', b"data:"]
CLAIMS = [
    "", "text/event-stream", "message/rfc822", "application/http", "multipart/mixed; boundary=b",
    "application/x-www-form-urlencoded", "application/json",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS, ids=repr)
def test_what_repeats_is_read_in_linear_time(pattern):
    """Quadratic time would be hours here: that the test ends is what it shows."""
    for number, prefix in enumerate(PREFIXES):
        data = (prefix + pattern * (SIZE // len(pattern)))[:SIZE] + b"\r"
        content = Content(data, CLAIMS[number])
        for leaf in content.leaves():
            assert sum(1 for _ in assignments(leaf)) <= len(data)


@pytest.mark.parametrize("claim", CLAIMS)
def test_blanks_before_a_lone_line_end_are_read_in_linear_time(claim):
    content = Content(b"a:" + b" " * SIZE + b"\rx", claim)

    assert sum(leaf.end - leaf.start for leaf in content.leaves()) <= len(content.data)

"""vcrpy's cassettes: every shape that its versions have written, what is refused, and what is written."""

from __future__ import annotations

import gzip
import json
import zlib
from base64 import b64encode
from contextlib import suppress
from typing import Any

import brotli
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from onetake.errors import CassetteError, UsageError
from onetake.formats import vcr, vcr_text, yaml_text
from onetake.messages import Body, Chunk, Ended, Failure, Headers, Interaction, Request, Response

ANSWER = "{status: {code: 200, message: OK}, headers: {}, body: {string: ''}}"
TEXT = b'{"hello": "w\xc3\xb6rld"}'


def read(text: str | bytes) -> tuple[Interaction, ...]:
    return vcr_text.read(text if isinstance(text, bytes) else text.encode(), "a.yaml")


def request_of(fields: str) -> Request:
    """Of YAML fields beside `method` and `uri`."""
    (one,) = read(
        f"interactions:\n- request: {{method: POST, uri: 'http://a.test/', {fields}}}\n"
        f"  response: {ANSWER}\nversion: 1\n"
    )
    return one.request


def response_of(response: str, method: str = "GET") -> Response:
    (one,) = read(
        f"interactions:\n- request: {{method: {method}, uri: 'http://a.test/', headers: {{}}, body: null}}\n"
        f"  response: {response}\nversion: 1\n"
    )
    assert one.response is not None
    return one.response


def whole(data: bytes, coding: str = "") -> Body:
    """A body that came at once."""
    return Body(data=data, chunks=(Chunk(len(data), 0),) if data else (), encoding=coding)


def refused(text: str | bytes) -> CassetteError:
    with pytest.raises(CassetteError) as caught:
        read(text)
    assert caught.value.path == "a.yaml"
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ("body: null", b""),
        ("body: ''", b""),
        ("", b""),
        ("body: hello", b"hello"),
        ("body: 'w\u00f6rld'", "w\u00f6rld".encode()),
        ("body: !!binary /wA=", b"\xff\x00"),
        ("body: {a: 1, b: [true, null]}", b'{"a": 1, "b": [true, null]}'),
        ("body: {a: '1'}, headers: {content-type: [application/x-www-form-urlencoded]}", b"a=1"),
        ("body: {a: !!binary aGk=}", b"a=hi"),
        ("body: null, parsed_body: {a: [1, 'x']}", b'{"a": [1, "x"]}'),
        ("parsed_body: just text", b'"just text"'),
        ("parsed_body: {a: ['1', '2']}, headers: {content-type: [application/x-www-form-urlencoded]}",
         b"a=1&a=2"),
        ("body: !!python/object/new:_io.BytesIO {state: !!python/tuple [!!binary aGk=, 0, null]}", b"hi"),
        ("body: !!python/object/new:_io.BytesIO {state: !!python/tuple [hi, 0, null]}", b"hi"),
        ("body: !!python/object/new:_io.BytesIO {}", b""),
        ("body: !!python/object/apply:builtins.iter {args: [[!!binary aGk=, ' there']]}", b"hi there"),
        ("body: !!python/object/apply:builtins.iter {}", b""),
        ("body: !!python/str hi", b"hi"),
        ("body: !!python/unicode hi", b"hi"),
        ("body: !!python/tuple [a, b]", b"ab"),
        ("body: 12e3", b"12e3"),
        ("body: 2026-11-26", b"2026-11-26"),
        ("body: 12", b"12"),
        ("body: {type: none}", b""),  # from here on as cassetter writes them
        ("body: {type: text, content: hi}", b"hi"),
        ("body: {type: json, content: {a: 1}}", b'{"a": 1}'),
        ("body: {type: binary, content: ff00}", b"\xff\x00"),
        ("body: {type: text, content: hi, a: 1}", b'{"type": "text", "content": "hi", "a": 1}'),
    ],
)  # fmt: skip
def test_a_request_body_of_any_shape(body: str, sent: bytes) -> None:
    assert request_of(body).body == sent


@pytest.mark.parametrize(
    ("headers", "lines"),
    [
        ("{A: [x, y], b: z}", (("A", "x"), ("A", "y"), ("b", "z"))),
        ("{A: !!binary aGk=, B: [!!binary eW8=]}", (("A", "hi"), ("B", "yo"))),
        ("[[A, x], [A, y], [b, [z]]]", (("A", "x"), ("A", "y"), ("b", "z"))),
        ("[!!python/tuple [A, x]]", (("A", "x"),)),
        ("{content-length: [12], x: [true]}", (("content-length", "12"), ("x", "true"))),
        ("{A: ['\u00e9'], B: ['\u20ac']}", (("A", "\u00e9"), ("B", "\xe2\x82\xac"))),
        ('{A: ["x\\r\\n y"]}', (("A", "x  y"),)),
        ("{A: [], B: null}", ()),
        ("null", ()),
    ],
)
def test_headers_of_any_shape(headers: str, lines: tuple[tuple[str, str], ...]) -> None:
    assert request_of(f"headers: {headers}").headers.items == lines


def test_a_method_is_in_capitals_and_an_address_as_it_is_sent() -> None:
    (one,) = read(
        "interactions:\n- request: {method: post, uri: 'http://a.test/b c?x=\u00e9#f'}\n"
        f"  response: {ANSWER}\nversion: 1\n"
    )
    assert one.request.method == "POST"
    assert one.request.url == "http://a.test/b%20c?x=%C3%A9"
    assert (one.at, one.ms) == (0, 0)


@pytest.mark.parametrize(
    ("response", "status", "reason", "data"),
    [
        ("{status: {code: 201, message: Made}, body: {string: hi}}", 201, "Made", b"hi"),
        ("{status: {code: 404, message: null}, body: {string: hi}}", 404, "Not Found", b"hi"),
        ("{status: {code: 200, message: OK}, body: {}}", 200, "OK", b""),
        ("{status: {code: 200, message: OK}, body: null}", 200, "OK", b""),
        ("{status: {code: 200, message: OK}}", 200, "OK", b""),
        ("{status: {code: 200, message: OK}, body: hi}", 200, "OK", b"hi"),
        ("{status: {code: '200', message: OK}, body: {string: !!binary /wA=}}", 200, "OK", b"\xff\x00"),
        ("{status_code: 200, http_version: HTTP/1.1, headers: [[a, b]], content: hey}", 200, "OK", b"hey"),
        ("{status: {code: 200, message: OK}, url: 'http://a.test/', body: {string: x}}", 200, "OK", b"x"),
        ("{status: {code: 200, message: OK}, parsed_body: {a: [1]}}", 200, "OK", b'{"a": [1]}'),
        ("{status: {code: 299, message: null}, more: {a: 1}}", 299, "", b""),
        ("{status: 200, body: {type: json, content: [1]}}", 200, "OK", b"[1]"),
        ("{status: 404, body: {type: none}}", 404, "Not Found", b""),
        ("{status: 200, body: {type: binary, content: ff00}}", 200, "OK", b"\xff\x00"),
    ],
)  # fmt: skip
def test_an_answer_of_any_shape(response: str, status: int, reason: str, data: bytes) -> None:
    found = response_of(response)
    assert (found.status, found.reason, found.body.data) == (status, reason, data)


def _coded(name: str, data: bytes) -> bytes:
    squeezed = zlib.compressobj(wbits=-15)
    return {
        "gzip": gzip.compress(data),
        "x-gzip": gzip.compress(data),
        "br": brotli.compress(data),
        "deflate": zlib.compress(data),
        "bare deflate": squeezed.compress(data) + squeezed.flush(),
    }[name]


@pytest.mark.parametrize("name", ["gzip", "x-gzip", "br", "deflate", "bare deflate"])
@pytest.mark.parametrize("is_decoded", [False, True])
def test_what_an_answer_was_compressed_with_is_told_by_its_bytes(
    name: str, is_decoded: bool
) -> None:
    data = TEXT * 10
    stored = b64encode(data if is_decoded else _coded(name, data)).decode()
    coding = name.removeprefix("bare ")
    found = response_of(
        f"{{status: {{code: 200, message: OK}}, headers: {{Content-Encoding: [{coding}]}}, "
        f"body: {{string: !!binary {stored}}}}}"
    )
    assert found.body == whole(data, coding)


@pytest.mark.parametrize(
    ("headers", "data"),
    [
        ({}, gzip.compress(TEXT, mtime=0)),  # a file that is packed
        ({"content-encoding": ["gzip"]}, gzip.compress(TEXT, mtime=0)[:-9]),  # torn
        ({"content-encoding": ["gzip"]}, b""),
        ({"content-encoding": ["gzip, br"]}, b"\xff\x00"),
        ({"content-encoding": ["identity"]}, TEXT),
    ],
)  # fmt: skip
def test_what_cannot_be_decoded_stays_as_it_is(headers: dict[str, Any], data: bytes) -> None:
    answer = {
        "status": {"code": 200, "message": "OK"},
        "headers": headers,
        "body": {"string": data},
    }
    assert vcr.to_response(answer, "GET").body == whole(data)


def test_a_bomb_in_an_answer_stays_packed() -> None:
    data = gzip.compress(bytes(64 << 20))
    answer = {"status_code": 200, "headers": {"content-encoding": "gzip"}, "content": data}
    assert vcr.to_response(answer, "GET").body == whole(data)


def test_an_answer_to_head_has_no_body() -> None:
    found = response_of(
        "{status: {code: 200, message: OK}, headers: {content-encoding: [gzip]}, body: {string: x}}",
        method="HEAD",
    )
    assert found.body == Body()


def test_json_and_packed_texts_and_further_keys_are_read() -> None:
    text = f"""\
version: 1
metadata: {{a: [1]}}
interactions:
- request: {{method: GET, uri: 'http://a.test/', headers: {{}}, body: null, further: 1}}
  response: {ANSWER}
  recorded_at: today
"""
    calls = read(text)
    tree = vcr_text.read_tree(text.encode(), "a.yaml")
    assert read(gzip.compress(text.encode())) == calls
    assert read(b"\xef\xbb\xbf" + text.encode()) == calls
    assert read(json.dumps(tree, indent=4) + "\n") == calls
    assert read(yaml.dump(tree, default_flow_style=True)) == calls


def test_headers_that_are_written_once_and_referred_to_are_read() -> None:
    shared = {"a": ["b"]}
    entry = {"request": {"method": "GET", "uri": "http://a.test/", "body": None, "headers": shared},
             "response": {"status": {"code": 200, "message": "OK"}, "headers": shared, "body": {}}}  # fmt: skip
    text = yaml.dump({"interactions": [entry] * 3, "version": 1})
    assert "*id" in text
    assert [one.request.headers.items for one in read(text)] == [(("a", "b"),)] * 3


@pytest.mark.parametrize(
    "text", ["", "\n\n", "interactions: []\nversion: 1\n", "interactions:\nversion: 1\n"]
)
def test_an_empty_cassette_has_no_interactions(text: str) -> None:
    assert read(text) == ()


ONE = f"""\
interactions:
- request: {{method: GET, uri: 'http://a.test/', headers: {{}}, body: null}}
  response: {ANSWER}
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- request: {}\n  response: {}\n", "before 1.0"),
        ("interactions: 1\nversion: 1\n", "no list of interactions"),
        ("just text\n", "no list of interactions"),
        ("interactions: []\nversion: 2\n", "format 2"),
        (ONE.replace("null", "!!python/object/apply:os.system [x]"), "!!python/object/apply:os.system"),
        (ONE.replace("null", "!!python/object/new:a.B {}"), "!!python/object/new:a.B"),
        (ONE.replace("null", "!!python/name:os.system ''"), "!!python/name:os.system"),
        (ONE.replace("{}, body: null", "{A: [{b: c}]}, body: null"), "Interaction 1 of a.yaml"),
        (ONE.replace("GET", "{}"), "no method"),
        (ONE.replace("GET", '"G\\r\\nX: y"'), "line end"),
        (ONE.replace("{}, body: null", '{"a\\r\\nb": [c]}'), "line end"),
        (ONE.replace("code: 200", "code: 20"), "status"),
        (ONE.replace("code: 200", "code: many"), "status"),
        (ONE.replace("null", "!!set {a, b}"), "no known kind"),
        (ONE.replace("'http://a.test/'", "[1]"), "no uri"),
        ("interactions:\n- request: {}\nversion: 1\n", "no request, or no response"),
        (ONE[:-10], "not a whole cassette"),
        (ONE + "<<<<<<< HEAD\nversion: 1\n", "git conflict markers (line 4)"),
        (ONE.rstrip("\n"), "breaks off at its end"),
        (b"\xff\xfe", "no UTF-8"),
        (gzip.compress(ONE.encode(), mtime=0)[:-9], "breaks off"),
        (b"\x1f\x8b\x00\x00", "is broken"),
        ('{"interactions": [', "not a whole cassette"),
        (ONE.replace("null", "&a [*a]"), "back to itself"),
        ("[" * 100_000, "not a whole cassette"),
        ("- " * 100_000, "not a whole cassette"),
        ('{"interactions": ' + "[" * 100_000, "not a whole cassette"),
    ],
)  # fmt: skip
def test_what_is_no_cassette_is_refused_with_a_remedy(text: str | bytes, words: str) -> None:
    assert words in refused(text).message


def test_a_cassette_of_ours_is_named_and_nobody_is_told_to_delete_it() -> None:
    error = refused('{"onetake": 1, "interactions": [{"request": {}, "response": {}}]}')

    assert "onetake's own format" in error.message
    assert "delete" not in error.remedy


def test_references_that_grow_without_end_are_refused() -> None:
    lists = "\n".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10) if n else 'x'}]" for n in range(30)
    )
    merged = "\n".join(
        f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 10)}]}}" if n else "m0: &m0 {a: b}"
        for n in range(30)
    )
    assert "far larger than it is" in refused(f"{ONE}version: 1\n{lists}\n").message
    # PyYAML knows from 6.0.4 on that one pair is merged once; earlier ones are stopped.
    with suppress(CassetteError):
        assert len(read(f"{ONE}version: 1\n{merged}\n")) == 1


def test_a_packed_bomb_is_refused() -> None:
    assert "when unpacked" in refused(gzip.compress(b" " * (64 << 20))).message


def test_without_the_extra_json_is_read_and_yaml_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    yaml_text._library.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    try:
        with pytest.raises(UsageError) as caught:
            read(ONE)
        assert "pip install 'onetake[vcr]'" in caught.value.remedy
        assert caught.value.message.startswith("a.yaml cannot be read")
        assert read('{"interactions": [], "version": 1}\n') == ()
    finally:
        yaml_text._library.cache_clear()


CALL = Interaction(
    request=Request(
        method="POST",
        url="https://api.test/v1?a=1",
        headers=Headers((("X-A", "1"), ("Content-Type", "text/plain"), ("x-a", "2"))),
        body=b"hi",
    ),
    response=Response(
        status=200,
        reason="OK",
        headers=Headers((("Content-Encoding", "gzip"), ("Content-Length", "40"), ("b", "c"))),
        body=Body(data=TEXT, encoding="gzip"),
    ),
)


def test_a_cassette_is_written_as_vcrpy_writes_it() -> None:
    text = vcr_text.to_yaml(vcr.to_tree([CALL])).decode()
    assert (
        text
        == """\
interactions:
- request:
    body: hi
    headers:
      Content-Type:
      - text/plain
      X-A:
      - '1'
      - '2'
    method: POST
    uri: https://api.test/v1?a=1
  response:
    body:
      string: "{\\"hello\\": \\"w\\xF6rld\\"}"
    headers:
      Content-Length:
      - '19'
      b:
      - c
    status:
      code: 200
      message: OK
version: 1
"""
    )
    written = vcr_text.to_json(vcr.to_tree([CALL]))
    assert written.startswith(b'{\n    "version": 1,\n    "interactions": [\n        {\n')
    assert written.endswith(b"}\n")
    assert vcr_text.read_tree(written, "a.json") == vcr_text.read_tree(text.encode(), "a.yaml")


def test_what_vcrpys_json_cannot_hold_is_a_usage_error() -> None:
    call = CALL.replace(request=CALL.request.replace(body=b"\xff"))
    with pytest.raises(UsageError, match="JSON"):
        vcr_text.to_json(vcr.to_tree([call]))


def test_errors_of_the_network_are_not_expressible() -> None:
    failure = Failure(kind="refused", type="x")
    assert not vcr.is_expressible(Interaction(request=CALL.request, failure=failure))
    assert not vcr.is_expressible(CALL.replace(ended=Ended.CUT))
    assert vcr.is_expressible(CALL)


_names = st.text("abcdefgh-XY", min_size=1, max_size=8)
_values = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=12)
_requests = st.builds(
    Request,
    method=st.sampled_from(["GET", "POST"]),
    url=st.sampled_from(["http://a.test/", "https://b.test/x?y=%20&z"]),
    headers=st.dictionaries(_names, _values, max_size=4).map(lambda d: Headers(tuple(d.items()))),
    body=st.one_of(
        st.binary(max_size=40), st.text(max_size=40).map(lambda t: t.encode("utf-8", "ignore"))
    ),
)
_responses = st.builds(
    Response,
    status=st.sampled_from([200, 404, 500]),
    reason=st.sampled_from(["", "OK", "\u00e9"]),
    headers=st.lists(st.tuples(_names, _values), max_size=4).map(lambda lines: Headers(tuple(lines))),
    body=st.builds(
        Body,
        data=st.one_of(st.binary(max_size=60), st.text(max_size=60).map(lambda t: t.encode("utf-8", "ignore"))),
    ),
)  # fmt: skip


@settings(max_examples=150)
@given(st.lists(st.builds(Interaction, request=_requests, response=_responses), max_size=3))
def test_what_is_written_comes_back_and_is_the_text_of_vcrpys_library(
    calls: list[Interaction],
) -> None:
    tree = vcr.to_tree(calls)
    text = vcr_text.to_yaml(tree)
    assert text.decode() == yaml.dump(tree, Dumper=yaml.CDumper)
    assert yaml.load(text, Loader=yaml.CSafeLoader) == tree
    back = read(text)
    assert [vcr.to_entry(one) for one in back] == tree["interactions"]
    for one, other in zip(back, calls, strict=True):
        assert one.request.body == other.request.body
        assert one.response is not None
        assert other.response is not None
        assert one.response.body.data == other.response.body.data


def judged(text: str) -> object:
    """As PyYAML alone reads it."""
    return yaml.load(text, Loader=yaml_text._library().loader)


def both(text: str, monkeypatch: pytest.MonkeyPatch) -> tuple[object, object]:
    """The tree that is given, and what the fast reader has made of it, if it was asked."""
    asked: list[object] = []

    def fast(text: str) -> object:
        asked.append(_fast(text))
        return asked[-1]

    with monkeypatch.context() as patch:
        patch.setattr(yaml_text, "_FAST_FROM", 0)
        patch.setattr(yaml_text, "_fast", fast)
        return yaml_text.load(text), asked[-1] if asked else None


_fast = yaml_text._fast
_texts = st.one_of(
    st.text(max_size=60),
    st.text(" \n:-'\"#&*!|>%@`{}[],?\\abc0123eE.+_~", max_size=120),
    st.sampled_from("12e4 0o17 1_0 1:20 yes ~ null .inf 0x1f 2026-11-26 << =".split()),  # noqa: SIM905
    st.binary(max_size=40),
)  # fmt: skip


@settings(max_examples=150)
@given(st.lists(_texts, max_size=4), st.sampled_from([20, 80]), st.booleans())
def test_both_readers_of_yaml_read_what_vcrpy_writes_alike(
    values: list[str | bytes], width: int, beyond: bool
) -> None:
    entries = [{"request": {"body": one, "headers": {"a": [one]}, "uri": "x"}} for one in values]
    tree = {"interactions": entries, "version": 1}
    text = yaml.dump(tree, Dumper=yaml.CDumper, width=width, allow_unicode=beyond)
    with pytest.MonkeyPatch.context() as patch:
        given_, fast = both(text, patch)
    assert given_ == judged(text) == tree
    if fast is not None and yaml_text._is_sure(fast):
        assert fast == tree


def test_a_large_cassette_is_read_by_the_fast_reader_unless_it_is_unusual(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usual = vcr_text.to_yaml(vcr.to_tree([CALL])).decode()
    given_, fast = both(usual, monkeypatch)
    assert given_ == fast == judged(usual)
    for change in (
        ("body: hi", "body: !!python/str hi"),
        ("body: hi", "body: &a hi"),
        ("body: hi", "body: [hi]"),
        ("body: hi", "<<: {body: hi}"),
        ("body: hi", "body: h\u00e9"),
        ("body: hi", "body:\thi"),
        ("interactions:\n", "interactions:\n" + "- " * 5000),
        ("version: 1\n", "version: 1"),
        ("version: 1\n", "version: 1\n---\na: b\n"),
    ):
        text = usual.replace(*change)
        monkeypatch.setattr(yaml_text, "_FAST_FROM", 0)
        assert not yaml_text._is_usual(text), change
    number = usual.replace("body: hi", "body: 12e4")
    given_, fast = both(number, monkeypatch)
    assert given_ == judged(number)
    assert fast != given_  # YAML 1.2 has taken it for a number
    assert read(number)[0].request.body == b"12e4"

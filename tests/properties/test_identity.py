"""Identity is total, stable, blind to spelling, and sees every other change.

What is rightly not seen, and so left out of the changes that are drawn here:

- JSON: white space, key order, the spelling of characters (`\\u00e9`), all but the last of equal keys, the
  sign of `-0`. A fraction or an exponent is compared as it is written.
- Forms and queries: the order of pairs, the spelling of escapes (`%41`, `+`).
- Multipart: the boundary, what stands before the first and after the last delimiter, `content-length`; in
  part headers the order, the case of names and of the disposition, white space and further parameters of
  the disposition.
- URLs: the case of scheme and host, the scheme's own port, user info, fragments, and of a presigned query
  what belongs to its signature.
"""

from __future__ import annotations

import json
import os
import random
from typing import Any
from urllib.parse import quote_plus, unquote_to_bytes

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from onetake.config.paths import path_text
from onetake.config.rules import parse_rules
from onetake.content import Kind, read_request
from onetake.matching import BUILT_IN, KINDS, Matcher, matcher
from onetake.messages import Headers, Request
from tests.support.runs import result, run_program

EXAMPLES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "60"))
drawn = settings(
    max_examples=EXAMPLES,
    derandomize="HYPOTHESIS_EXAMPLES" not in os.environ,  # a bounded fuzzing run draws anew
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

AT = 1_790_000_000.0  # 2026-09-21T14:13:20Z
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
UUID = "3f2a1b4c-9d8e-4f70-8a61-b2c3d4e5f607"
ALL_BUT_CREDENTIAL = tuple(name for name in BUILT_IN if name != "credential")

plain = Matcher()
every = Matcher(BUILT_IN, ("x-a", "x-b", "content-type"))


def loose_key(matcher: Matcher, asked: Request) -> bytes | None:
    found = matcher.loose(asked, AT)
    return None if found is None else found.key


def request(
    body: bytes = b"",
    content_type: str = "",
    url: str = "https://api.example.com/v1/x?a=1",
    headers: tuple[tuple[str, str], ...] = (),
    method: str = "POST",
) -> Request:
    lines = (*headers, ("Content-Type", content_type)) if content_type else headers
    return Request(method=method, url=url, headers=Headers(lines), body=body)


def differ(one: Request, other: Request) -> bool:
    return plain.key(one) != plain.key(other)


# Requests of any kind.

any_text = st.text(st.characters(), max_size=20)  # lone surrogates too
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from([UUID, "1790000000", 1790000000, 1790000000.25, "2026-09-21T14:13:20Z"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=10,
)
json_bodies = st.builds(
    lambda value, indent, ascii_: json.dumps(value, indent=indent, ensure_ascii=ascii_).encode(),
    json_values,
    st.sampled_from([None, 1]),
    st.booleans(),
)
deep_bodies = st.builds(
    lambda pair, depth: pair[0] * depth + b"1" + pair[1] * depth,
    st.sampled_from([(b"[", b"]"), (b'{"a":', b"}"), (b'[{"x":', b"}]"), (b"[", b"")]),
    st.sampled_from([10, 200, 300, 480, 950, 5000]),
)
form_texts = st.lists(
    st.sampled_from(["a", "b=1", "a=x+y", "%41=%zz", "a=%00", "=", "", f"id={UUID}"]), max_size=4
).map("&".join)
part_heads = st.sampled_from(
    [
        'Content-Disposition: form-data; name="a"',
        f'Content-Disposition: form-data; name="f"; filename="{UUID}.png"\r\nContent-Type: image/png',
        "content-disposition: attachment; filename*=utf-8''%e9.txt; name=\"é\"\r\nX-A: b",
        "",
        "no header",
    ]
)


def multipart(parts: list[tuple[str, bytes]], boundary: str = "xyz") -> bytes:
    pieces = [
        f"--{boundary}\r\n".encode()
        + (f"{head}\r\n\r\n".encode() if head else b"\r\n")
        + content
        + b"\r\n"
        for head, content in parts
    ]
    return b"".join(pieces) + f"--{boundary}--\r\n".encode()


multipart_bodies = st.lists(
    st.tuples(part_heads, st.binary(max_size=20) | json_bodies), max_size=3
).map(multipart)
bodies = st.one_of(
    st.binary(max_size=60),
    json_bodies,
    deep_bodies,
    st.lists(json_bodies, max_size=3).map(b"\n".join),
    form_texts.map(str.encode),
    multipart_bodies,
    st.sampled_from([b"{", b'{"a":"\\ud800"}', b'"\xff"', b"[1,", b'{"a":1}{"b":2}', b"9" * 5000]),
)
content_types = st.one_of(
    st.sampled_from(
        [
            *("", JSON, FORM, "multipart/form-data; boundary=xyz", "multipart/", "text/plain", ";"),
            *('multipart/mixed; boundary="x\\"yz"', "multipart/x; boundary=\ud800", "image/png"),
        ]
    ),
    any_text,
)
urls = st.one_of(
    any_text,
    st.tuples(
        st.sampled_from(["http", "HTTPS", "ws", ""]),
        st.sampled_from(["h", "[::1]:80", "u:p@h:x", "h:99999999", "", "\ud800"]),
        any_text,
        form_texts | any_text,
    ).map(lambda parts: "{}://{}/{}?{}".format(*parts)),
)
requests = st.builds(
    lambda method, url, headers, content_type, body: Request(
        method=method,
        url=url,
        headers=Headers((*headers, ("Content-Type", content_type))),
        body=body,
    ),
    st.sampled_from(["GET", "POST", "ß"]) | any_text,
    urls,
    st.lists(st.tuples(st.sampled_from(["X-A", "x-b"]) | any_text, any_text), max_size=4),
    content_types,
    bodies,
)

names = st.sampled_from(["a", "x", "custom_id", "f"]) | st.text(max_size=6)
paths = st.one_of(
    st.sampled_from(
        [
            *(
                "method",
                "url.scheme",
                "url.host",
                "url.path",
                "body",
                "body.**",
                "body[*]",
                "body.*",
            ),
            *("query.*", "header.*", "form.*", "part.*", "part.f.filename", "part.*.content.**.x"),
            *("body.**.x", "body.**.a.**[*]", "part.*.type", "part.*.content", "part.*.content[*]"),
        ]
    ),
    st.tuples(st.sampled_from(["query", "header", "form", "part"]), names).map(
        lambda pair: path_text(pair[0], pair[1:])
    ),
    st.lists(names | st.integers(0, 3), max_size=3).map(lambda steps: path_text("body", steps)),
)
replacements = st.one_of(
    st.sampled_from(["n", "a name"]),
    st.sampled_from([r"\d+", ".", "[a-f]+|x", r"(?s).+", r"\b."]).map(
        lambda pattern: {"name": "n", "pattern": pattern}
    ),
)
rules = st.lists(
    st.fixed_dictionaries(
        {"ignore": st.lists(paths, max_size=2), "replace": st.dictionaries(paths, replacements)},
        optional={
            "host": st.sampled_from(["*", "h", "h:*", "[::1]"]),
            "path": st.sampled_from(["*", "/*/x", "/"]),
            "method": st.sampled_from(["P*", "get"]),
            "match_on": st.just(["url", "body", "headers"]),
            "volatile": st.lists(st.sampled_from([*KINDS, "own"]), max_size=2),
            "mode": st.just("live"),
        },
    ).map(lambda rule: rule | {"repeats": "last"}),
    max_size=3,
)


@drawn
@given(requests, rules, st.sampled_from([0.0, AT, -1.0, float("inf")]))
def test_every_request_has_an_identity_whatever_the_rules(asked, given_rules, at):
    matchers = [
        Matcher(
            BUILT_IN,
            ("x-a", "x-b"),
            rules=parse_rules(given_rules, "a test"),
            patterns={"own": "[a-c]{2,}"},
            volatile=(*KINDS, "own"),
        )
        for _ in range(2)
    ]

    one, other = ((m.key(asked), m.loose(asked, at), m.active(asked).edits) for m in matchers)

    assert len(one[0]) == 16
    assert one == other


@drawn
@given(requests)
def test_a_rule_that_fits_nothing_gives_the_keys_of_no_rule(asked):
    edits = parse_rules([{"ignore": ['header["\\u0000none"]']}], "a test")
    with_rule = Matcher(BUILT_IN, ("x-a", "x-b", "content-type"), rules=edits)

    assert with_rule.key(asked) == every.key(asked)


@drawn
@given(requests, st.data())
def test_equal_requests_are_loosely_equal(asked, data):
    lines = data.draw(st.permutations(asked.headers.items))
    content_type = asked.headers.get("content-type")
    other = asked.replace(headers=Headers(tuple(lines)))
    assume(other.headers.get("content-type") == content_type)

    assert plain.key(asked) == plain.key(other)
    assert plain.loose(asked, AT) == plain.loose(other, AT)


# Stable.


def corpus() -> dict[str, Request]:
    """Requests of every kind of body, and what is odd about them."""
    chat = {
        "model": "m",
        "messages": [{"role": "user", "content": f"Grüße {UUID} at 1790000000.25"}],
        "temperature": 0.50,
        "n": 12345678901234567890123,
        "created": 1790000000,
    }
    upload = [
        ('Content-Disposition: form-data; name="model"', b"m"),
        (
            f'Content-Disposition: form-data; name="file"; filename="{UUID}.bin"\r\nContent-Type: a/b',
            b"\x00\xff",
        ),
        (
            'Content-Disposition: form-data; name="meta"',
            b'{"id": "4bf92f3577b34da6a3ce929d0e0e4736"}',
        ),
    ]
    lines = "".join(json.dumps({"custom_id": f"{UUID}", "n": n}) + "\n" for n in range(3))
    return {
        "nothing": Request(method="GET", url="https://h/"),
        "chat": request(json.dumps(chat).encode(), JSON),
        "exponent": request(b"[1E5, 1e5, 1.0, -0, 1e400]", JSON),
        "lines": request(lines.encode(), "application/x-ndjson"),
        "form": request(f"b=1&a=x+y&a=%C3%A9&id={UUID}&c".encode(), FORM),
        "broken form": request(b"a=%zz", FORM),
        "multipart": request(multipart(upload), "multipart/form-data; boundary=xyz"),
        "bytes": request(bytes(range(256)), "image/png"),
        "text": request(f"Now 2026-09-21T14:13:20Z {UUID}".encode(), "text/plain"),
        "query": request(
            url=f"HTTPS://u:p@API.example.com:443/v1/{UUID}.jsonl?b=2&a=1&b&t=1790000000#x"
        ),
        "broken url": request(url="http://[::1/\ud800?a=%zz"),
        "presigned url": request(
            url="https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260921T141320Z"
            "&X-Amz-Credential=AKIDEXAMPLE%2F20260921%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Signature=0a&n=1"
        ),
        "headers": request(
            headers=(("X-B", " 2 "), ("x-a", f"00-{UUID}-01"), ("X-A", "\xe9"), ("date", "now"))
        ),
        "principal": request().replace(principal=2),
    }


def digests() -> dict[str, list[str]]:
    """Exact and loose keys of the corpus, with and without rules."""
    edits = [
        {"ignore": ["body.n", "query.b", "part.file.type", "header.x-b"]},
        {"path": "/v1/*", "replace": {"body.model": "m", "form.a": {"name": "a", "pattern": "^x"}}},
    ]
    with_rules = Matcher(BUILT_IN, ("x-a", "x-b"), rules=parse_rules(edits, "the corpus"))
    found: dict[str, list[str]] = {}
    for name, asked in corpus().items():
        loose = [loose_key(one, asked) for one in (every, with_rules)]
        keys = [plain.key(asked), every.key(asked), with_rules.key(asked)]
        found[name] = [*(key.hex() for key in keys), *("" if k is None else k.hex() for k in loose)]
    return found


# Where one of these changes, recordings in remote stores would be looked up under keys that they do not
# have: raise `_VERSION` in matching/matcher.py, then write the new ones here.
VERSION = "5"
GOLDEN = {
    "nothing": [
        "19a59677b08fd25a691ed7064baa1219",
        "c028c3881dd10d4f8012b5883d67cc9d",
        "c028c3881dd10d4f8012b5883d67cc9d",
        "",
        "",
    ],
    "chat": [
        "9badc312289f2074fad0674e594c6af6",
        "acdc44211ddaa1dc43544a8c7af11d08",
        "8caa73d760e3b06a99afe40784f94a98",
        "f727b9d6418bbbaee67999ea04f8f1b8",
        "9ad77f548962ae6d45c6963d7af36fb0",
    ],
    "exponent": [
        "3f34af7be3503ffd7e7cba28dbbc4f2a",
        "f8eff2b1f5003d7a338b699abeb006ce",
        "422f0ede4c935f857f575a031b80e456",
        "",
        "",
    ],
    "lines": [
        "bf01a799e959be5d6422da2a912e30c9",
        "ca51a8e2ee250f9262176ace07c37620",
        "b3b10ad99b0c1a0b3b87ac1bf2f5e8cd",
        "63f6f98ac4246793174399a2e803849b",
        "5f358f46051f41607556de89848258fd",
    ],
    "form": [
        "e3fd9239986342c11733f77d95cf38f0",
        "960d6b9c4217c299948e9c05dbfae2b2",
        "ee11bd3ab2b31d9e860439a95b2b037e",
        "f971e62bc636e6ceb68075255b929667",
        "1dcb80d18dc3cc831ccf0f6d99c12435",
    ],
    "broken form": [
        "554d4e4e6f15387c96c5376ac156681c",
        "52ba12a3ab9859b630d72869454f3ab7",
        "b94a78c3ad94db6ba29f59736411fb98",
        "",
        "",
    ],
    "multipart": [
        "516020c9a2a538b11d3bcd9f575dd6ca",
        "599b3e8ce8e4c2be847cc90a4a3f4f7f",
        "ee5d38fe4548864d6dbf1cdc807455f0",
        "cd42e83dfda63e414baf36c008c96a92",
        "fb6033c56c80ea8f3fc638f7e0feed79",
    ],
    "bytes": [
        "ddbe97cd3945cf47d3b20d74d0891a08",
        "ee900bd0ad57d677e33eaf4ea0df145e",
        "117813af53a17f0c31739572361b694a",
        "",
        "",
    ],
    "text": [
        "cae4e6ec85e8108ffa25887ddb0023ca",
        "7ad2519737922f5b18933052a8c345f0",
        "0d064a5ff6ccc2dd0979f172c0d59dc6",
        "52576dc89383a31d7344574e770e2b09",
        "5a1251435595b832c4e420b8adf6dbe7",
    ],
    "query": [
        "679a2894d6e410bd11579e68a479d7f4",
        "1a0eef8a99de68e3ca942a164c585f53",
        "914c0b0da0decef2ed360428b5229fb5",
        "f2e976ea7cf142b491e02cd7b7059663",
        "aff004ab63b14e65f9baf7c283980c79",
    ],
    "broken url": [
        "eb89cf7b3cdfd86cce4d244f3375659b",
        "e36d8df554103c72d5e375d1025fa32b",
        "e36d8df554103c72d5e375d1025fa32b",
        "",
        "",
    ],
    "presigned url": [
        "639f674939300666dc06c32e298fb04b",
        "3289c3634346313cc626d19053987c55",
        "3289c3634346313cc626d19053987c55",
        "",
        "",
    ],
    "headers": [
        "b508891f571cf1435a0ae9a995d966ae",
        "edf061ae3989b1804f1ff2c49a9771aa",
        "8ee24c8ce84186234ccdb2b27e8a0a5e",
        "af55e9c05b6d87f47384bf9faf274c0a",
        "0d2df929b8e84ebaec1441ebfa9660f8",
    ],
    "principal": [
        "fe2943d756284e60e03fb07015e30555",
        "286136227d53b1338b10435de4df4f00",
        "286136227d53b1338b10435de4df4f00",
        "",
        "",
    ],
}


def test_keys_are_the_same_in_every_version_of_python():
    assert matcher._VERSION == VERSION
    assert digests() == GOLDEN


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_keys_are_the_same_in_another_process_with_another_hash_seed(tmp_path, seed):
    program = """
        import json
        from tests.properties.test_identity import digests, plain
        print(json.dumps([digests(), plain.fingerprint]))
    """

    found = result(run_program(program, tmp_path, PYTHONHASHSEED=seed))

    assert found == [digests(), plain.fingerprint]


# Blind to spelling.


def shuffled(value: Any, order: random.Random) -> Any:
    """The same JSON value with its keys in another order."""
    if isinstance(value, dict):
        pairs = [(name, shuffled(item, order)) for name, item in value.items()]
        order.shuffle(pairs)
        return dict(pairs)
    return [shuffled(item, order) for item in value] if isinstance(value, list) else value


@drawn
@given(json_values, st.randoms(use_true_random=False), st.booleans())
def test_key_order_white_space_and_escapes_of_json_do_not_count(value, order, ascii_):
    one = json.dumps({"v": value}, separators=(",", ":"))
    other = json.dumps(
        {"v": shuffled(value, order)}, indent=order.choice([1, "\t"]), ensure_ascii=ascii_
    )

    asked = [request(text.encode(), kind) for text, kind in ((one, JSON), (f" {other}\r\n", ""))]

    assert [body_kind(each) for each in asked] == [Kind.JSON, Kind.JSON]
    assert not differ(*asked)
    loose = [plain.loose(each, AT) for each in asked]
    assert loose[0] == loose[1]


boundaries = st.from_regex(r"[0-9a-zA-Z'()+_,./:=?-]{1,40}", fullmatch=True)


@drawn
@given(st.lists(st.binary(max_size=30), max_size=3), boundaries, boundaries)
def test_the_boundary_does_not_count(contents, one, other):
    assume(not any(b"--" in content for content in contents))
    parts = [('Content-Disposition: form-data; name="a"', content) for content in contents]

    asked = [
        request(multipart(parts, boundary), f'multipart/form-data; boundary="{boundary}"')
        for boundary in (one, other)
    ]

    assert body_kind(asked[0]) is Kind.MULTIPART
    assert not differ(*asked)
    assert every.key(asked[0]) == every.key(asked[1])  # which compares the content type too
    assert plain.loose(asked[0], AT) == plain.loose(asked[1], AT)


header_lines = st.lists(
    st.tuples(st.sampled_from(["x-a", "x-b", "accept"]), st.text("ab1", max_size=3)),
    max_size=4,
    unique_by=lambda line: line[0],
)


@drawn
@given(header_lines, st.randoms(use_true_random=False))
def test_case_order_and_blanks_of_headers_do_not_count(lines, order):
    spelled = [(order.choice([n, n.upper(), n.title()]), f" {v}\t") for n, v in lines]
    order.shuffle(spelled)

    asked = [request(headers=tuple(some)) for some in (lines, spelled)]

    assert every.key(asked[0]) == every.key(asked[1])


pairs = st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=5)


@drawn
@given(pairs, st.randoms(use_true_random=False))
def test_the_order_of_pairs_and_the_spelling_of_escapes_do_not_count(some, order):
    def spelled(text: str) -> str:
        return "".join(
            order.choice([quote_plus(mark), "".join(f"%{byte:02x}" for byte in mark.encode())])
            for mark in text
        )

    one = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in some)
    turned = [f"{spelled(name)}={spelled(value)}" for name, value in some]
    order.shuffle(turned)
    other = "&".join(turned)

    assert not differ(request(url=f"https://h/?{one}"), request(url=f"https://h/?{other}"))
    assert not differ(request(one.encode(), FORM), request(other.encode(), FORM))


# Sees every other change.


def changed(data: st.DataObject, body: bytes, start: int = 0, end: int | None = None) -> bytes:
    """`body` with one byte of `[start:end]` changed, added or left out."""
    at = data.draw(st.integers(start, (len(body) if end is None else end) - 1))
    byte = data.draw(
        st.binary(min_size=1, max_size=1) | st.sampled_from([b'"', b"0", b" ", b"}", b"&"])
    )
    new = data.draw(st.sampled_from([byte, body[at : at + 1] + byte, b""]))
    return body[:at] + new + body[at + 1 :]


class _Literal(str):
    """A number as it is written."""

    __slots__ = ()


def meaning(body: bytes) -> object:
    """What the standard library reads, by types; numbers exactly, the last of equal keys; else the bytes."""

    def refuse(text: str) -> None:
        raise ValueError(text)

    def typed(value: Any) -> object:
        match value:
            case dict():
                return ("object", sorted((name, typed(item)) for name, item in value.items()))
            case list():
                return ("array", [typed(item) for item in value])
        return (type(value).__name__, repr(value))

    try:
        value = json.loads(body, parse_float=_Literal, parse_constant=refuse)
        json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate is no text
        body.decode()  # the standard library guesses UTF-16
    except (ValueError, RecursionError):
        return body
    return ("json", repr(typed(value)))


@drawn
@given(json_bodies, st.data())
def test_every_byte_that_changes_what_json_means_is_seen(body, data):
    other = changed(data, body)

    is_same = meaning(body) == meaning(other)

    assert differ(request(body, JSON), request(other, JSON)) is not is_same


@drawn
@given(st.dictionaries(st.sampled_from("abc"), json_values, min_size=1), st.data())
def test_with_a_field_ignored_every_other_change_is_seen(value, data):
    ignoring = Matcher(rules=parse_rules([{"ignore": ["body.a"]}], "a test"))
    body = json.dumps(value).encode()
    other = changed(data, body)

    def rest(text: bytes) -> object:
        if meaning(text) == text:
            return text
        parsed = json.loads(text, parse_float=_Literal)
        if not isinstance(parsed, dict):
            return meaning(text)
        return "object", {n: meaning(_dumped(v)) for n, v in parsed.items() if n != "a"}

    keys = [ignoring.key(request(text, JSON)) for text in (body, other)]

    assert (keys[0] == keys[1]) is (rest(body) == rest(other))


def _dumped(value: object) -> bytes:
    """JSON text in which a literal number is a text that no other value has."""

    def marked(one: Any) -> Any:
        match one:
            case _Literal():
                return ["\0literal", str(one)]
            case dict():
                return {name: marked(item) for name, item in one.items()}
            case list():
                return [marked(item) for item in one]
        return one

    return json.dumps(marked(value)).encode()


def pairs_of(text: bytes) -> object:
    """The multiset of decoded pairs, or the text where an escape is broken."""
    pieces = text.split(b"%")
    if any(not _is_escape(piece[:2]) for piece in pieces[1:]):
        return text
    decoded = [
        tuple(unquote_to_bytes(side.replace(b"+", b" ")) for side in pair.split(b"=", 1))
        for pair in text.split(b"&")
    ]
    return sorted(decoded)


def _is_escape(text: bytes) -> bool:
    return len(text) == 2 and all(byte in b"0123456789abcdefABCDEF" for byte in text)


@drawn
@given(st.text("ab=&%4+ é", min_size=1, max_size=30).map(str.encode), st.data())
def test_every_byte_that_changes_the_pairs_of_a_form_is_seen(body, data):
    other = changed(data, body)
    assume(body and other)

    assert differ(request(body, FORM), request(other, FORM)) is (pairs_of(body) != pairs_of(other))


@drawn
@given(st.data(), st.binary(min_size=1, max_size=30))
def test_every_byte_of_a_part_that_counts_is_seen(data, content):
    assume(b"--" not in content)
    head = (
        'Content-Disposition: form-data; name="field"; filename="clip.mp3"\r\nContent-Type: audio/x'
    )
    body = multipart(
        [(head, content), ('Content-Disposition: form-data; name="model"', b"whisper")]
    )
    kind = "multipart/form-data; boundary=xyz"
    facts = [b"form-data", b"field", b"clip.mp3", b"audio/x", content, b"model", b"whisper"]
    fact = data.draw(st.sampled_from(facts))
    start = body.index(b"\r\n\r\n" + content) + 4 if fact is content else body.index(fact)
    other = changed(data, body, start, start + len(fact))
    assume(other != body)
    if fact == b"form-data":
        assume(_bare(other.lower()) != _bare(body.lower()))
    elif fact == b"audio/x":
        assume(_bare(other) != _bare(body))
    elif fact not in (content, b"whisper"):  # what follows a closing quote says nothing
        assume(other.count(b'"') == body.count(b'"'))

    assert differ(request(body, kind), request(other, kind))


def _bare(text: bytes) -> bytes:
    return bytes(byte for byte in text if byte > 0x20)


def body_kind(asked: Request) -> Kind:
    return read_request(asked).kind


@drawn
@given(
    st.binary(min_size=1, max_size=40), st.data(), st.sampled_from(["image/png", "", "text/plain"])
)
def test_every_byte_of_any_other_body_is_seen(body, data, kind):
    other = changed(data, body)
    assume(other != body)
    kinds = [body_kind(request(each, kind)) for each in (body, other)]

    assert differ(request(body, kind), request(other, kind)) or not any(
        one.is_opaque for one in kinds
    )


@drawn
@given(st.text("/abcAB-_.~%2F:@é", max_size=20), st.data())
def test_every_character_of_a_path_is_seen(path, data):
    one = f"https://h/{path}x"
    other = changed(data, one.encode(), len("https://h/"))
    text = other.decode("latin-1")
    assume(text != one and not set("?#") & set(text))

    assert differ(request(url=one), request(url=text))


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/v1/x?a=1",
        "https://api.example.org/v1/x?a=1",
        "https://api.example.com:8443/v1/x?a=1",
        "https://api.example.com/v1/x?a=2",
        "https://api.example.com/v1/x?a",
        "https://api.example.com/v1/x?a=1&a=1",
        "https://api.example.com/v1/x",
        "https://api.example.com/v1/X?a=1",
    ],
)
def test_every_part_of_a_url_is_seen(url):
    assert differ(request(), request(url=url))


@drawn
@given(st.text("abc ", min_size=1, max_size=10), st.data())
def test_every_character_of_a_header_that_is_matched_is_seen(value, data):
    other = changed(data, value.encode()).decode("latin-1")
    assume(other.strip() != value.strip())

    asked = [request(headers=(("x-a", text),)) for text in (value, other)]

    assert every.key(asked[0]) != every.key(asked[1])


@pytest.mark.parametrize("name", ["method", "principal"])
def test_who_asks_and_how_is_seen(name):
    other = {"method": request(method="PUT"), "principal": request().replace(principal=1)}[name]

    assert differ(request(), other)


# The loose key: equal where only volatile values differ, and equally to one another.

VALUES = [
    *(f"{n:08x}-1234-4678-9abc-def012345678" for n in range(4)),
    *(f"{n}bf92f3577b34da6a3ce" for n in range(3)),
    *(str(1790000000 + n) for n in range(4)),
    *(f"2026-09-21T14:13:2{n}Z" for n in range(4)),
]


def kind(value: str) -> str:
    return next(f.kind for f in plain.active(request()).volatile.find(value, AT))


def shape(values: list[str]) -> list[tuple[str, int]]:
    """The kind of each value, and which of them are equal."""
    seen: dict[str, int] = {}
    return [(kind(value), seen.setdefault(value, len(seen))) for value in values]


slots = st.lists(st.sampled_from(VALUES), min_size=3, max_size=3)


@drawn
@given(slots, slots, st.randoms(use_true_random=False))
def test_loosely_equal_are_those_of_one_structure(first, second, order):
    def asked(values: list[str], *, is_turned: bool) -> Request:
        value: Any = {"z": values[0], "a": [f"is {values[1]}!"], "m": {"id": values[2]}}
        body = json.dumps(shuffled(value, order) if is_turned else value)
        return request(body.encode(), JSON, url="https://h/v1")

    one, other = asked(first, is_turned=False), asked(second, is_turned=True)
    # In the order of keys: `a`, `m`, `z`.
    is_same = shape([first[1], first[2], first[0]]) == shape([second[1], second[2], second[0]])

    assert (loose_key(plain, one) == loose_key(plain, other)) is is_same


@drawn
@given(
    st.text("abcxyz é", min_size=1, max_size=8),
    st.text("abcxyz é", min_size=1, max_size=8),
    st.sampled_from(VALUES),
    st.sampled_from(VALUES),
)
def test_beside_volatile_values_every_character_counts(one, other, first, second):
    asked = [
        request(json.dumps({"c": f"{text} ({value})"}).encode(), JSON)
        for text, value in ((one, first), (other, second))
    ]

    is_same = one == other and kind(first) == kind(second)

    assert (loose_key(plain, asked[0]) == loose_key(plain, asked[1])) is is_same

"""The loose key: requests of two runs are equal but for values that are new on each run."""

from __future__ import annotations

import json
from urllib.parse import quote, urlencode

import pytest

from onetake.matching import KINDS, Matcher, Value
from onetake.messages import Headers, Request

THEN, NOW = (
    1_790_000_000.0,
    1_795_000_123.0,
)  # the recording's moment and the request's, 58 days apart
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=xyz"
JSON = "application/json"

# One value of each kind: as it was recorded, and as it is now.
UUIDS = ("3f2a1b4c-9d8e-4f70-8a61-b2c3d4e5f607", "00112233-4455-4677-8899-AABBCCDDEEFF")
HEXES = ("4bf92f3577b34da6a3ce929d0e0e4736", "a3ce929d0e0e4736")
ISO = ("2026-09-21T14:13:20.123Z", "2026-11-18 11:02:03+01:00")
SECONDS = ("1790000000", "1795000122")
FLOATS = ("1790000000.1234567", "1795000122.5")
MILLISECONDS = ("1790000000123", "1795000122999")
VALUES = {
    "uuid": ("uuid", *UUIDS),
    "hex": ("hex", *HEXES),
    "iso-time": ("iso-time", *ISO),
    "epoch in seconds": ("epoch", *SECONDS),
    "epoch as a float": ("epoch", *FLOATS),
    "epoch in milliseconds": ("epoch", *MILLISECONDS),
}


def request(
    body: bytes | str = b"",
    content_type: str = "",
    url: str = "https://h/p",
    headers: tuple[tuple[str, str], ...] = (),
) -> Request:
    lines = (*headers, ("Content-Type", content_type)) if content_type else headers
    data = body.encode() if isinstance(body, str) else body
    return Request(method="POST", url=url, headers=Headers(lines), body=data)


def chat(text: str, **more) -> Request:
    value = {"model": "m", "messages": [{"role": "user", "content": text}], **more}
    return request(json.dumps(value), JSON)


def part(content: bytes | str, name: str = "f", filename: str | None = None, kind: str = "") -> str:
    text = content if isinstance(content, str) else content.decode("latin-1")
    head = f'Content-Disposition: form-data; name="{name}"'
    head += "" if filename is None else f'; filename="{filename}"'
    head += f"\r\nContent-Type: {kind}" if kind else ""
    return f"--xyz\r\n{head}\r\n\r\n{text}\r\n"


def multipart(*parts: str) -> Request:
    return request(("".join(parts) + "--xyz--\r\n").encode("latin-1"), MULTIPART)


SHAPES = {
    "a prompt": (lambda v: chat(f"Summarise ({v})."), "body.messages[0].content"),
    "metadata": (lambda v: chat("Hi", metadata={"trace id": v}), 'body.metadata["trace id"]'),
    "a list": (lambda v: chat("Hi", stop=["x", v]), "body.stop[1]"),
    "JSON within JSON": (lambda v: chat(json.dumps({"id": v})), "body.messages[0].content"),
    "a JSON string": (lambda v: request(json.dumps(v), JSON), "body"),
    "JSON lines": (
        lambda v: request(f'{{"a":1}}\n{{"custom_id":"{v}"}}\n', "application/x-ndjson"),
        "body[1].custom_id",
    ),
    "a form": (lambda v: request(urlencode({"a": "1", "id": v}), FORM), "form.id"),
    "a query": (lambda v: request(url=f"https://h/p?a=1&id={quote(v)}"), "query.id"),
    "a field of a multipart form": (
        lambda v: multipart(part("x", "model"), part(v, "user")),
        "part.user.content",
    ),
    "a JSON field of a multipart form": (
        lambda v: multipart(part(json.dumps({"user": {"id": v}}), "meta")),
        "part.meta.content.user.id",
    ),
    "a text file": (
        lambda v: multipart(part(f"run {v}\n", "file", "a.txt", "text/plain")),
        "part.file.content",
    ),
    "an uploaded batch": (
        lambda v: multipart(
            part(f'{{"n":1}}\n{{"custom_id":"{v}"}}\n', "file", "b.jsonl", "application/jsonl")
        ),
        "part.file.content[1].custom_id",
    ),
    "an upload that says no type": (
        lambda v: multipart(part(f'{{"custom_id":"{v}"}}', "file", "b.jsonl")),
        "part.file.content.custom_id",
    ),
    "plain text": (lambda v: request(f"Summarise {v}", "text/plain"), "body"),
    "XML": (lambda v: request(f"<id>{v}</id>", "application/xml"), "body"),
}
# Where a space, a colon or a plus is written otherwise, an ISO time is not looked for.
IN_NAMES = {
    "a path": (lambda v: request(url=f"https://h/v1/files/{v}.jsonl"), "url.path"),
    "a file name": (
        lambda v: multipart(part("x", "file", f"clip-{v}.mp3", "audio/mpeg")),
        "part.file.filename",
    ),
}


def loose(one: Request, at: float, matcher: Matcher | None = None):
    return (matcher or Matcher()).loose(one, at)


def are_equal(one: Request, other: Request, matcher: Matcher | None = None) -> bool:
    """Whether a request of now is loosely equal to one that was recorded then."""
    pair = loose(one, THEN, matcher), loose(other, NOW, matcher)
    return None not in pair and pair[0].key == pair[1].key


CASES = [
    pytest.param(*SHAPES[shape], *VALUES[kind], id=f"{kind} in {shape}")
    for shape in SHAPES
    for kind in VALUES
] + [
    pytest.param(*IN_NAMES[shape], *VALUES[kind], id=f"{kind} in {shape}")
    for shape in IN_NAMES
    for kind in VALUES
    if kind != "iso-time"
]


@pytest.mark.parametrize(("shape", "path", "kind", "recorded", "sent"), CASES)
def test_a_value_that_is_new_makes_no_other_request(shape, path, kind, recorded, sent):
    one, other = shape(recorded), shape(sent)

    assert Matcher().key(one) != Matcher().key(other)
    assert are_equal(one, other)
    assert loose(one, THEN).values == (Value(path, kind, recorded),)
    assert loose(other, NOW).values == (Value(path, kind, sent),)


@pytest.mark.parametrize(("shape", "path", "kind", "recorded", "sent"), CASES)
def test_a_kind_that_is_switched_off_tells_requests_apart(shape, path, kind, recorded, sent):
    without = Matcher(volatile=[one for one in KINDS if one != kind])

    assert loose(shape(recorded), THEN, without) is None
    assert loose(shape(recorded), THEN, Matcher(volatile=[])) is None
    assert are_equal(shape(recorded), shape(sent), Matcher(volatile=[kind]))


@pytest.mark.parametrize("shape", [*SHAPES, *IN_NAMES])
@pytest.mark.parametrize(
    ("recorded", "sent"),
    [
        ("1234567890", "1987654321"),  # order numbers: FAILURES A6
        ("2024-02-29T08:00:00Z", "2024-03-01T08:00:00Z"),
        ("1790000000", "1795000122000000"),
        ("Monday", "Tuesday"),
    ],
)
def test_a_value_that_means_something_makes_another_request(shape, recorded, sent):
    make = (SHAPES | IN_NAMES)[shape][0]

    assert not are_equal(make(recorded), make(sent))
    # Nor does one beside a value that is new each time.
    assert not are_equal(make(f"{UUIDS[0]} {recorded}"), make(f"{UUIDS[1]} {sent}"))


@pytest.mark.parametrize("sent", [int(SECONDS[1]), float(FLOATS[1]), int(MILLISECONDS[1])])
@pytest.mark.parametrize("recorded", [int(SECONDS[0]), float(FLOATS[0]), 1790000000.0])
def test_a_json_number_that_is_a_time_of_now_is_volatile(recorded, sent):
    one, other = chat("Hi", created=recorded), chat("Hi", created=sent)

    assert are_equal(one, other)
    assert loose(one, THEN).values == (Value("body.created", "epoch", str(recorded)),)


@pytest.mark.parametrize(
    "number",
    ["-1790000000", "1790000000e1", "1.2345678901234567e-05", "1234567890", "12345678901234567890"],
)
def test_other_json_numbers_are_not(number):
    body = f'{{"id": "{UUIDS[0]}", "n": {number}}}'

    assert [one.path for one in loose(request(body, JSON), THEN).values] == ["body.id"]
    assert not are_equal(
        request(body, JSON), request(body.replace(number, number.replace("1", "2", 1)), JSON)
    )


def test_a_number_is_never_loosely_a_text():
    assert not are_equal(chat("Hi", t=int(SECONDS[0])), chat("Hi", t=SECONDS[1]))


def test_the_header_that_is_matched_is_looked_at_and_no_other():
    matcher = Matcher(("method", "url", "headers"), ("X-Trace",))

    def traced(value: str, other: str) -> Request:
        return request(headers=(("X-Other", other), ("x-trace", f"00-{value}-01")))

    assert are_equal(traced(HEXES[0], UUIDS[0]), traced(HEXES[1], "none"), matcher)
    assert loose(traced(HEXES[0], UUIDS[0]), THEN, matcher).values == (
        Value("header.x-trace", "hex", HEXES[0]),
    )
    assert loose(traced(HEXES[0], UUIDS[0]), THEN) is None


def test_only_what_is_compared_is_looked_at():
    one = request(f'{{"id":"{UUIDS[0]}"}}', JSON, f"https://h/{UUIDS[0]}?id={UUIDS[0]}")

    paths = {
        match_on: [value.path for value in loose(one, THEN, Matcher(("method", match_on))).values]
        for match_on in ("url", "path", "query", "body")
    }

    assert paths == {
        "url": ["url.path", "query.id"],
        "path": ["url.path"],
        "query": ["query.id"],
        "body": ["body.id"],
    }
    assert loose(one, THEN, Matcher(("method", "host"))) is None


@pytest.mark.parametrize(
    "make",
    [
        lambda v: request(f'{{"{v}": 1}}', JSON),
        lambda v: request(f'{{"a": {{"{v}": 1}}}}\n{{"b": 2}}', JSON),
        lambda v: request(f"{v}=1", FORM),
        lambda v: request(url=f"https://h/p?{v}=1"),
        lambda v: multipart(part("x", v)),
        lambda v: multipart(part(f'{{"{v}": 1}}', "meta")),
        lambda v: request(url=f"https://{v}.example/p"),
        lambda v: multipart(part("x", "f", "a", f"text/plain; id={v}")),
    ],
    ids=["JSON", "JSON lines", "form", "query", "part", "JSON part", "host", "type"],
)
def test_names_are_never_volatile(make):
    assert loose(make(UUIDS[0]), THEN) is None


@pytest.mark.parametrize(
    "make",
    [
        lambda v: multipart(part(f"\x89PNG\x00{v}", "f", "a.png", "image/png")),
        lambda v: multipart(part(v, "f", "a.png", "image/png")),
        lambda v: multipart(part(f"%PDF {v}", "f", "a.pdf", "application/pdf")),
        lambda v: multipart(part(f"\x00\x01{v}", "f", "a.bin", "application/octet-stream")),
        lambda v: multipart(part(f"\xff\xfe{v}", "f", "a.bin")),
        lambda v: request(f"RIFF\x02{v}", "application/octet-stream"),
        lambda v: request(v, "audio/wav"),
    ],
)
def test_what_is_no_text_is_compared_byte_for_byte(make):
    assert loose(make(UUIDS[0]), THEN) is None


def test_a_boundary_is_no_value():
    body = part("hello").replace("xyz", UUIDS[0]) + f"--{UUIDS[0]}--\r\n"
    one = request(body, f"multipart/form-data; boundary={UUIDS[0]}")

    assert loose(one, THEN) is None


def test_a_recording_without_a_moment_has_no_times():
    assert loose(chat(f"{SECONDS[0]} {ISO[0]} {MILLISECONDS[0]}"), 0) is None
    assert loose(chat(f"{SECONDS[0]} {UUIDS[0]}"), 0).values == (
        Value("body.messages[0].content", "uuid", UUIDS[0]),
    )


def test_two_past_dates_are_two_requests_also_a_day_apart():
    texts = [f"{UUIDS[0]} What happened on 2026-09-{day} 12:00:00?" for day in (23, 24)]

    assert not are_equal(chat(texts[0]), chat(texts[1]))


def test_the_window_of_times_can_be_set():
    narrow, wide = Matcher(window_s=60), Matcher(window_s=float("inf"))

    assert loose(chat("1790000061"), THEN, narrow) is None
    assert are_equal(chat("1234567890"), chat("1987654321"), wide)


def test_equal_values_have_one_number_so_that_structure_counts():
    a, b, c, d = UUIDS[0], HEXES[0], UUIDS[1], HEXES[1]

    assert are_equal(chat(f"{a} {a}"), chat(f"{c} {c}"))
    assert are_equal(chat(f"{a} {b}"), chat(f"{c} {d}"))
    assert not are_equal(chat(f"{a} {a}"), chat(f"{c} {a}"))
    assert not are_equal(chat(f"{a} {b}"), chat(f"{b} {a}"))
    assert not are_equal(chat(a), chat(f"{c} {c}"))
    assert not are_equal(chat(a, user=a), chat(c, user=a))
    assert are_equal(chat(a, user=a), chat(c, user=c))


def test_numbers_do_not_depend_on_the_order_of_keys_nor_on_the_values():
    def body(first: str, second: str, turned: bool) -> Request:
        pairs = [("a", first), ("b", second), ("c", first)]
        return request(json.dumps(dict(reversed(pairs) if turned else pairs)), JSON)

    low, high = sorted(UUIDS)
    assert are_equal(body(low, high, False), body(high, low, True))
    assert not are_equal(body(low, high, False), body(low, low, True))


def test_numbers_do_not_depend_on_the_order_of_pairs_nor_of_headers():
    low, high = sorted(UUIDS)
    matcher = Matcher(("url", "headers"), ("x-a", "x-b"))

    def asked(first: str, second: str, turned: bool) -> Request:
        pairs, lines = [("a", first), ("b", second)], [("x-a", first), ("x-b", second)]
        if turned:
            pairs.reverse()
            lines.reverse()
        return request(url=f"https://h/p?{urlencode(pairs)}", headers=tuple(lines))

    assert are_equal(asked(low, high, False), asked(high, low, True), matcher)


def test_lines_of_one_header_keep_their_order_whatever_their_values():
    low, high = sorted(UUIDS)
    matcher = Matcher(("body", "headers"), ("x-a",))

    def asked(first: str, second: str) -> Request:
        return request(f'"{first}"', JSON, headers=(("x-a", first), ("x-a", second)))

    assert are_equal(asked(low, high), asked(high, low), matcher)


def test_an_equal_request_with_nothing_volatile_has_no_loose_key():
    assert loose(chat("Hello"), THEN) is None


def test_the_loose_key_is_never_an_exact_one():
    one = chat(UUIDS[0])

    assert loose(one, THEN).key != Matcher().key(one)


def test_a_users_kind_is_volatile_in_texts_and_whole_numbers():
    matcher = Matcher(volatile=["batch"], patterns={"batch": r"litellm-batch-[0-9a-f]{8}|\d{4}"})

    assert are_equal(chat("litellm-batch-0a1b2c3d"), chat("litellm-batch-ffffffff"), matcher)
    assert are_equal(chat("Hi", n=1234), chat("Hi", n=5678), matcher)
    assert not are_equal(chat("x1234", n=12345), chat("x5678", n=12346), matcher)
    assert loose(chat(UUIDS[0]), THEN, matcher) is None


@pytest.mark.parametrize("name", ["method", "url", "model", "credential"])
def test_what_else_differs_still_counts(name):
    one, other = chat(UUIDS[0]), chat(UUIDS[1])
    other = {
        "method": other.replace(method="PUT"),
        "url": other.replace(url="https://h/q"),
        "model": chat(UUIDS[1], model="n"),
        "credential": other.replace(principal=1),
    }[name]

    assert not are_equal(one, other)

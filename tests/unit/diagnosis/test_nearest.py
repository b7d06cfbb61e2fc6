"""The nearest of many recordings is the right one, whatever of the request has changed."""

from __future__ import annotations

import json
import random

import pytest

from onetake.diagnosis.nearest import nearest
from onetake.errors import CassetteError
from onetake.formats.document import Stored, encode_interaction, join, parse
from onetake.messages import Body, Headers, Interaction, Request, Response

URL = "https://api.example.com/v1/chat/completions"
WORDS = [
    "answer",
    "budget",
    "cassette",
    "chunk",
    "client",
    "design",
    "ledger",
    "opening",
    "prompt",
    "résumé",
    "東京",
    "naïve",
]
MANY = 300


def prose(seed: int, count: int = 250) -> str:
    words = random.Random(seed)
    return " ".join(words.choice(WORDS) for _ in range(count))


def post(body: object, url: str = URL, *, spelt=None, principal: int = 0) -> Request:
    data = body if isinstance(body, bytes) else json.dumps(body, separators=spelt).encode()
    headers = Headers((("Content-Type", "application/json"), ("User-Agent", "test/1")))
    return Request(method="POST", url=url, headers=headers, body=data, principal=principal)


def stored(requests: list[Request]) -> list[Stored]:
    """The requests as entries of a document that was written and read."""
    blobs: dict[str, bytes] = {}
    answer = Response(status=200, body=Body(data=b'{"answer": "' + b"words " * 100 + b'"}'))
    texts = [
        encode_interaction(Interaction(request=one, response=answer, at=1790000000), blobs)
        for one in requests
    ]
    return parse(join(texts, None), "cassette.json", blobs.__getitem__).entries


def index(request: Request, recordings: list[Stored], **more: object) -> int | None:
    found = nearest(request, recordings, **more)
    return None if found is None else found[0]


def chat(n: int, **changes: object) -> dict:
    """Conversations that share a template; only the number of the document tells them apart."""
    return {
        "model": "m-1",
        "max_tokens": 512,
        "messages": [
            {"role": "system", "content": f"You summarise in plain words. {prose(1, 40)}"},
            {"role": "user", "content": f"Document {n:06}: {prose(2)}"},
            {"role": "user", "content": f"Be brief. {prose(3, 40)}"},
        ],
        **changes,
    }


def with_content(body: dict, at: int, content: str) -> dict:
    messages = [dict(message) for message in body["messages"]]
    messages[at]["content"] = content
    return {**body, "messages": messages}


def replaced_word(text: str) -> str:
    words = text.split(" ")
    words[len(words) // 2] = "zebra"
    return " ".join(words)


CHANGES = {
    "a word in the middle": lambda body: with_content(
        body, 1, replaced_word(body["messages"][1]["content"])
    ),
    "the first message": lambda body: with_content(body, 0, "You answer in one word."),
    "the last message": lambda body: with_content(body, 2, prose(77)),
    "the first and the last": lambda body: with_content(with_content(body, 0, "Hi."), 2, "Yes?"),
    "a number": lambda body: {**body, "max_tokens": 1024},
    "a message put in front": lambda body: {
        **body,
        "messages": [{"role": "system", "content": prose(5)}, *body["messages"]],
    },
    "a message left out": lambda body: {**body, "messages": body["messages"][1:]},
    "fields with values of now": lambda body: {
        "metadata": {
            "trace": "4be1a3c8-0d0f-4a53-a1d5-77f2c0a1b6d1",
            "at": "2026-11-25T03:41:00Z",
            "session": "9f86d081884c7d659a2feaa0c55ad015",
        },
        **body,
    },
    "the order of keys": lambda body: dict(reversed(body.items())) | {"max_tokens": 5},
}


@pytest.fixture(scope="module")
def chats() -> list[Stored]:
    return stored([post(chat(n)) for n in range(MANY)])


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("n", [0, 137, MANY - 1])
def test_of_many_from_one_template_the_right_one_is_found(chats, change, n):
    assert nearest(post(CHANGES[change](chat(n))), chats) == (n, (True, True, True))


@pytest.mark.parametrize("change", CHANGES)
def test_of_many_that_share_little_the_right_one_is_found(change):
    bodies = [with_content(chat(n), 1, prose(1000 + n)) for n in range(MANY)]
    assert index(post(CHANGES[change](bodies[211])), stored(list(map(post, bodies)))) == 211


def test_recordings_that_differ_in_one_short_field_are_told_apart():
    recordings = stored([post(chat(7, user=f"u{n}")) for n in range(MANY)])
    changed = CHANGES["a word in the middle"](chat(7, user="u88"))
    assert index(post(changed), recordings) == 88


def test_recordings_that_differ_in_one_number_are_told_apart():
    recordings = stored([post(chat(7, seed=n)) for n in range(MANY)])
    assert index(post({**chat(7, seed=150), "model": "m-2"}), recordings) == 150


@pytest.mark.parametrize("spelt", [(",", ":"), (", ", ": ")])
def test_how_the_body_is_spelt_does_not_count(spelt):
    """Text beyond ASCII is escaped by the client, and stored as it is."""
    recordings = stored([post(chat(n), spelt=(",", ":")) for n in range(MANY)])
    changed = CHANGES["a word in the middle"](chat(260))
    assert b"\\u6771" in post(changed, spelt=spelt).body
    assert index(post(changed, spelt=spelt), recordings) == 260


def test_of_turns_of_one_conversation_the_one_of_the_same_length_is_found():
    turns = [{"role": "user", "content": prose(n, 30)} for n in range(60)]
    recordings = stored([post({"messages": turns[: n + 1]}) for n in range(60)])
    sent = [*turns[:30], {"role": "user", "content": replaced_word(turns[30]["content"])}]
    assert index(post({"messages": sent}), recordings) == 30


def upload(content: bytes, boundary: str, filename: str = "a.bin", kind: str = "image/png"):
    lines = (
        *(f"--{boundary}", 'Content-Disposition: form-data; name="purpose"', "", "batch"),
        *(f"--{boundary}", f'Content-Disposition: form-data; name="file"; filename="{filename}"'),
        *(f"Content-Type: {kind}", "", ""),
    )
    body = "\r\n".join(lines).encode() + content + f"\r\n--{boundary}--\r\n".encode()
    headers = Headers((("Content-Type", f"multipart/form-data; boundary={boundary}"),))
    return Request(method="POST", url="https://api.example.com/files", headers=headers, body=body)


@pytest.mark.parametrize("content", ["text", "binary"])
def test_an_upload_of_which_a_byte_has_changed_is_found(content):
    def file(n: int) -> bytearray:
        if content == "text":
            return bytearray(f"{prose(1, 100)} {n:06} {prose(2, 100)}", "utf-8")
        return bytearray(random.Random(n).randbytes(2000))

    recordings = stored([upload(bytes(file(n)), f"recorded-{n}") for n in range(MANY)])
    changed = file(123)
    changed[len(changed) // 4] ^= 1
    assert index(upload(bytes(changed), "sent"), recordings) == 123


def test_a_large_upload_under_another_name_is_found_by_its_content():
    def content(n: int) -> bytes:
        return random.Random(n).randbytes(20_000)

    recordings = stored([upload(content(n), f"b{n}", f"{n}.png") for n in range(60)])
    assert index(upload(content(31), "sent", "other.png"), recordings) == 31


def test_a_text_that_is_no_json_is_found_by_its_lines():
    def lines(n: int) -> Request:
        return post(f"{prose(1)}\nnumber {n}\n{prose(2)}".encode())

    recordings = stored([lines(n) for n in range(MANY)])
    sent = lines(99)
    assert index(sent.replace(body=sent.body + b"\nand more"), recordings) == 99


def test_another_path_of_the_same_host_is_found_by_the_body():
    recordings = stored([post(chat(n), f"https://api.example.com/v1/{n}/x") for n in range(MANY)])
    sent = post(chat(55), "https://api.example.com/v2/other")
    assert nearest(sent, recordings) == (55, (True, False, True))


def test_another_path_without_a_body_is_found_by_the_rest_of_the_path():
    recordings = stored(
        [post(b"", f"https://api.example.com/v1/files/file-{n:05}/content") for n in range(MANY)]
    )
    sent = post(b"", "https://api.example.com/v1/files/file-00213/contents")
    assert nearest(sent, recordings) == (213, (True, False, True))


def test_the_same_path_comes_before_a_body_that_is_more_alike():
    others = [post(chat(7), "https://api.example.com/v1/other") for _ in range(50)]
    recordings = stored([*others, post(chat(8, model="m-9"))])
    assert nearest(post(chat(7)), recordings) == (50, (True, True, True))


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://api.example.com/v1/chat/completions?a=1", (True, True, True)),
        ("https://API.example.com:443/v1/chat/completions", (True, True, True)),
        ("https://api.example.com.evil.test/v1/chat/completions", (False, True, True)),
        ("https://api.example.com/v1/chat/completions/x", (True, False, True)),
        ("http://api.example.com/v1/chat/completions", (True, True, True)),
    ],
)
def test_the_place_is_read_from_urls_however_they_are_written(url, place):
    near, far = post(chat(1), url), post(chat(1), "https://elsewhere.test/none")
    first = post(chat(1), "https://api.example.com/v1/else")  # the same origin, seen before
    sent = post(chat(2))
    recordings = stored([first, far, near])
    assert nearest(sent, recordings, among=[1, 2]) == (2, place)
    if place[0]:
        assert nearest(sent, recordings) == (2, place)
    else:
        assert nearest(sent, recordings) == (0, (True, False, True))


def test_nothing_of_the_place_is_near_nothing():
    assert nearest(post(chat(1)), stored([post(chat(1), "https://elsewhere.test/none")])) is None
    assert nearest(post(chat(1)), []) is None


def test_what_cannot_be_decoded_is_passed_over():
    whole = stored([upload(random.Random(n).randbytes(20_000), f"b{n}") for n in range(20)])

    def no_blob(name: str) -> bytes:
        raise CassetteError(f"no blob {name}")

    text = join([one.raw for one in whole], None)
    blobless = parse(text, "cassette.json", no_blob).entries
    sent = upload(random.Random(11).randbytes(20_000), "sent", "other.png")
    assert nearest(sent, blobless) is None
    assert index(sent, [*blobless, whole[5]]) == 20


def test_an_entry_that_is_no_recording_is_passed_over():
    entries = [one.raw for one in stored([post(chat(n)) for n in range(40)])]
    entries[3] = b'{"request": 5}'
    recordings = parse(join(entries, None), "cassette.json", lambda _: b"").entries
    assert index(post({**chat(4), "model": "m-2"}), recordings) == 4


def test_of_equals_one_that_was_not_used_is_taken():
    recordings = stored([post(chat(n % 50)) for n in range(150)])
    sent = post({**chat(7), "model": "m-2"})
    assert index(sent, recordings) == 7
    assert index(sent, recordings, used={7}) == 57
    assert index(sent, recordings, used={7, 57, 107}) == 7


def test_one_that_was_used_is_nearer_than_another_that_was_not(chats):
    assert index(post({**chat(7), "model": "m-2"}), chats, used={7}) == 7


def test_only_those_among_which_to_choose_are_looked_at(chats):
    sent = post({**chat(7), "model": "m-2"})
    assert index(sent, chats, among=range(5, 100)) == 7
    assert index(sent, chats, among=[250, 20, 30]) in (20, 30, 250)
    assert index(sent, chats, among=[]) is None


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[" * 5000, b"\xff\xfe", b'{"a": "\\ud800"}', b"\0" * 9]
)
def test_no_request_is_too_strange(chats, body):
    sent = Request(
        method="P\udce9ST",
        url="https://api.example.com/v1/\udce9?\udce9",
        headers=Headers((("content-type", "multipart/form-data; boundary=\udce9"),)),
        body=body,
    )
    assert nearest(sent, chats) is not None

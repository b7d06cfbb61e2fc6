"""Ids of now take the place of recorded ones in answers."""

from __future__ import annotations

from onetake.messages import Body, Chunk, Headers, Interaction, Request, Response
from onetake.recorder.captured import Captured

OLD, NEW = "0b6c4f4e-6b9b-4a3e-9b1c-7a4d2f3e5c6d", "9f8e7d6c-5b4a-4392-8170-6f5e4d3c2b1a"
ASKED = Request(method="GET", url="http://h/")


def answer(data: bytes, *chunks: Chunk, headers=()) -> Interaction:
    body = Body(data=data, chunks=chunks)
    return Interaction(
        request=ASKED, response=Response(status=200, headers=Headers(headers), body=body)
    )


def carried(value: tuple[str, str, str], found: Interaction) -> Interaction:
    captured = Captured()
    captured.learn([value])
    return captured.carry(found, ASKED)


def test_body_headers_and_chunks_follow():
    found = answer(
        f"a {OLD} b {OLD}".encode(),
        Chunk(10, 1),
        Chunk(77, 2),
        headers=(("location", f"/files/{OLD}"), ("content-length", "77")),
    )

    response = carried(("uuid", OLD, NEW), found).response

    assert response is not None
    assert response.body.data == f"a {NEW} b {NEW}".encode()
    assert response.body.chunks == (Chunk(10, 1), Chunk(77, 2))
    assert response.headers.get("location") == f"/files/{NEW}"


def test_another_length_is_counted():
    found = answer(b"run-" + b"a1" * 10, headers=(("content-length", "24"),))

    response = carried(("hex", "a1" * 10, "b2" * 16), found).response

    assert response is not None
    assert response.body.data == b"run-" + b"b2" * 16
    assert response.headers.get("content-length") == "36"


def test_times_and_short_values_are_not_carried():
    found = answer(b"1795577062 abc 2026-11-25T03:24:22Z")

    assert carried(("epoch", "1795577062", "1795663463"), found) is found
    assert carried(("iso-time", "2026-11-25T03:24:22Z", "2026-11-26T03:24:22Z"), found) is found
    assert carried(("ticket", "abc", "xyz"), found) is found


def test_an_answer_without_the_id_stays_the_same_object():
    found = answer(b"nothing here")

    assert carried(("uuid", OLD, NEW), found) is found
    assert carried(("uuid", OLD, NEW), Interaction(request=ASKED)).response is None


def test_binary_answers_and_longer_values_are_left_alone():
    stream = ("content-type", "application/vnd.amazon.eventstream")
    found = answer(OLD.encode(), headers=(stream,))
    assert carried(("uuid", OLD, NEW), found) is found

    digest = answer(b"a1" * 10 + b"cc")
    assert carried(("hex", "a1" * 10, "b2" * 10), digest) is digest


def test_an_id_that_the_request_itself_sends_stands_for_itself():
    captured = Captured()
    captured.learn([("uuid", OLD, NEW)])
    found = answer(OLD.encode())

    exactly = captured.carry(found, Request(method="GET", url=f"http://h/docs/{OLD}"))

    assert exactly is found
    assert captured.carry(found, ASKED) is found  # and from now on


def test_what_is_recorded_joins_under_the_ids_of_the_recording():
    captured = Captured()
    captured.learn([("uuid", OLD, NEW)])
    asked = Request(method="POST", url=f"http://h/{NEW}", body=f'{{"id": "{NEW}"}}'.encode())
    made = Interaction(request=asked, response=Response(status=200, body=Body(data=NEW.encode())))

    restored = captured.restore(made)

    assert restored.request.url == f"http://h/{OLD}"
    assert restored.request.body == f'{{"id": "{OLD}"}}'.encode()
    assert restored.response is not None
    assert restored.response.body.data == OLD.encode()
    assert captured.restore(answer(b"nothing")).response == answer(b"nothing").response


def test_a_second_meaning_replaces_the_first():
    captured = Captured()
    third = "11111111-2222-4333-8444-555555555555"
    captured.learn([("uuid", OLD, NEW)])
    captured.learn([("uuid", OLD, third)])

    response = captured.carry(answer(OLD.encode()), ASKED).response

    assert response is not None
    assert response.body.data == third.encode()


def test_any_text_can_be_learnt():
    captured = Captured()
    captured.learn([("ticket", "\ud800" * 20, "x" * 20)])

    assert captured.carry(answer(b"plain"), ASKED).response == answer(b"plain").response

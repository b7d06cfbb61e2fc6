"""Two interactions, or two cassettes, by meaning."""

from __future__ import annotations

import pytest

from onetake.diagnosis import compare, compare_cassettes
from onetake.matching import Matcher
from onetake.messages import Body, Chunk, Ended, Failure, Headers, Interaction, Request, Response
from tests.unit.diagnosis.requests import chat, upload

JSON = ("content-type", "application/json")
SSE = ("content-type", "text/event-stream; charset=utf-8")


def answered(
    request: Request, data: bytes = b"{}", status: int = 200, headers=(JSON,), **more
) -> Interaction:
    response = Response(status=status, headers=Headers(tuple(headers)), body=Body(data=data))
    return Interaction(request=request, response=response, **more)


def paths(one: Interaction, other: Interaction) -> list[str]:
    return [found.path for found in compare(one, other)]


ASKED = chat("x")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (answered(ASKED), answered(ASKED), []),
        (answered(ASKED, b'{"a":1,"b":2}'), answered(ASKED, b'{"b": 2, "a": 1}'), []),
        (answered(upload(b"x", boundary="a")), answered(upload(b"x", boundary="b")), []),
        (answered(ASKED, at=1, ms=5), answered(ASKED, at=9, ms=7), []),
        (
            answered(ASKED, headers=(JSON, ("date", "Mon"), ("x-request-id", "1"), ("content-length", "2"))),
            answered(ASKED, headers=(JSON, ("date", "Tue"), ("x-request-id", "2"), ("content-length", "3"))),
            [],
        ),
        (answered(ASKED), answered(chat("y")), ["body.messages[1].content"]),
        (answered(ASKED), answered(ASKED, status=429), ["answer.status"]),
        (answered(ASKED), answered(ASKED, headers=(JSON, ("x-a", "1"))), ["answer.header.x-a"]),
        (answered(ASKED, b'{"a":[1,2]}'), answered(ASKED, b'{"a":[1,3]}'), ["answer.body.a[1]"]),
        (answered(ASKED), answered(ASKED, ended=Ended.CUT), ["answer.ended"]),
        (
            answered(ASKED),
            Interaction(request=ASKED, failure=Failure(kind="refused", type="x")),
            ["answer.failure", "answer.status"],
        ),
        (
            answered(ASKED, b'data: {"d":"a"}\n\ndata: [DONE]\n\n', headers=(SSE,)),
            answered(ASKED, b'event: x\r\ndata: {"d":"b"}\r\n\r\ndata: [DONE]\r\n\r\n', headers=(SSE,)),
            ["answer.body[0].d", "answer.body[0].event", "answer.body[0].data"],
        ),
        (
            answered(ASKED, b'data: {"d":"a"}\n\n', headers=(SSE,)),
            answered(ASKED, b': ping\ndata: {"d":\ndata: "a"}\n\n', headers=(SSE,)),
            [],
        ),
        (answered(ASKED, b"\x89PNG1", headers=()), answered(ASKED, b"\x89PNG2", headers=()), ["answer.body"]),
    ],
)  # fmt: skip
def test_differences_of_meaning_are_named(one, other, expected):
    assert paths(one, other) == expected


def test_how_an_answer_was_cut_into_chunks_is_no_difference():
    whole = Response(status=200, body=Body(data=b"abc", chunks=(Chunk(3, 1),)))
    pieces = Response(status=200, body=Body(data=b"abc", chunks=(Chunk(1, 1), Chunk(3, 9))))

    assert compare(*(Interaction(request=ASKED, response=one) for one in (whole, pieces))) == ()


def test_cassettes_are_compared_whatever_the_order():
    ones = [answered(chat("a")), answered(chat("b")), answered(chat("c"))]
    others = [answered(chat("c")), answered(chat("a"))]

    (pair,) = compare_cassettes(ones, others, Matcher())

    assert (pair.one, pair.other, pair.differences) == (2, None, ())


def test_a_changed_request_finds_its_counterpart():
    ones = [answered(chat("a long enough question about France")), answered(chat("a haiku"))]
    others = [answered(chat("a haiku!")), answered(chat("a long enough question about Italy"))]

    pairs = compare_cassettes(ones, others, Matcher())

    assert [(pair.one, pair.other) for pair in pairs] == [(1, 2), (2, 1)]
    assert [[one.path for one in pair.differences] for pair in pairs] == [
        ["body.messages[1].content"]
    ] * 2


def test_equal_requests_are_paired_in_order():
    ones = [answered(chat("poll"), b'{"s":%d}' % n) for n in (1, 2, 3)]
    others = [answered(chat("poll"), b'{"s":%d}' % n) for n in (1, 2, 4, 5)]

    pairs = compare_cassettes(ones, others, Matcher())

    assert [(pair.one, pair.other) for pair in pairs] == [(3, 3), (None, 4)]


def test_answers_nested_too_deeply_to_be_looked_into_are_one_difference():
    one, other = (
        answered(ASKED, b'{"a":' + b"[" * 700 + text + b"]" * 700 + b"}") for text in (b"1", b"2")
    )

    assert paths(one, other) == ["answer.body"]

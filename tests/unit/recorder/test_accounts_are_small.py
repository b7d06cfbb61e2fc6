"""What is kept of a replayed call after its answer is small, whatever was sent and answered."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from onetake.config import Settings
from onetake.messages import Body, Headers, Interaction, Request, Response
from onetake.recorder import Recorder

URL = "https://api.example.com/v1/chat/completions"
JSON = Headers((("content-type", "application/json"),))
LARGE = 4_000


def asked(n: int) -> Request:
    body = b'{"model": "m", "n": %d, "text": "%s"}' % (n, b"x" * LARGE)
    return Request(method="POST", url=URL, headers=JSON, body=body)


def answered(n: int) -> Interaction:
    data = (
        b'{"model": "m", "usage": {"prompt_tokens": %d, "completion_tokens": 2}, "text": "%s"}'
        % (
            n,
            b"y" * LARGE,
        )
    )
    response = Response(status=200, headers=JSON, body=Body(data=data))
    return Interaction(request=asked(n), response=response, at=1_700_000_000, ms=1)


@pytest.fixture
def recorder(tmp_path):
    return Recorder(settings=Settings(store="memory:", repeats="last"), root=tmp_path, in_test=True)


@pytest.fixture
def record(recorder):
    def record(name: str, count: int) -> None:
        with recorder.use_cassette(name, mode="record") as cassette:
            for n in range(count):
                cassette.opening.decide(asked(n), "httpx").call.keep(answered(n))

    return record


def grown_by(cassette, numbers) -> float:
    """Bytes of memory that replaying recordings with these numbers has added."""
    gc.collect()
    tracemalloc.start()
    try:
        for n in numbers:
            decision = cassette.opening.decide(asked(n), "httpx")
            assert decision.interaction.response.status == 200
        del decision
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def test_what_is_answered_again_and_again_takes_a_few_bytes_a_call(recorder, record):
    record("few", 20)
    with recorder.use_cassette("few", mode="replay") as cassette:
        for n in range(20):  # the first of each
            cassette.opening.decide(asked(n), "httpx")

        grown = grown_by(cassette, [n % 20 for n in range(1_000)])

        assert grown / 1_000 < 100  # so a million calls take less than 100 MB
        assert len(cassette.calls) == 1_020
        assert cassette.calls[-1] == cassette.calls[19]
        assert cassette.calls[-1].usage.input_tokens == 19


def test_an_account_holds_no_more_bodies_than_it_may(recorder, record, monkeypatch):
    monkeypatch.setattr("onetake.recorder.ledger._UNREAD", 10 * LARGE)
    record("many", 150)
    with recorder.use_cassette("many", mode="replay") as cassette:
        cassette.opening.decide(asked(0), "httpx")

        grown = grown_by(cassette, range(1, 150))

        assert grown < 10 * LARGE + 150 * 1_500
        tokens = [call.usage.input_tokens for call in cassette.calls]
        assert tokens == list(range(150))  # read from the recordings all the same


def test_calls_that_differ_are_told_apart_though_one_recording_answers_them(recorder, record):
    record("one", 1)
    with recorder.use_cassette("one", mode="replay") as cassette:
        for client in ("httpx", "requests", "httpx", "requests"):
            cassette.opening.decide(asked(0), client)

    clients = [call.client for call in cassette.calls]
    assert clients == ["httpx", "requests", "httpx", "requests"]

"""The account of an owner's calls."""

from __future__ import annotations

import json

from onetake.messages import (
    Body,
    Ended,
    Failure,
    Headers,
    Interaction,
    Request,
    Response,
)
from onetake.recorder.ledger import Ledger
from onetake.recorder.quarantined import Apart
from onetake.recorder.readings import spent

CHAT = "https://api.openai.com/v1/chat/completions"


def asked(url: str = CHAT) -> Request:
    headers = Headers((("authorization", "Bearer sk-very-secret"),))
    return Request(method="POST", url=url, headers=headers, body=b'{"model": "m", "x": "long"}')


def answered(request: Request, status: int = 200) -> Interaction:
    data = json.dumps({"model": "m", "usage": {"prompt_tokens": 3, "completion_tokens": 4}})
    response = Response(status=status, body=Body(data=data.encode()))
    return Interaction(request=request, response=response, ms=7)


def failed(request: Request, kind: str) -> Interaction:
    return Interaction(request=request, failure=Failure(kind=kind, type="x"), ended=Ended.CUT)


def test_a_call_is_read_when_its_answer_is_there_and_nothing_of_it_is_held():
    ledger = Ledger("test")
    entry = ledger.add(asked(), "httpx", "live", "unmarked")
    ledger.answered(entry, asked(), answered(asked()))

    held = repr(ledger._entries)
    assert "sk-very-secret" not in held
    assert "long" not in held
    [call] = ledger.calls
    assert (call.status, call.ms, call.sent, call.received) == (200, 7, 27, 69)
    assert call.usage is not None
    assert call.usage.output_tokens == 4


def test_what_comes_after_the_end_is_no_part_of_the_account():
    ledger = Ledger("test")
    ledger.add(asked(), "httpx", "live")
    number = ledger.number
    ledger.close()
    ledger.add(asked(), "httpx", "live")

    assert len(ledger.calls) == 1
    assert ledger.counts == {"live": 1}
    assert ledger.number == number
    assert ledger.late_number > number


def test_only_what_was_answered_well_or_nobody_has_seen_is_paid():
    ledger = Ledger("test")
    for end in (
        answered(asked()),
        answered(asked(), 500),
        failed(asked(), "refused"),
        failed(asked(), "read-timeout"),
    ):
        ledger.answered(ledger.add(asked(), "httpx", "recorded"), asked(), end)
    ledger.add(asked(), "httpx", "live")
    ledger.add(asked("http://127.0.0.1/echo"), "httpx", "live")
    ledger.add(asked(), "httpx", "missed")

    used = [one.usage.output_tokens if one.usage else None for one in spent(ledger.calls)]
    assert used == [4, None, None]  # the answer, what was cut, and what nobody has read


def test_equal_calls_are_told_as_one_with_their_number():
    ledger = Ledger("test")
    for _ in range(3):
        ledger.answered(ledger.add(asked(), "httpx", "live"), asked(), answered(asked()))

    assert len(ledger.calls) == 3
    assert [(one.calls, one.usage.output_tokens) for one in spent(ledger.calls)] == [(3, 4)]


def test_what_is_replayed_is_read_from_its_recording_where_its_answer_is_held_no_longer(
    monkeypatch,
):
    monkeypatch.setattr("onetake.recorder.ledger._UNREAD", 0)
    recorded = Apart(answered(asked()))
    ledger = Ledger("test")
    ledger.add_replay(
        asked(), "httpx", recorded.interaction, recorded=recorded, slot=None, is_again=False
    )

    assert list(ledger.replays()) == [(asked(), recorded.interaction)]
    [call] = ledger.calls
    assert (call.outcome, call.status, call.usage.output_tokens) == ("replayed", 200, 4)
    assert list(ledger.replays()) == []  # it is read

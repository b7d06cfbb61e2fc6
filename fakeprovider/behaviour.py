"""Misbehaviour on demand, chosen by the model's name or by the header `x-fake`.

`fake-slow` (stream chunks 200 ms apart), `fake-cut` (the connection ends after chunk 3 of a
stream, or in the middle of a whole body), `fake-429` (twice for each distinct body, then 200),
`fake-400`, `fake-500`, `fake-protocol-error` (bytes that are not HTTP), `fake-hang` (no answer at
all). The name may be a part of the model's name: `openai/fake-slow` works.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

from fakeprovider.messages import Answer, Call, RefusalError

_SLOW_DELAY_MS = 200
_CUT_AFTER_CHUNKS = 3
_REFUSALS_BEFORE_200 = 2
_GARBAGE = b"\x00\x01\xfe\xff this is not HTTP \x80\x81\r\n\r\n\x00"


def behave(call: Call, model: str, answer_of: Callable[[], Answer]) -> Answer:
    """The answer of `answer_of`, spoilt as `model` or the header asks; may raise RefusalError."""
    wish = call.request.header("x-fake") or model
    if "fake-protocol-error" in wish:
        return Answer(raw=_GARBAGE)
    if "fake-hang" in wish:
        return Answer(hang=True)
    if "fake-400" in wish:
        raise RefusalError(400, "The model 'fake-400' refuses every request.", param="model")
    if "fake-500" in wish:
        raise RefusalError(500, "The server had an error while processing your request.")
    if "fake-429" in wish:
        _refuse_first_calls(call)
    answer = answer_of()
    if "fake-cut" in wish:
        return _cut(answer)
    if "fake-slow" in wish and answer.framing == "chunked":
        return replace(answer, delay_ms=_SLOW_DELAY_MS)
    return answer


def _refuse_first_calls(call: Call) -> None:
    key = call.request.path.encode() + b"\n" + call.request.body
    if call.state.attempt(hashlib.sha256(key).hexdigest()) <= _REFUSALS_BEFORE_200:
        # The millisecond form is what the openai and anthropic clients read first; it keeps tests
        # quick while retry-after stays the whole second that a header can say.
        raise RefusalError(
            429,
            "Rate limit reached for requests. Please try again in 1s.",
            code="rate_limit_exceeded",
            headers=(("retry-after", "1"), ("retry-after-ms", "20")),
        )


def _cut(answer: Answer) -> Answer:
    if answer.framing == "chunked":
        return replace(answer, chunks=answer.chunks[:_CUT_AFTER_CHUNKS], cut=True)
    body = b"".join(answer.chunks)
    return replace(answer, chunks=(body[: len(body) // 2],), cut=True)

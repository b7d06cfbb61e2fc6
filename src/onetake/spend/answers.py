"""Bodies as the readers of usage want them: the few fields that tell of usage, whatever was sent.

An answer is read with a typed decoder, which passes over the text that it does not name: that text is
nearly all of a body. What stands inside an answer and may be large stays `Raw` until somebody asks.
Nothing here raises.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Raw, Struct

from onetake.content import Kind, plain_value, read_request, read_response
from onetake.messages import Request, Response
from onetake.spend.counts import Fields, fields_of, objects_of
from onetake.wire import event_stream
from onetake.wire.late import late_decoder, late_pattern
from onetake.wire.sse import read_events

_T = TypeVar("_T")


class Answer(Struct):
    """An object of an answer: each field as it was sent, None or empty where it was not."""

    model: object = None
    usage: object = None
    service_tier: object = None
    type: object = None
    x_groq: object = None
    duration: object = None
    meta: object = None
    serviceTier: object = None  # noqa: N815
    modelVersion: object = None  # noqa: N815
    usageMetadata: object = None  # noqa: N815
    metrics: object = msgspec.field(default=None, name="amazon-bedrock-invocationMetrics")
    response: Raw = Raw()
    message: Raw = Raw()
    delta: Raw = Raw()
    output: Raw = Raw()
    data: Raw = Raw()
    predictions: Raw = Raw()


_answer = late_decoder(Answer)
_answers = late_decoder(list[Raw])
_anything = msgspec.json.Decoder()


def request_fields(request: Request) -> Fields:
    """Return the fields of a JSON body, or the short ones of a form or an upload."""
    return fields_of(plain_value(read_request(request)))


def answers_of(response: Response) -> list[Answer]:
    """Return the one object of a JSON answer, or those of its list or its events that may tell of usage."""
    data = response.body.data
    if data[:1] != b"{":  # what is an object needs no more telling
        content = read_response(response)
        match content.kind:
            case Kind.EVENTS:
                return _of_frames(data)
            case Kind.SSE:
                events = read_events(_telling(content.text))
                found = (within(one.data) for one in events if "{" in one.data)
                return [one for one in found if one is not None]
            case Kind.JSON if isinstance(content.value, list):
                listed = (within(one) for one in _decoded(_answers, content.text) or ())
                return [one for one in listed if one is not None]
        data = content.text
    answer = within(data)
    return [] if answer is None else [answer]


def within(data: bytes | str | Raw) -> Answer | None:
    """The answer that stands in `data`, or None where that is no object."""
    return _decoded(_answer, data) if data else None


def objects_in(data: Raw) -> list[Fields]:
    """The objects of the list that `data` is, or none."""
    return objects_of(_decoded(_anything, data)) if data else []


_USAGE = late_pattern(
    rb'sage(?:Metadata)?"\s*:\s*\{'
)  # a literal in front: the search is ten times faster


def _telling(stream: bytes) -> bytes:
    """Return the first of the server-sent events, which names the model, and those that hold a usage."""
    stream = stream.replace(b"\r\n", b"\n")
    if b'"billed_units"' in stream or b'"duration"' in stream:
        return stream
    kept = [stream[: stream.find(b"\n\n") + 1] or stream]
    end = len(kept[0])
    for found in _USAGE.finditer(stream):
        if found.start() >= end:
            start = stream.rfind(b"\n\n", 0, found.start()) + 2
            end = stream.find(b"\n\n", found.end())
            end = len(stream) if end < 0 else end
            kept.append(stream[start:end])
    return b"\n\n".join(kept)


def _of_frames(data: bytes) -> list[Answer]:
    """The payloads of AWS's framing; those of InvokeModel wrap the model's own events."""
    found: list[Answer] = []
    for frame in event_stream.read_frames(data):
        payload = frame.payload
        if frame.name == "chunk":
            payload = event_stream.unwrapped(payload)
        if b"sage" in payload or b"Metrics" in payload:
            found += filter(None, (within(payload),))
    return found


def _decoded(decoder: msgspec.json.Decoder[_T], data: bytes | str | Raw) -> _T | None:
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None

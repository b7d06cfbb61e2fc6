"""Anthropic's messages. Shapes follow https://docs.anthropic.com/en/api/messages."""

from __future__ import annotations

import uuid
from email.utils import formatdate

from fakeprovider.behaviour import behave
from fakeprovider.fields import Fields, json_fields, required_list, required_text
from fakeprovider.messages import Answer, Call, HeaderLines, RefusalError, json_answer
from fakeprovider.prose import answer_to, pieces_of, prompt_of, tokens_in
from fakeprovider.sse import event, stream

_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    429: "rate_limit_error",
    500: "api_error",
}


def _answer_headers(call: Call, request_id: str) -> HeaderLines:
    token = uuid.uuid4().hex
    return (
        ("date", formatdate(usegmt=True)),
        ("server", "cloudflare"),
        ("anthropic-organization-id", "00000000-0000-4000-8000-00000000fake"),
        ("anthropic-ratelimit-requests-limit", "4000"),
        ("anthropic-ratelimit-requests-remaining", str(max(0, 4000 - call.serial))),
        ("request-id", request_id),
        ("set-cookie", f"_cfuvid={token}; path=/; domain=.api.anthropic.com; HttpOnly"),
        ("cf-ray", f"{token[:16]}-FRA"),
    )


def _request_id() -> str:
    return f"req_{uuid.uuid4().hex[:24]}"


def refuse(refusal: RefusalError, call: Call) -> Answer:
    """Anthropic's error shape."""
    request_id = _request_id()
    kind = _ERROR_TYPES.get(refusal.status, "invalid_request_error")
    error = {"type": kind, "message": refusal.message}
    value = {"type": "error", "error": error, "request_id": request_id}
    headers = (*_answer_headers(call, request_id), *refusal.headers)
    return json_answer(value, status=refusal.status, headers=headers)


def messages(call: Call) -> Answer:
    """POST /v1/messages."""
    request = call.request
    key = request.header("x-api-key") + request.header("authorization").removeprefix("Bearer ")
    if "bad" in key:
        raise RefusalError(401, "invalid x-api-key")
    fields = json_fields(request)
    model = required_text(fields, "model")
    if not isinstance(fields.get("max_tokens"), int):
        raise RefusalError(400, "max_tokens: Field required")
    prompt = prompt_of([fields.get("system"), required_list(fields, "messages")])
    text = answer_to(prompt)

    def answer() -> Answer:
        headers = _answer_headers(call, _request_id())
        message: Fields = {
            "id": f"msg_{call.serial:06d}",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": _usage(tokens_in(prompt), tokens_in(text)),
        }
        if fields.get("stream") is True:
            return stream(_events(message, text, tokens_in(prompt)), headers)
        return json_answer(message, headers=headers)

    return behave(call, model, answer)


def _usage(sent: int, made: int) -> Fields:
    return {
        "input_tokens": sent,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": made,
        "service_tier": "standard",
    }


def _events(message: Fields, text: str, sent: int) -> list[bytes]:
    def named(name: str, **data: object) -> bytes:
        return event({"type": name, **data}, name=name)

    opening = {**message, "content": [], "stop_reason": None, "usage": _usage(sent, 1)}
    events = [
        named("message_start", message=opening),
        named("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        named("ping"),
    ]
    for piece in pieces_of(text):
        delta = {"type": "text_delta", "text": piece}
        events.append(named("content_block_delta", index=0, delta=delta))
    ending = {"stop_reason": "end_turn", "stop_sequence": None}
    return [
        *events,
        named("content_block_stop", index=0),
        named("message_delta", delta=ending, usage={"output_tokens": tokens_in(text)}),
        named("message_stop"),
    ]

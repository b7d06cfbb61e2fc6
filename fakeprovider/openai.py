"""OpenAI's chat completions, responses, embeddings, batches and models.

Shapes follow https://platform.openai.com/docs/api-reference; the images are in `images`.
"""

from __future__ import annotations

import base64
import hashlib
import struct
import time
import uuid
from email.utils import formatdate

from fakeprovider.behaviour import behave
from fakeprovider.fields import (
    Fields,
    json_fields,
    object_field,
    required_list,
    required_text,
    text_field,
    whole_number,
)
from fakeprovider.messages import Answer, Call, HeaderLines, RefusalError, to_json
from fakeprovider.prose import answer_to, pieces_of, prompt_of, tokens_in
from fakeprovider.sse import event, stream

MODELS = (
    "gpt-fake",
    "fake-slow",
    "fake-cut",
    "fake-429",
    "fake-400",
    "fake-500",
    "fake-protocol-error",
    "fake-hang",
)
_DIMENSIONS = 16
_POLLS_IN_PROGRESS = 2
_DAY_S = 86400
_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "invalid_request_error",
    404: "invalid_request_error",
    429: "requests",
    500: "server_error",
}


def answer_headers(call: Call) -> HeaderLines:
    """The lines around a real answer, different in each call as the real ones are."""
    token = uuid.uuid4().hex
    cookie = f"__cf_bm={token}-{int(time.time())}-1.0.1.1"
    return (
        ("date", formatdate(usegmt=True)),
        ("server", "cloudflare"),
        ("openai-organization", "org-fake"),
        ("openai-processing-ms", str(100 + call.serial % 400)),
        ("openai-version", "2020-10-01"),
        ("x-ratelimit-limit-requests", "10000"),
        ("x-ratelimit-remaining-requests", str(max(0, 10000 - call.serial))),
        ("x-request-id", f"req_{token}"),
        ("set-cookie", f"{cookie}; path=/; domain=.api.openai.com; HttpOnly; SameSite=None"),
        ("set-cookie", f"_cfuvid={token[::-1]}; path=/; domain=.api.openai.com; HttpOnly"),
        ("cf-ray", f"{token[:16]}-FRA"),
    )


def refuse(refusal: RefusalError, call: Call) -> Answer:
    """OpenAI's error shape."""
    error = {
        "message": refusal.message,
        "type": _ERROR_TYPES.get(refusal.status, "invalid_request_error"),
        "param": refusal.param,
        "code": refusal.code,
    }
    return whole(call, {"error": error}, status=refusal.status, headers=(*refusal.headers,))


def whole(call: Call, value: object, *, status: int = 200, headers: HeaderLines = ()) -> Answer:
    """A whole JSON answer, indented as the real ones are."""
    head = (("content-type", "application/json"), *answer_headers(call), *headers)
    return Answer(status=status, headers=head, chunks=(to_json(value, indent=2),))


def check_key(call: Call) -> None:
    """RefusalError 401 for a key that contains `bad`; no key at all passes."""
    key = call.request.header("authorization").removeprefix("Bearer ")
    if "bad" in key:
        raise RefusalError(
            401, f"Incorrect API key provided: {key[:3]}****.", code="invalid_api_key"
        )


def chat_completions(call: Call) -> Answer:
    """POST /v1/chat/completions."""
    check_key(call)
    fields = json_fields(call.request)
    model = required_text(fields, "model")
    prompt = prompt_of(required_list(fields, "messages"))
    text = answer_to(prompt)
    if text_field(object_field(fields, "response_format"), "type").startswith("json"):
        text = to_json({"answer": text}).decode()

    def answer() -> Answer:
        if fields.get("stream") is True:
            return _chat_stream(call, fields, model, prompt, text)
        message: Fields = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        return whole(
            call,
            {
                "id": f"chatcmpl-{call.serial:06d}",
                "object": "chat.completion",
                "created": int(time.time()),
                "model": model,
                "choices": [choice],
                "usage": _chat_usage(prompt, text),
                "service_tier": "default",
                "system_fingerprint": "fp_fake",
            },
        )

    return behave(call, model, answer)


def _chat_usage(prompt: str, text: str) -> Fields:
    sent, made = tokens_in(prompt), tokens_in(text)
    return {
        "prompt_tokens": sent,
        "completion_tokens": made,
        "total_tokens": sent + made,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def _chat_stream(call: Call, fields: Fields, model: str, prompt: str, text: str) -> Answer:
    wants_usage = object_field(fields, "stream_options").get("include_usage") is True
    common: Fields = {
        "id": f"chatcmpl-{call.serial:06d}",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": model,
        "service_tier": "default",
        "system_fingerprint": "fp_fake",
    }

    def chunk(delta: Fields, finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        value = {**common, "choices": [choice]}
        return event({**value, "usage": None} if wants_usage else value)

    events = [chunk({"role": "assistant", "content": "", "refusal": None})]
    events += [chunk({"content": piece}) for piece in pieces_of(text)]
    events.append(chunk({}, "stop"))
    if wants_usage:
        events.append(event({**common, "choices": [], "usage": _chat_usage(prompt, text)}))
    events.append(b"data: [DONE]\n\n")
    return stream(events, answer_headers(call))


def responses(call: Call) -> Answer:
    """POST /v1/responses."""
    check_key(call)
    fields = json_fields(call.request)
    model = required_text(fields, "model")
    prompt = prompt_of([fields.get("instructions"), fields.get("input")])
    if not prompt:
        raise RefusalError(400, "Missing required parameter: 'input'.", param="input")
    text = answer_to(prompt)

    def answer() -> Answer:
        if fields.get("stream") is True:
            return _responses_stream(call, fields, model, prompt, text)
        return whole(call, _response(call, fields, model, prompt, text, done=True))

    return behave(call, model, answer)


def _response(
    call: Call, fields: Fields, model: str, prompt: str, text: str, *, done: bool
) -> Fields:
    sent, made = tokens_in(prompt), tokens_in(text)
    usage = {
        "input_tokens": sent,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": sent + made,
    }
    return {
        "id": f"resp_{call.serial:06d}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "completed" if done else "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": fields.get("instructions"),
        "metadata": {},
        "model": model,
        "output": [_output_item(call, text, done=True)] if done else [],
        "parallel_tool_calls": True,
        "previous_response_id": fields.get("previous_response_id"),
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage if done else None,
    }


def _output_item(call: Call, text: str, *, done: bool) -> Fields:
    return {
        "id": f"msg_{call.serial:06d}",
        "type": "message",
        "status": "completed" if done else "in_progress",
        "role": "assistant",
        "content": [_output_part(text)] if done else [],
    }


def _output_part(text: str) -> Fields:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _responses_stream(call: Call, fields: Fields, model: str, prompt: str, text: str) -> Answer:
    events: list[bytes] = []
    place: Fields = {"item_id": f"msg_{call.serial:06d}", "output_index": 0, "content_index": 0}

    def say(name: str, **data: object) -> None:
        events.append(event({"type": name, "sequence_number": len(events), **data}, name=name))

    started = _response(call, fields, model, prompt, text, done=False)
    say("response.created", response=started)
    say("response.in_progress", response=started)
    opened = _output_item(call, text, done=False)
    say("response.output_item.added", output_index=0, item=opened)
    say("response.content_part.added", **place, part=_output_part(""))
    for piece in pieces_of(text):
        say("response.output_text.delta", **place, delta=piece, logprobs=[])
    say("response.output_text.done", **place, text=text, logprobs=[])
    say("response.content_part.done", **place, part=_output_part(text))
    say("response.output_item.done", output_index=0, item=_output_item(call, text, done=True))
    ended = _response(call, fields, model, prompt, text, done=True)
    say("response.completed", response=ended)
    return stream(events, answer_headers(call))


def embeddings(call: Call) -> Answer:
    """POST /v1/embeddings: a vector depends on its input alone; base64 is little-endian float32."""
    check_key(call)
    fields = json_fields(call.request)
    model = required_text(fields, "model")
    given = fields.get("input")
    if not given:
        raise RefusalError(400, "Missing required parameter: 'input'.", param="input")
    if not isinstance(given, list) or all(isinstance(item, int) for item in given):
        given = [given]
    dimensions = whole_number(fields.get("dimensions", _DIMENSIONS), "dimensions", most=4096)
    as_base64 = fields.get("encoding_format") == "base64"
    data = []
    for index, item in enumerate(given):
        packed = _vector(item, dimensions)
        vector: object = list(struct.unpack(f"<{dimensions}f", packed))
        if as_base64:
            vector = base64.b64encode(packed).decode()
        data.append({"object": "embedding", "index": index, "embedding": vector})
    tokens = sum(tokens_in(str(item)) for item in given)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    value = {"object": "list", "data": data, "model": model, "usage": usage}
    return behave(call, model, lambda: whole(call, value))


def _vector(item: object, dimensions: int) -> bytes:
    digest = hashlib.shake_256(to_json(item)).digest(4 * dimensions)
    scaled = [number / 2**31 - 1 for number in struct.unpack(f"<{dimensions}I", digest)]
    return struct.pack(f"<{dimensions}f", *scaled)


def create_batch(call: Call) -> Answer:
    """POST /v1/batches."""
    check_key(call)
    fields = json_fields(call.request)
    created = int(time.time())
    batch: Fields = {
        "id": f"batch_{call.serial:06d}",
        "object": "batch",
        "endpoint": required_text(fields, "endpoint"),
        "errors": None,
        "input_file_id": required_text(fields, "input_file_id"),
        "completion_window": text_field(fields, "completion_window", "24h"),
        "status": "validating",
        "output_file_id": None,
        "error_file_id": None,
        "created_at": created,
        "in_progress_at": None,
        "expires_at": created + _DAY_S,
        "completed_at": None,
        "request_counts": {"total": 0, "completed": 0, "failed": 0},
        "metadata": fields.get("metadata"),
    }
    call.state.batches[f"batch_{call.serial:06d}"] = batch
    return whole(call, batch)


def read_batch(call: Call) -> Answer:
    """GET /v1/batches/{id}: in_progress, in_progress, then completed."""
    check_key(call)
    name = call.groups[0]
    batch = call.state.batches.get(name)
    if batch is None:
        raise RefusalError(404, f"No batch found with id '{name}'.", param="id")
    polls = call.state.attempt(f"batch {name}")
    now = int(time.time())
    seen = {**batch, "status": "in_progress", "in_progress_at": batch["created_at"]}
    done = polls > _POLLS_IN_PROGRESS
    seen["request_counts"] = {"total": 2, "completed": 2 if done else polls - 1, "failed": 0}
    if done:
        output = f"file-{name.removeprefix('batch_')}"
        seen |= {"status": "completed", "completed_at": now, "output_file_id": output}
    return whole(call, seen)


def list_models(call: Call) -> Answer:
    """GET /v1/models."""
    check_key(call)
    data = [
        {"id": name, "object": "model", "created": 1700000000, "owned_by": "fakeprovider"}
        for name in MODELS
    ]
    return whole(call, {"object": "list", "data": data})

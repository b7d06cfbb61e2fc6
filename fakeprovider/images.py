"""OpenAI's image endpoints. The field `size_bytes` is ours: the size of the PNG that comes back."""

from __future__ import annotations

import base64
import time

from fakeprovider.behaviour import behave
from fakeprovider.fields import json_fields, required_text, text_field, whole_number
from fakeprovider.messages import Answer, Call, RefusalError
from fakeprovider.multipart import parts_of
from fakeprovider.openai import check_key, whole
from fakeprovider.png import picture
from fakeprovider.prose import tokens_in

_MOST_BYTES = 64 * 1024 * 1024


def edits(call: Call) -> Answer:
    """POST /v1/images/edits, multipart; every file part must have bytes."""
    check_key(call)
    parts = parts_of(call.request)
    files = [part for part in parts if part.filename is not None]
    for part in files:
        if not part.content:
            raise RefusalError(
                400,
                f"Invalid file '{part.name}': the part is empty.",
                param=part.name,
                code="empty_file",
            )
    if not any(part.name.removesuffix("[]") == "image" for part in files):
        raise RefusalError(400, "Missing required parameter: 'image'.", param="image")
    texts = {
        part.name: part.content.decode("utf-8", "replace")
        for part in parts
        if part.filename is None
    }
    prompt = texts.get("prompt", "")
    if not prompt:
        raise RefusalError(400, "Missing required parameter: 'prompt'.", param="prompt")
    size = whole_number(texts.get("size_bytes", 0), "size_bytes", most=_MOST_BYTES)
    return behave(call, texts.get("model", ""), lambda: _picture_answer(call, prompt, size))


def generations(call: Call) -> Answer:
    """POST /v1/images/generations."""
    check_key(call)
    fields = json_fields(call.request)
    prompt = required_text(fields, "prompt")
    size = whole_number(fields.get("size_bytes", 0), "size_bytes", most=_MOST_BYTES)
    model = text_field(fields, "model")
    return behave(call, model, lambda: _picture_answer(call, prompt, size))


def _picture_answer(call: Call, prompt: str, size_bytes: int) -> Answer:
    encoded = base64.b64encode(picture(prompt, size_bytes)).decode()
    tokens = tokens_in(prompt)
    usage = {
        "input_tokens": tokens,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": tokens},
        "output_tokens": 272,
        "total_tokens": tokens + 272,
    }
    value = {
        "created": int(time.time()),
        "data": [{"b64_json": encoded}],
        "output_format": "png",
        "quality": "low",
        "size": "1024x1024",
        "usage": usage,
    }
    return whole(call, value)

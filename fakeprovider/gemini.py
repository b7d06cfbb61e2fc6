"""Gemini's generateContent. Shapes follow https://ai.google.dev/api/generate-content."""

from __future__ import annotations

from fakeprovider.behaviour import behave
from fakeprovider.fields import json_fields, required_list
from fakeprovider.messages import Answer, Call, RefusalError, json_answer
from fakeprovider.prose import answer_to, prompt_of, tokens_in

_STATUSES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND", 500: "INTERNAL"}


def refuse(refusal: RefusalError, call: Call) -> Answer:
    """Google's error shape."""
    del call
    error = {
        "code": refusal.status,
        "message": refusal.message,
        "status": _STATUSES.get(refusal.status, "UNKNOWN"),
    }
    return json_answer({"error": error}, status=refusal.status, headers=refusal.headers)


def generate_content(call: Call) -> Answer:
    """POST /v1beta/models/{model}:generateContent; the key in `x-goog-api-key` or in the query."""
    request = call.request
    key = request.header("x-goog-api-key") + request.query.get("key", "")
    if "bad" in key:
        raise RefusalError(401, "API key not valid. Please pass a valid API key.")
    contents = required_list(json_fields(request), "contents")
    prompt = prompt_of([one.get("parts") for one in contents if isinstance(one, dict)])

    def answer() -> Answer:
        text = answer_to(prompt)
        sent, made = tokens_in(prompt), tokens_in(text)
        content = {"role": "model", "parts": [{"text": text}]}
        usage = {
            "promptTokenCount": sent,
            "candidatesTokenCount": made,
            "totalTokenCount": sent + made,
        }
        value = {
            "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
            "usageMetadata": usage,
            "modelVersion": call.groups[0],
            "responseId": f"resp{call.serial:06d}",
        }
        return json_answer(value)

    return behave(call, call.groups[0], answer)

"""Amazon Bedrock's Converse, whole and as an event stream.

Shapes follow the Bedrock Runtime API reference; the binary framing follows "Amazon Event Stream
encoding" (https://smithy.io/2.0/aws/amazon-eventstream.html). One message is one chunk.
"""

from __future__ import annotations

import re
import struct
import uuid
import zlib
from email.utils import formatdate
from urllib.parse import unquote

from fakeprovider.behaviour import behave
from fakeprovider.fields import Fields, json_fields, required_list
from fakeprovider.messages import Answer, Call, HeaderLines, RefusalError, json_answer, to_json
from fakeprovider.prose import answer_to, pieces_of, prompt_of, tokens_in

_STRING_HEADER = 7
_ERROR_TYPES = {
    400: "ValidationException",
    403: "UnrecognizedClientException",
    404: "ResourceNotFoundException",
    429: "ThrottlingException",
    500: "InternalServerException",
}
_ACCESS_KEY = re.compile(r"Credential=([^/,]*)|Bearer (.*)")


def _answer_headers() -> HeaderLines:
    return (("Date", formatdate(usegmt=True)), ("x-amzn-RequestId", str(uuid.uuid4())))


def refuse(refusal: RefusalError, call: Call) -> Answer:
    """Bedrock's error shape: the type in a header, the message in the body."""
    del call
    kind = _ERROR_TYPES.get(refusal.status, "ValidationException")
    headers = (*_answer_headers(), ("x-amzn-ErrorType", f"{kind}:"), *refusal.headers)
    return json_answer({"message": refusal.message}, status=refusal.status, headers=headers)


def converse(call: Call) -> Answer:
    """POST /model/{id}/converse."""
    model, prompt = _read(call)

    def answer() -> Answer:
        text = answer_to(prompt)
        message = {"role": "assistant", "content": [{"text": text}]}
        value = {
            "output": {"message": message},
            "stopReason": "end_turn",
            **_metadata(prompt, text),
        }
        return json_answer(value, headers=_answer_headers())

    return behave(call, model, answer)


def converse_stream(call: Call) -> Answer:
    """POST /model/{id}/converse-stream."""
    model, prompt = _read(call)

    def answer() -> Answer:
        text = answer_to(prompt)
        chunks = [_event("messageStart", {"role": "assistant"})]
        for piece in pieces_of(text):
            delta: Fields = {"contentBlockIndex": 0, "delta": {"text": piece}}
            chunks.append(_event("contentBlockDelta", delta))
        chunks.append(_event("contentBlockStop", {"contentBlockIndex": 0}))
        chunks.append(_event("messageStop", {"stopReason": "end_turn"}))
        chunks.append(_event("metadata", _metadata(prompt, text)))
        headers = (("Content-Type", "application/vnd.amazon.eventstream"), *_answer_headers())
        return Answer(headers=headers, chunks=tuple(chunks), framing="chunked")

    return behave(call, model, answer)


def _read(call: Call) -> tuple[str, str]:
    # Only the access key may say `bad`; a signature is hexadecimal and says it by chance.
    found = _ACCESS_KEY.search(call.request.header("authorization"))
    if found and "bad" in (found[1] or found[2] or "").lower():
        raise RefusalError(403, "The security token included in the request is invalid.")
    fields = json_fields(call.request)
    prompt = prompt_of([fields.get("system"), required_list(fields, "messages")])
    return unquote(call.groups[0]), prompt


def _metadata(prompt: str, text: str) -> Fields:
    sent, made = tokens_in(prompt), tokens_in(text)
    usage = {"inputTokens": sent, "outputTokens": made, "totalTokens": sent + made}
    return {"usage": usage, "metrics": {"latencyMs": 321}}


def _event(kind: str, payload: Fields) -> bytes:
    headers = {
        ":event-type": kind,
        ":content-type": "application/json",
        ":message-type": "event",
    }
    return encode_message(headers, to_json(payload))


def encode_message(headers: dict[str, str], payload: bytes) -> bytes:
    """One event stream message: prelude and its CRC, headers, payload, CRC of all before it."""
    lines = b"".join(
        struct.pack(">B", len(name))
        + name.encode()
        + struct.pack(">BH", _STRING_HEADER, len(value))
        + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack(">II", 16 + len(lines) + len(payload), len(lines))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + lines + payload
    return message + struct.pack(">I", zlib.crc32(message))

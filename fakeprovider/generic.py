"""Endpoints of no provider, each for one fact of HTTP. Every answer tells its call in `x-call`."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import replace

from fakeprovider.fields import whole_number
from fakeprovider.messages import Answer, Call, RefusalError, json_answer, to_json

_MOST_CHUNKS = 100_000
_MOST_DELAY_MS = 60_000
_MOST_SIZE = 16 * 1024 * 1024
_LAST_STATUS = 599


def refuse(refusal: RefusalError, call: Call) -> Answer:
    """A plain JSON error."""
    return _numbered(json_answer({"error": refusal.message}, status=refusal.status), call)


def _numbered(answer: Answer, call: Call) -> Answer:
    return replace(answer, headers=(*answer.headers, ("x-call", str(call.serial))))


def echo(call: Call) -> Answer:
    """ANY /echo: the request as it was read."""
    request = call.request
    value = {
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "headers": [list(line) for line in request.headers],
        "body": base64.b64encode(request.body).decode(),
    }
    return _numbered(json_answer(value), call)


def status(call: Call) -> Answer:
    """ANY /status/{code}, from 200 to 599."""
    code = whole_number(call.groups[0], "code", most=_LAST_STATUS)
    if code < 200:
        raise RefusalError(400, "'code' must lie between 200 and 599.")
    return _numbered(json_answer({"status": code}, status=code), call)


def redirect(call: Call) -> Answer:
    """GET /redirect/{n}: n redirects (302), then 200."""
    left = whole_number(call.groups[0], "n", most=_MOST_CHUNKS)
    if left == 0:
        return _numbered(json_answer({"redirects_left": 0}), call)
    answer = json_answer({"redirects_left": left}, status=302)
    to = ("location", f"/redirect/{left - 1}")
    return _numbered(replace(answer, headers=(*answer.headers, to)), call)


def _gzipped() -> Answer:
    packed = gzip.compress(to_json({"gzipped": True, "text": "wide " * 40}), mtime=0)
    head = (("content-type", "application/json"), ("content-encoding", "gzip"))
    return Answer(headers=head, chunks=(packed,))


def gzip_whole(call: Call) -> Answer:
    """GET /gzip: the content-length is that of the packed bytes."""
    return _numbered(_gzipped(), call)


def gzip_chunked(call: Call) -> Answer:
    """GET /gzip-chunked: the packed bytes in chunks of 10."""
    answer = _gzipped()
    packed = answer.chunks[0]
    chunks = tuple(packed[at : at + 10] for at in range(0, len(packed), 10))
    return _numbered(replace(answer, chunks=chunks, framing="chunked"), call)


def set_cookie(call: Call) -> Answer:
    """GET /set-cookie: two lines of the same name."""
    answer = json_answer({"cookies": ["session", "theme"]})
    session = ("set-cookie", f"session=s{call.serial:06d}; Path=/; HttpOnly")
    theme = ("set-cookie", "theme=dark; Path=/; Expires=Wed, 01 Jan 2042 00:00:00 GMT")
    return _numbered(replace(answer, headers=(*answer.headers, session, theme)), call)


def _numbered_chunks(count: int, size: int) -> tuple[bytes, ...]:
    return tuple((b"%d " % number).ljust(size, b".")[:size] for number in range(count))


def stream(call: Call) -> Answer:
    """GET /stream/{n}?delay_ms=0&size=10&gate=: n chunks, chunked; with a gate, the first and then the rest."""
    query = call.request.query
    count = whole_number(call.groups[0], "n", most=_MOST_CHUNKS)
    delay_ms = whole_number(query.get("delay_ms", 0), "delay_ms", most=_MOST_DELAY_MS)
    size = whole_number(query.get("size", 10), "size", most=_MOST_SIZE)
    if count * size > _MOST_SIZE * 16:
        raise RefusalError(400, "That is too much.")
    answer = Answer(
        headers=(("content-type", "text/plain"),),
        chunks=_numbered_chunks(count, size),
        framing="chunked",
        delay_ms=delay_ms,
        gate=call.state.gates[query["gate"]] if query.get("gate") else None,
    )
    return _numbered(answer, call)


def cut(call: Call) -> Answer:
    """GET /cut/{k}: the connection ends after k chunks, without the last chunk."""
    count = whole_number(call.groups[0], "k", most=_MOST_CHUNKS)
    answer = Answer(
        headers=(("content-type", "text/plain"),),
        chunks=_numbered_chunks(count, 10),
        framing="chunked",
        cut=True,
    )
    return _numbered(answer, call)


def cut_length(call: Call) -> Answer:
    """GET /cut-length: the content-length promises more than is sent."""
    return _numbered(replace(json_answer({"cut": True}), cut=True), call)


def json_lines(call: Call) -> Answer:
    """POST /jsonl: for each line of JSON one line back, each in its own chunk."""
    lines = [line for line in call.request.body.splitlines() if line.strip()]
    chunks = []
    for number, line in enumerate(lines):
        try:
            value: object = json.loads(line)
        except (ValueError, RecursionError):
            raise RefusalError(400, f"line {number + 1} is not JSON") from None
        chunks.append(to_json({"line": number + 1, "value": value}) + b"\n")
    head = (("content-type", "application/x-ndjson"),)
    return _numbered(Answer(headers=head, chunks=tuple(chunks), framing="chunked"), call)

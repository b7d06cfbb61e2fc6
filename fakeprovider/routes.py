"""Which handler answers which request, and in whose error shape it refuses."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from fakeprovider import anthropic, bedrock, control, gemini, generic, images, openai
from fakeprovider.messages import Answer, Call, RefusalError, Request
from fakeprovider.state import State

Handler = Callable[[Call], Answer]
Refuse = Callable[[RefusalError, Call], Answer]


@dataclass(frozen=True, slots=True)
class _Route:
    method: str
    path: re.Pattern[str]
    handler: Handler
    refuse: Refuse


def _route(method: str, path: str, handler: Handler, refuse: Refuse = generic.refuse) -> _Route:
    return _Route(method, re.compile(path), handler, refuse)


_ANY = "*"
_ROUTES = (
    _route("POST", "/v1/chat/completions", openai.chat_completions, openai.refuse),
    _route("POST", "/v1/responses", openai.responses, openai.refuse),
    _route("POST", "/v1/embeddings", openai.embeddings, openai.refuse),
    _route("POST", "/v1/images/edits", images.edits, openai.refuse),
    _route("POST", "/v1/images/generations", images.generations, openai.refuse),
    _route("POST", "/v1/batches", openai.create_batch, openai.refuse),
    _route("GET", "/v1/batches/([^/]+)", openai.read_batch, openai.refuse),
    _route("GET", "/v1/models", openai.list_models, openai.refuse),
    _route("POST", "/v1/messages", anthropic.messages, anthropic.refuse),
    _route("POST", "/model/([^/]+)/converse", bedrock.converse, bedrock.refuse),
    _route("POST", "/model/([^/]+)/converse-stream", bedrock.converse_stream, bedrock.refuse),
    _route(
        "POST", "/v1beta/models/([^/:]+):generateContent", gemini.generate_content, gemini.refuse
    ),
    _route(_ANY, "/echo", generic.echo),
    _route(_ANY, "/status/([^/]+)", generic.status),
    _route("GET", "/redirect/([^/]+)", generic.redirect),
    _route("GET", "/gzip", generic.gzip_whole),
    _route("GET", "/gzip-chunked", generic.gzip_chunked),
    _route("GET", "/set-cookie", generic.set_cookie),
    _route("GET", "/stream/([^/]+)", generic.stream),
    _route("GET", "/cut/([^/]+)", generic.cut),
    _route("GET", "/cut-length", generic.cut_length),
    _route("POST", "/jsonl", generic.json_lines),
    _route(_ANY, "/scripted/([^/]+)(?:/.*)?", control.scripted),
    _route("GET", "/_control/counts", control.read_counts),
    _route("GET", "/_control/requests", control.read_requests),
    _route("POST", "/_control/reset", control.reset),
    _route("POST", "/_control/gates/([^/]+)", control.open_gate),
    _route("PUT", "/_control/scripts", control.put_script),
)


def answer_to(request: Request, state: State) -> Answer:
    """The answer to any request; everything outside `/_control/` is billed first."""
    serial = 0 if request.path.startswith("/_control/") else state.bill(request)
    method = "GET" if request.method == "HEAD" else request.method
    other_methods = False
    for route in _ROUTES:
        found = route.path.fullmatch(request.path)
        if found is None:
            continue
        if route.method not in {_ANY, method}:
            other_methods = True
            continue
        call = Call(request=request, serial=serial, groups=found.groups(), state=state)
        try:
            return route.handler(call)
        except RefusalError as refusal:
            return route.refuse(refusal, call)
    call = Call(request=request, serial=serial, groups=(), state=state)
    refuse = openai.refuse if request.path.startswith("/v1/") else generic.refuse
    line = f"({request.method} {request.path})"
    if other_methods:
        return refuse(RefusalError(405, f"Method not allowed {line}"), call)
    return refuse(RefusalError(404, f"Invalid URL {line}"), call)

"""Between the messages of onetake and those that vcrpy's hooks, matchers and tests see.

What no hook has touched is never rebuilt: header lines that occur twice, and bytes, stay what they were.
"""

from __future__ import annotations

from typing import Any

from onetake.formats.vcr import message_of, readable, to_entry
from onetake.messages import Body, Chunk, Ended, Headers, Interaction, Response
from onetake.messages import Request as Message
from onetake.wire.encodings import encoder
from vcr.request import HeadersDict, Request
from vcr.util import read_body

_DECODING = ("aiohttp", "urllib3")
_WITHOUT_BODY = ("GET", "HEAD", "DELETE", "OPTIONS")

Answer = Any
"""`{"status": {"code", "message"}, "headers": {name: [values]}, "body": {"string": bytes}}`."""


def to_request(message: Message) -> Request:
    """Make a request as a hook gets it: of a header that occurs twice there is the first value."""
    body = message.body or (None if message.method in _WITHOUT_BODY else b"")
    return Request(message.method, message.url, body, HeadersDict.of_lines(message.headers))


def to_message(request: Request, like: Message | None = None) -> Message:
    """What a hook, or a cassette, has made of a request; `like` is the message that the hook was given."""
    if like is None:
        return message_of(request._to_tree())
    body = read_body(request)
    if isinstance(body, dict | list) or body is None:
        body = message_of(request._to_tree()).body
    elif isinstance(body, str):
        body = body.encode()
    return like.replace(
        method=request.method,
        url=request.uri,
        headers=_headers(request, like.headers),
        body=bytes(body),
    )


def _headers(request: Request, before: Headers) -> Headers:
    """The lines of `before` with what was changed in `request`."""
    wanted = {name.lower(): (name, _text(value)) for name, value in request.headers.pairs()}
    lines: list[tuple[str, str]] = []
    first: dict[str, str] = {}
    for name, value in before:
        first.setdefault(name.lower(), value)
    for name, value in before:
        kept = wanted.get(name.lower())
        if kept is None:
            continue
        if kept[1] == first[name.lower()]:
            lines.append((name, value))
    seen = {name.lower() for name, _ in lines}
    lines += [pair for low, pair in wanted.items() if low not in seen]
    return Headers(tuple(lines))


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def to_answer(response: Response, client: str = "", ended: Ended = Ended.COMPLETE) -> Answer:
    """Make an answer as a hook gets it, and as vcrpy keeps it of `client`.

    Its body is as it came. Clients that decode below vcrpy's seam (aiohttp, urllib3 2) have it decoded beside
    the same header, as they do not decode again what vcrpy gives them. Where it cannot be packed again it is
    decoded, without the header. httpx shows names in lower case, which hooks look for.
    """
    body = response.body
    data, headers = body.data, response.headers
    if body.encoding and not client.startswith(_DECODING):
        packed = _packed(data, body.encoding)
        data, headers = (packed, headers) if packed else (data, headers.without("content-encoding"))
    if client.startswith("httpx"):
        headers = Headers(tuple((name.lower(), value) for name, value in headers))
    plain = response.replace(headers=headers, body=Body(data=data))
    asked = Message(method="POST", url="/")
    entry: Any = to_entry(Interaction(request=asked, response=plain, ended=ended))
    answer = entry["response"]
    answer["body"] = {"string": data}
    return answer


def _packed(data: bytes, coding: str) -> bytes:
    coder = encoder(coding, packs=True)
    return b"" if coder is None else coder.feed(data) + coder.finish()


def entry_of(request: Any) -> Any:
    """Return what a cassette keeps of a request; a custom persister may give objects of its own."""
    return request._to_entry() if isinstance(request, Request) else request._to_dict()


def to_interaction(request: Request, answer: Answer) -> Interaction:
    """An entry of a cassette. Raises `CassetteError`."""
    message = to_message(request)
    response, ended = readable(answer, message.method)
    return Interaction(request=message, response=response, ended=ended)


def to_response(answer: Answer, method: str, like: Response) -> Response:
    """What a hook has made of the answer to `method` that came as `like`. Raises `CassetteError`.

    How it came stays, as far as it is still true.
    """
    response, _ = readable(answer, method)
    if (response.body.data, response.body.encoding) == (like.body.data, like.body.encoding):
        return response.replace(http_version=like.http_version, body=like.body)
    chunks = (Chunk(len(response.body.data), like.body.chunks[0].ms),) if like.body.chunks else ()
    body = Body(data=response.body.data, chunks=chunks, encoding=response.body.encoding)
    return response.replace(http_version=like.http_version, body=body)

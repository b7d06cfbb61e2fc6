"""One request through each real client, and what its program sees of the answer.

`observe(client, ask)` gives a plain dictionary, so that the observations of a live call, of a recorded
and of a replayed one can be compared for equality.
"""

from __future__ import annotations

import asyncio
import functools
import gzip
import importlib
import io
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A request in no client's terms. `body` is one of the kinds below; `read` stops after n chunks."""

    method: str = "GET"
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes | None = None
    pieces: tuple[bytes, ...] | None = None  # sent from a generator
    json: Any = None
    files: tuple[tuple[str, str, bytes], ...] = ()  # (field, file name, data)
    form: tuple[tuple[str, str], ...] = ()
    read: int | None = None
    timeout_s: float = 10.0


@dataclass
class Seen:
    status: int = 0
    reason: str = ""
    version: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "reason": self.reason,
            "headers": self.headers,
            "chunks": [chunk.hex() for chunk in self.chunks],
            "error": self.error,
        }


def _named(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def _httpx_arguments(ask: Ask, pieces: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {"headers": list(ask.headers)}
    if ask.pieces is not None:
        arguments["content"] = pieces
    elif ask.content is not None:
        arguments["content"] = ask.content
    elif ask.json is not None:
        arguments["json"] = ask.json
    elif ask.files:
        arguments["files"] = [(name, (file, io.BytesIO(data))) for name, file, data in ask.files]
        arguments["data"] = dict(ask.form)
    elif ask.form:
        arguments["data"] = dict(ask.form)
    return arguments


@functools.cache
def _settings() -> dict[str, Any]:
    """Arguments of an httpx client that reads no variables, and no authorities: that takes 80 ms a client."""
    return {"trust_env": False, "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}


def _httpx_head(seen: Seen, answer: Any) -> None:
    seen.status = answer.status_code
    seen.reason = answer.reason_phrase
    seen.headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in answer.headers.raw]


def _httpx(library: str) -> Callable[[Ask], Seen]:
    def observe(ask: Ask) -> Seen:
        module = importlib.import_module(library)
        seen = Seen()
        try:
            with (
                module.Client(timeout=ask.timeout_s, **_settings()) as client,
                client.stream(
                    ask.method, ask.url, **_httpx_arguments(ask, iter(ask.pieces or ()))
                ) as answer,
            ):
                _httpx_head(seen, answer)
                for chunk in answer.iter_bytes():
                    seen.chunks.append(chunk)
                    if len(seen.chunks) == ask.read:
                        break
        except Exception as error:
            seen.error = _named(error)
        return seen

    return observe


def _httpx_async(library: str) -> Callable[[Ask], Seen]:
    async def pieces(ask: Ask) -> AsyncIterator[bytes]:
        for piece in ask.pieces or ():
            yield piece

    async def observe(ask: Ask) -> Seen:
        module = importlib.import_module(library)
        seen = Seen()
        try:
            async with (
                module.AsyncClient(timeout=ask.timeout_s, **_settings()) as client,
                client.stream(ask.method, ask.url, **_httpx_arguments(ask, pieces(ask))) as answer,
            ):
                _httpx_head(seen, answer)
                async for chunk in answer.aiter_bytes():
                    seen.chunks.append(chunk)
                    if len(seen.chunks) == ask.read:
                        break
        except Exception as error:
            seen.error = _named(error)
        return seen

    return lambda ask: asyncio.run(observe(ask))


def _requests(ask: Ask) -> Seen:
    import requests

    seen = Seen()
    arguments: dict[str, Any] = {"headers": dict(ask.headers)}
    if ask.pieces is not None:
        arguments["data"] = iter(ask.pieces)
    elif ask.content is not None:
        arguments["data"] = ask.content
    elif ask.json is not None:
        arguments["json"] = ask.json
    elif ask.files:
        arguments["files"] = [(name, (file, io.BytesIO(data))) for name, file, data in ask.files]
        arguments["data"] = list(ask.form)
    elif ask.form:
        arguments["data"] = list(ask.form)
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(
                ask.method, ask.url, stream=True, timeout=ask.timeout_s, **arguments
            )
            with answer:
                seen.status, seen.reason = answer.status_code, answer.reason
                seen.headers = list(answer.raw.headers.items())
                for chunk in answer.iter_content(chunk_size=None):
                    seen.chunks.append(chunk)
                    if len(seen.chunks) == ask.read:
                        break
    except Exception as error:
        seen.error = _named(error)
    return seen


def _urllib3(ask: Ask) -> Seen:
    import urllib3

    seen = Seen()
    arguments: dict[str, Any] = {"headers": urllib3.HTTPHeaderDict(ask.headers)}
    if ask.pieces is not None:
        arguments["body"] = iter(ask.pieces)
    elif ask.content is not None:
        arguments["body"] = ask.content
    elif ask.json is not None:
        arguments["json"] = ask.json
    elif ask.files:
        arguments["fields"] = [(name, (file, data)) for name, file, data in ask.files]
        arguments["fields"] += list(ask.form)
    elif ask.form:
        arguments |= {"fields": list(ask.form), "encode_multipart": False}
    try:
        with urllib3.PoolManager(retries=False, timeout=ask.timeout_s) as pool:
            answer = pool.request(ask.method, ask.url, preload_content=False, **arguments)
            seen.status, seen.reason = answer.status, answer.reason or ""
            seen.headers = list(answer.headers.items())
            for chunk in answer.stream(65536, decode_content=True):
                seen.chunks.append(chunk)
                if len(seen.chunks) == ask.read:
                    break
            answer.close()
    except Exception as error:
        seen.error = _named(error)
    return seen


def _urllib(ask: Ask) -> Seen:
    seen = Seen()
    data: Any = ask.content
    headers = dict(ask.headers)
    if ask.pieces is not None:
        data = iter(ask.pieces)
    elif ask.json is not None:
        import json

        data = json.dumps(ask.json).encode()
        headers["content-type"] = "application/json"
    elif ask.form:
        data = urllib.parse.urlencode(ask.form).encode()
    request = urllib.request.Request(ask.url, data=data, headers=headers, method=ask.method)
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            answer = opener.open(request, timeout=ask.timeout_s)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            seen.status, seen.reason = answer.status, answer.reason
            seen.headers = list(answer.headers.items())
            for chunk in _pieces(answer):
                seen.chunks.append(chunk)
                if len(seen.chunks) == ask.read:
                    break
            if answer.headers.get("content-encoding") == "gzip":  # urllib leaves that to its user
                seen.chunks = [gzip.decompress(b"".join(seen.chunks))]
    except Exception as error:
        seen.error = _named(error)
    return seen


def _pieces(answer: Any) -> Iterator[bytes]:
    while chunk := answer.read1(65536):
        yield chunk


async def _aiohttp(ask: Ask) -> Seen:
    import aiohttp

    seen = Seen()
    arguments: dict[str, Any] = {"headers": list(ask.headers)}
    if ask.pieces is not None:

        async def pieces() -> AsyncIterator[bytes]:
            for piece in ask.pieces or ():
                yield piece

        arguments["data"] = pieces()
    elif ask.content is not None:
        arguments["data"] = ask.content
    elif ask.json is not None:
        arguments["json"] = ask.json
    elif ask.files or ask.form:
        form = aiohttp.FormData(list(ask.form), quote_fields=False)
        for name, file, data in ask.files:
            form.add_field(name, io.BytesIO(data), filename=file)
        arguments["data"] = form
    try:
        timeout = aiohttp.ClientTimeout(total=ask.timeout_s)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(ask.method, ask.url, **arguments) as answer,
        ):
            seen.status, seen.reason = answer.status, answer.reason or ""
            seen.headers = [
                (n.decode("latin-1"), v.decode("latin-1")) for n, v in answer.raw_headers
            ]
            whole = b""
            async for chunk, is_end in answer.content.iter_chunks():
                whole += chunk
                if is_end or "content-length" in answer.headers:
                    if whole:
                        seen.chunks.append(whole)
                    whole = b""
                    if len(seen.chunks) == ask.read:
                        break
            if whole:
                seen.chunks.append(whole)
    except Exception as error:
        seen.error = _named(error)
    return seen


CLIENTS: dict[str, Callable[[Ask], Seen]] = {
    "httpx": _httpx("httpx"),
    "httpx-async": _httpx_async("httpx"),
    "httpx2": _httpx("httpx2"),
    "httpx2-async": _httpx_async("httpx2"),
    "requests": _requests,
    "urllib3": _urllib3,
    "urllib": _urllib,
    "aiohttp": lambda ask: asyncio.run(_aiohttp(ask)),
}

# Headers that differ between any two live answers.
VOLATILE = {"date", "x-request-id", "request-id", "set-cookie"}


def observe(client: str, ask: Ask) -> dict[str, Any]:
    """What a program that uses `client` sees."""
    seen = CLIENTS[client](ask).as_dict()
    seen["headers"] = [list(line) for line in seen["headers"] if line[0].lower() not in VOLATILE]
    return seen

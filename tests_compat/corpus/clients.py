"""How each client asks, and what a program sees of the answer.

A client is a function from the server's address and steps to observations: plain JSON. It plays the steps in
one session, uses the client's own ways (its `json=`, its forms, its streams), and imports nothing else.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
import zlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests_compat.corpus.scenarios import Step

Seen = dict[str, Any]
Play = Callable[[str, Sequence[Step]], list[Seen]]


@dataclass(frozen=True)
class Client:
    name: str
    play: Play
    module: str
    can: frozenset[str] = frozenset()
    since: tuple[int, ...] = (0,)
    """The first version of vcrpy that intercepts it."""


# What is common to them.


def _seen(
    status: int,
    reason: str | None,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    *,
    url: str = "",
    history: Iterable[int] = (),
    cookies: Iterable[str] = (),
    lines: Sequence[str] | None = None,
) -> Seen:
    pairs = sorted([name.lower(), value] for name, value in headers)
    seen: Seen = {
        "status": status,
        "reason": reason,
        "headers": pairs,
        "body": _said(body),
        "content": _said(_unpacked(body)) if dict(pairs).get("content-encoding") else _said(body),
        "history": list(history),
        "cookies": sorted(cookies),
        "url": url,
    }
    return seen if lines is None else seen | {"lines": list(lines)}


def _said(body: bytes) -> str:
    return f"{len(body)} bytes, {hashlib.sha256(body).hexdigest()[:16]}: {body[:40]!r}"


def _unpacked(body: bytes) -> bytes:
    """What a client that does not decode would unpack by hand."""
    for unpack in (gzip.decompress, zlib.decompress):
        try:
            return unpack(body)
        except (OSError, EOFError, zlib.error):
            continue
    return body


def _failed(error: BaseException) -> Seen:
    return {"error": type(error).__name__}


def _each(send: Callable[[Step], Seen], steps: Sequence[Step]) -> list[Seen]:
    found = []
    for step in steps:
        try:
            found.append(send(step))
        except Exception as error:  # what a program would see is what is observed
            found.append(_failed(error))
    return found


async def _each_async(send: Callable[[Step], Awaitable[Seen]], steps: Sequence[Step]) -> list[Seen]:
    found = []
    for step in steps:
        try:
            found.append(await send(step))
        except Exception as error:
            found.append(_failed(error))
    return found


def _target(step: Step) -> str:
    return step.path + (f"?{urlencode(step.params)}" if step.params else "")


def _by_hand(step: Step) -> tuple[bytes | None, dict[str, str]]:
    """Body and headers for a client without ways of its own."""
    headers = dict(step.headers)
    body = step.body
    if step.json is not None:
        body = json.dumps(step.json).encode()
        headers["content-type"] = "application/json"
    elif step.form is not None:
        body = urlencode(step.form).encode()
        headers["content-type"] = "application/x-www-form-urlencoded"
    if step.login is not None:
        pair = ":".join(step.login).encode()
        headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    return body, headers


def _until_empty(read: Callable[[], bytes]) -> bytes:
    pieces = []
    while piece := read():
        pieces.append(piece)
    return b"".join(pieces)


def _text_lines(lines: Iterable[bytes]) -> list[str]:
    return [line.decode().rstrip("\r\n") for line in lines]


# Of the standard library.


def _http_client(base: str, steps: Sequence[Step]) -> list[Seen]:
    import http.client

    def send(step: Step) -> Seen:
        body, headers = _by_hand(step)
        connection.request(step.method, _target(step), body, headers)
        response = connection.getresponse()
        lines = None
        if step.in_lines:
            lines = _text_lines(response)
            content = "\n".join(lines).encode()
        elif step.in_pieces:
            content = _until_empty(lambda: response.read(7))
        else:
            content = response.read()
        return _seen(response.status, response.reason, response.getheaders(), content, lines=lines)

    connection = http.client.HTTPConnection(base.removeprefix("http://"))
    try:
        return _each(send, steps)
    finally:
        connection.close()


def _urllib(base: str, steps: Sequence[Step]) -> list[Seen]:
    import http.cookiejar
    import urllib.error
    import urllib.request

    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))

    def send(step: Step) -> Seen:
        body, headers = _by_hand(step)
        request = urllib.request.Request(base + _target(step), body, headers, method=step.method)
        try:
            response = opener.open(request)
        except urllib.error.HTTPError as error:
            response = error
        lines = None
        with response:
            if step.in_lines:
                lines = _text_lines(response)
                content = "\n".join(lines).encode()
            elif step.in_pieces:
                content = _until_empty(lambda: response.read(7))
            else:
                content = response.read()
            return _seen(
                response.status,
                response.reason,
                response.headers.items(),
                content,
                url=response.geturl().removeprefix(base),
                cookies=[f"{one.name}={one.value}" for one in jar],
                lines=lines,
            )

    return _each(send, steps)


# Of the package index.


def _urllib3(base: str, steps: Sequence[Step]) -> list[Seen]:
    import urllib3

    pool = urllib3.PoolManager(retries=urllib3.Retry(total=5, connect=0, read=0))

    def send(step: Step) -> Seen:
        body, headers = _by_hand(step)
        more: dict[str, Any] = {"body": body}
        if step.files is not None:
            more = {"fields": dict(step.files)}
        streamed = step.in_pieces or step.in_lines
        response = pool.request(
            step.method,
            base + _target(step),
            headers=headers,
            preload_content=not streamed,
            **more,
        )
        content = b"".join(response.stream(7)) if streamed else response.data
        lines = _text_lines(content.splitlines()) if step.in_lines else None
        # vcrpy's stand-in of some versions has neither `retries` nor `geturl`: the content tells a redirect.
        return _seen(
            response.status, response.reason, response.headers.items(), content, lines=lines
        )

    with pool:
        return _each(send, steps)


def _requests(base: str, steps: Sequence[Step]) -> list[Seen]:
    import requests

    session = requests.Session()

    def send(step: Step) -> Seen:
        response = session.request(
            step.method,
            base + step.path,
            params=list(step.params),
            headers=dict(step.headers),
            json=step.json,
            data=step.form if step.form is not None else step.body,
            files=dict(step.files) if step.files is not None else None,
            auth=step.login,
            stream=step.in_pieces or step.in_lines,
        )
        lines = None
        if step.in_lines:
            lines = [line.decode() for line in response.iter_lines()]
            content = "\n".join(lines).encode()
        elif step.in_pieces:
            content = b"".join(response.iter_content(7))
        else:
            content = response.content
        return _seen(
            response.status_code,
            response.reason,
            response.headers.items(),
            content,
            url=response.url.removeprefix(base),
            history=[one.status_code for one in response.history],
            cookies=[f"{name}={value}" for name, value in session.cookies.items()],
            lines=lines,
        )

    with session:
        return _each(send, steps)


def _httplib2(base: str, steps: Sequence[Step]) -> list[Seen]:
    import httplib2

    http = httplib2.Http()

    def send(step: Step) -> Seen:
        body, headers = _by_hand(step)
        response, content = http.request(
            base + _target(step), step.method, body=body, headers=headers
        )
        history = []
        before = response.previous
        while before is not None:
            history.append(before.status)
            before = before.previous
        return _seen(
            response.status,
            response.reason,
            [(name, value.removeprefix(base)) for name, value in response.items()],
            content,
            history=history,
        )

    try:
        return _each(send, steps)
    finally:
        http.close()


def _httpx_arguments(base: str, step: Step) -> dict[str, Any]:
    """Of httpx and its successor."""
    named = {
        "params": list(step.params) or None,
        "headers": dict(step.headers),
        "json": step.json,
        "data": step.form,
        "files": step.files,
        "content": step.body,
        "auth": step.login,
    }
    given = {name: value for name, value in named.items() if value is not None}
    return {"method": step.method, "url": base + step.path, **given}


def _seen_by_httpx(base: str, client: Any, response: Any, content: bytes, lines: Any) -> Seen:
    return _seen(
        response.status_code,
        response.reason_phrase,
        response.headers.multi_items(),
        content,
        url=str(response.url).removeprefix(base),
        history=[one.status_code for one in response.history],
        cookies=[f"{one.name}={one.value}" for one in client.cookies.jar],
        lines=lines,
    )


def _sync_httpx(module: str) -> Play:
    def play(base: str, steps: Sequence[Step]) -> list[Seen]:
        httpx = __import__(module)

        def send(step: Step) -> Seen:
            arguments = _httpx_arguments(base, step)
            lines = None
            if step.in_lines:
                with client.stream(**arguments) as response:
                    lines = [line.rstrip("\n") for line in response.iter_lines()]
                content = "\n".join(lines).encode()
            elif step.in_pieces:
                with client.stream(**arguments) as response:
                    content = b"".join(response.iter_bytes(7))
            else:
                response = client.request(**arguments)
                content = response.content
            return _seen_by_httpx(base, client, response, content, lines)

        with httpx.Client(follow_redirects=True) as client:
            return _each(send, steps)

    return play


def _async_httpx(module: str) -> Play:
    async def play(base: str, steps: Sequence[Step]) -> list[Seen]:
        httpx = __import__(module)

        async def send(step: Step) -> Seen:
            arguments = _httpx_arguments(base, step)
            lines = None
            if step.in_lines:
                async with client.stream(**arguments) as response:
                    lines = [line.rstrip("\n") async for line in response.aiter_lines()]
                content = "\n".join(lines).encode()
            elif step.in_pieces:
                async with client.stream(**arguments) as response:
                    content = b"".join([piece async for piece in response.aiter_bytes(7)])
            else:
                response = await client.request(**arguments)
                content = response.content
            return _seen_by_httpx(base, client, response, content, lines)

        async with httpx.AsyncClient(follow_redirects=True) as client:
            return await _each_async(send, steps)

    return lambda base, steps: asyncio.run(play(base, steps))


async def _aiohttp(base: str, steps: Sequence[Step]) -> list[Seen]:
    import aiohttp

    async def send(step: Step) -> Seen:
        data: Any = step.form if step.form is not None else step.body
        if step.files is not None:
            data = aiohttp.FormData()
            for name, (filename, content, kind) in step.files.items():
                data.add_field(name, content, filename=filename, content_type=kind)
        async with session.request(
            step.method,
            base + step.path,
            params=list(step.params) or None,
            headers=dict(step.headers),
            json=step.json,
            data=data,
            auth=aiohttp.BasicAuth(*step.login) if step.login else None,
        ) as response:
            lines = None
            if step.in_lines:
                lines = _text_lines([line async for line in response.content])
                content = "\n".join(lines).encode()
            elif step.in_pieces:
                content = b"".join([piece async for piece in response.content.iter_chunked(7)])
            else:
                content = await response.read()
            return _seen(
                response.status,
                response.reason,
                response.headers.items(),
                content,
                url=str(response.url).removeprefix(base),
                history=[one.status for one in response.history],
                cookies=[f"{one.key}={one.value}" for one in session.cookie_jar],
                lines=lines,
            )

    jar = aiohttp.CookieJar(unsafe=True)  # unsafe: the server has no name, only an address
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        return await _each_async(send, steps)


def _botocore(base: str, steps: Sequence[Step]) -> list[Seen]:
    import botocore.exceptions
    import botocore.session
    from botocore.config import Config

    session = botocore.session.Session()
    session.set_credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0})

    def send(step: Step) -> Seen:
        service, _, operation = step.operation.partition(".")
        client = session.create_client(
            service, region_name="us-east-1", endpoint_url=base, config=config
        )
        try:
            found = getattr(client, operation)(**step.arguments)
        except botocore.exceptions.ClientError as error:
            found = {**error.response, "error": type(error).__name__}
        metadata = found.pop("ResponseMetadata")
        content = found.pop("Body").read() if "Body" in found else b""
        return {
            "status": metadata["HTTPStatusCode"],
            "headers": sorted(map(list, metadata["HTTPHeaders"].items())),
            "body": hashlib.sha256(content).hexdigest(),
            "result": json.loads(json.dumps(found, default=str)),
        }

    return _each(send, steps)


_ALL = frozenset({"multipart", "brotli", "redirects", "cookies"})

CLIENTS = (
    Client("http.client", _http_client, "http.client"),
    Client("urllib", _urllib, "urllib.request", frozenset({"redirects", "cookies"})),
    Client("urllib3", _urllib3, "urllib3", _ALL - {"cookies"}),
    Client("requests", _requests, "requests", _ALL),
    Client("httplib2", _httplib2, "httplib2", frozenset({"redirects"})),
    Client("httpx", _sync_httpx("httpx"), "httpx", _ALL),
    Client("httpx-async", _async_httpx("httpx"), "httpx", _ALL),
    Client("httpx2", _sync_httpx("httpx2"), "httpx2", _ALL, (9,)),
    Client("httpx2-async", _async_httpx("httpx2"), "httpx2", _ALL, (9,)),
    Client("aiohttp", lambda base, steps: asyncio.run(_aiohttp(base, steps)), "aiohttp", _ALL),
    Client("botocore", _botocore, "botocore", frozenset({"aws"})),
)


def named(name: str) -> Client:
    return next(client for client in CLIENTS if client.name == name)

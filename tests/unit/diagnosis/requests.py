"""Requests as clients make them, and recordings of them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from onetake.messages import Headers, Request

URL = "https://api.example.com/v1/chat"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Held:
    """A recording as diagnosis sees one."""

    request: Request
    at: float = 0.0

    @property
    def line(self) -> tuple[str, str]:
        return self.request.method, self.request.url

    def text(self, limit: int) -> bytes:
        return self.request.body[:limit]


def post(
    body: object = None,
    url: str = URL,
    content_type: str = "application/json",
    method: str = "POST",
    headers: tuple[tuple[str, str], ...] = (),
    principal: int = 0,
) -> Request:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = Headers((("Content-Type", content_type), *headers))
    return Request(method=method, url=url, headers=lines, body=data, principal=principal)


def chat(content: str, **more: object) -> Request:
    messages = [
        {"role": "system", "content": "You are terse."},
        {"role": "user", "content": content},
    ]
    return post({"model": "gpt-4o-mini", "messages": messages, **more})


def upload(
    content: bytes,
    filename: str = "a.png",
    boundary: str = "xyz",
    fields: tuple[tuple[str, str], ...] = (),
) -> Request:
    body = b""
    for name, value in fields:
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
        body += value.encode() + b"\r\n"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{filename}"'
    body += head.encode() + b"\r\nContent-Type: image/png\r\n\r\n" + content
    body += f"\r\n--{boundary}--\r\n".encode()
    return post(body, content_type=f"multipart/form-data; boundary={boundary}")

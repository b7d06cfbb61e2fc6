"""The values a handler reads and returns.

A handler is a pure function from a `Call` to an `Answer`; only `wire` touches a socket. So whatever
a client can meet on the wire (delays, cuts, garbage) is a field of `Answer`.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from fakeprovider.state import State

Framing = Literal["chunked", "length", "close"]
HeaderLines = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as read: `path` keeps its percent escapes, `query` the last value of a name."""

    method: str
    path: str
    query: dict[str, str]
    headers: HeaderLines
    body: bytes
    keep_alive: bool = True
    version: str = "1.1"

    def header(self, name: str, default: str = "") -> str:
        """The first value of `name` (given in lower case), or `default`."""
        for key, value in self.headers:
            if key.lower() == name:
                return value
        return default


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What to put on the wire. Each of `chunks` is one write and, if chunked, one HTTP chunk.

    - `delay_ms` lies between chunks, `head_delay_ms` before the status line.
    - `gate` holds back what follows the first chunk until it is opened (POST /_control/gates/NAME); if
      that takes more than 20 seconds, the connection is cut.
    - `cut` ends the connection after the chunks without a proper end of the body: no last chunk, or
      a content-length that promises more, or (framing "close") a reset.
    - `raw` replaces everything: these bytes, then the connection closes.
    - `hang` sends nothing until the client goes.
    """

    status: int = 200
    reason: str | None = None
    headers: HeaderLines = ()
    chunks: tuple[bytes, ...] = ()
    framing: Framing = "length"
    delay_ms: int = 0
    head_delay_ms: int = 0
    gate: asyncio.Event | None = None
    cut: bool = False
    raw: bytes | None = None
    hang: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request on its way to a handler: `serial` is its number, `groups` what the route caught."""

    request: Request
    serial: int
    groups: tuple[str, ...]
    state: State


class RefusalError(Exception):
    """A handler says no; the route's room turns it into the provider's own error shape."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: HeaderLines = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.headers = headers


def to_json(value: object, *, indent: int | None = None) -> bytes:
    """UTF-8 JSON; without `indent` in the compact form."""
    separators = (",", ":") if indent is None else None
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    return text.encode("utf-8", "surrogatepass")


def json_answer(value: object, *, status: int = 200, headers: HeaderLines = ()) -> Answer:
    """A whole JSON answer with a content-length."""
    head = (("content-type", "application/json"), *headers)
    return Answer(status=status, headers=head, chunks=(to_json(value),))

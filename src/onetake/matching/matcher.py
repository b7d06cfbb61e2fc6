"""The matcher: settings in, a pure function from request to match key out."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import TypeAlias

import msgspec

from onetake.errors import UsageError
from onetake.matching.bodies import body_identity
from onetake.matching.urls import (
    framed,
    host_identity,
    path_identity,
    query_identity,
    to_bytes,
    url_identity,
)
from onetake.messages import Request

MatchKey: TypeAlias = bytes
"""16 bytes: equal for equal requests."""

BUILT_IN = ("method", "url", "host", "path", "query", "body", "headers")

DEFAULT_HEADERS = (
    "accept",
    "anthropic-beta",
    "anthropic-version",
    "openai-beta",
    "openai-organization",
    "openai-project",
    "x-amz-target",
    "x-goog-user-project",
)
"""What `headers` compares where none are named: headers that change what the answer means."""

# Raised whenever equal requests would get another key than before.
_VERSION = "1"

_encoder = msgspec.json.Encoder(order="deterministic", enc_hook=repr)


class Matcher:
    """Computes match keys.

    `match_on` names built-in parts or `functions`; an unknown name is a `UsageError`. `key` never
    raises for any request, save that an exception of a user's function becomes a `UsageError`
    naming it. Thread-safe: nothing changes after construction.
    """

    def __init__(
        self,
        match_on: Sequence[str] = ("method", "url", "body"),
        match_headers: Sequence[str] = DEFAULT_HEADERS,
        functions: Mapping[str, Callable[[Request], object]] | None = None,
    ) -> None:
        functions = functions or {}
        names = (match_on,) if isinstance(match_on, str) else tuple(match_on)
        self.match_on = names
        self._headers = tuple(sorted({name.lower() for name in match_headers}))
        built_in: dict[str, Callable[[Request], bytes]] = {
            "method": _method,
            "url": lambda request: url_identity(request.url),
            "host": lambda request: host_identity(request.url),
            "path": lambda request: path_identity(request.url),
            "query": lambda request: query_identity(request.url),
            "body": body_identity,
            "headers": self._headers_identity,
        }
        if not names:
            raise UsageError(
                "match_on is empty, so every request would be the same.",
                remedy=f"Name at least one of {', '.join(BUILT_IN)}.",
            )
        for name in functions:
            if name in built_in:
                raise UsageError(
                    f"The match function {name!r} has the name of a built-in part.",
                    remedy="Register it under another name.",
                )
        parts: list[Callable[[Request], bytes]] = []
        for name in dict.fromkeys(names):
            if name in built_in:
                parts.append(built_in[name])
            elif name in functions:
                parts.append(_user_part(name, functions[name]))
            else:
                raise _unknown(name, (*built_in, *functions))
        self._parts = tuple(parts)
        self.fingerprint = self._fingerprint()

    def key(self, request: Request) -> MatchKey:
        return sha256(framed(*[part(request) for part in self._parts])).digest()[:16]

    def _headers_identity(self, request: Request) -> bytes:
        headers = request.headers
        pieces: list[bytes] = []
        for name in self._headers:
            for value in headers.get_all(name):
                pieces += [to_bytes(name), to_bytes(value.strip())]
        return framed(*pieces)

    def _fingerprint(self) -> str:
        headers = self._headers if "headers" in self.match_on else ()
        settings = (_VERSION, self.match_on, headers)
        return sha256(_encoder.encode(settings)).hexdigest()[:16]


def _method(request: Request) -> bytes:
    return to_bytes(request.method.upper())


def _user_part(name: str, function: Callable[[Request], object]) -> Callable[[Request], bytes]:
    def part(request: Request) -> bytes:
        try:
            return _encoder.encode(function(request))
        except Exception as error:
            raise UsageError(
                f"The match function {name!r} failed: {type(error).__name__}.",
                remedy="A match function must return a plain value for every request.",
            ) from error

    return part


def _unknown(name: str, known: Sequence[str]) -> UsageError:
    nearest = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    remedy = f"Did you mean {nearest[0]!r}?" if nearest else f"Known: {', '.join(known)}."
    return UsageError(f"match_on names {name!r}, which is unknown.", remedy=remedy)

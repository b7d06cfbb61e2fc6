"""What the server remembers: counts, the last requests, scripts, and per-provider memory."""

from __future__ import annotations

import asyncio
import base64
import itertools
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field

from fakeprovider.messages import Answer, Request

_KEPT_REQUESTS = 50


@dataclass(slots=True)
class State:
    """One per server; the event loop's single thread guards it.

    `next_serial` runs on through `reset`, so that no two live calls of one server share an id.
    """

    billed: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    requests: deque[Request] = field(default_factory=lambda: deque(maxlen=_KEPT_REQUESTS))
    attempts: Counter[str] = field(default_factory=Counter)
    batches: dict[str, dict[str, object]] = field(default_factory=dict)
    scripts: dict[str, tuple[Answer, ...]] = field(default_factory=dict)
    script_calls: Counter[str] = field(default_factory=Counter)
    gates: defaultdict[str, asyncio.Event] = field(
        default_factory=lambda: defaultdict(asyncio.Event)
    )
    serials: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def bill(self, request: Request) -> int:
        """Count a request and return its serial number."""
        self.billed += 1
        self.counts[f"{request.method} {request.path}"] += 1
        self.requests.append(request)
        return next(self.serials)

    def attempt(self, key: str) -> int:
        """The how-manieth call this is for `key`, from 1."""
        self.attempts[key] += 1
        return self.attempts[key]

    def reset(self) -> None:
        """Forget counts, requests, batches and attempts; scripts stay and start over."""
        self.billed = 0
        for memory in (self.counts, self.requests, self.attempts, self.batches, self.script_calls):
            memory.clear()

    def last_requests(self) -> list[dict[str, object]]:
        """The last requests in plain JSON values, oldest first; bodies in base64."""
        return [
            {
                "method": request.method,
                "path": request.path,
                "query": request.query,
                "headers": [list(line) for line in request.headers],
                "body": base64.b64encode(request.body).decode(),
            }
            for request in self.requests
        ]

"""The owner of the calls of a test that has no cassette: they pass, and are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from threading import Lock

from onetake.cassettes.decisions import Decision, Forward
from onetake.messages import Interaction, Request, read_url
from onetake.runtime.context import Recording


class Unmarked:
    """Lets every call through. Thread-safe."""

    speed = 0.0
    fast_retries = False
    exact_encoding = False
    max_request_body = 64 * 1024 * 1024

    def __init__(self) -> None:
        self._lock = Lock()
        self.live = 0
        self.hosts: Counter[str] = Counter()
        self.late: Callable[[str, str], None] | None = None  # told of each request after the end

    def decide(self, request: Request, client: str) -> Decision:  # noqa: ARG002
        with self._lock:
            self.live += 1
            self.hosts[read_url(request.url).netloc] += 1
        if self.late is not None:
            from onetake.redaction import safe_url

            self.late(request.method, safe_url(request.url))
        return Forward("unmarked")

    def began(self, seq: int, recording: Recording) -> None: ...

    def let_go(self, seq: int, reason: str) -> None: ...

    def keep(self, seq: int, interaction: Interaction) -> None: ...

    @property
    def verdict(self) -> str:
        return "UNMARKED:LIVE" if self.live else "UNMARKED:NO_TRAFFIC"

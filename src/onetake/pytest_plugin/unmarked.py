"""The owner of the calls of a test that has no cassette: they pass, and are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from threading import Lock

from onetake.cassettes.decisions import Decision, Forward, Refuse
from onetake.config.hosts import read_host
from onetake.errors import GuardError
from onetake.messages import Interaction, Request, read_url
from onetake.runtime.context import Recording
from onetake.runtime.egress import Egress, is_local, is_near_by


class Unmarked:
    """Lets every call through, save where the guard refuses those that are not local. Thread-safe."""

    speed = 0.0
    fast_retries = False
    exact_encoding = False
    max_request_body = 64 * 1024 * 1024

    def __init__(self, test: str = "", egress: Egress | None = None) -> None:
        self.egress = egress or Egress(test)
        self._lock = Lock()
        self.live = 0
        self.passed = 0
        self.hosts: Counter[str] = Counter()
        self.late: Callable[[str, str], None] | None = None  # told of each request after the end

    def decide(self, request: Request, client: str) -> Decision:  # noqa: ARG002
        if (refusal := self._refusal(request)) is not None:
            return Refuse(refusal)
        if passes(request):
            with self._lock:
                self.passed += 1
            return Forward("local")
        with self._lock:
            self.live += 1
            self.hosts[read_url(request.url).netloc] += 1
        if self.late is not None:
            from onetake.redaction import safe_url

            self.late(request.method, safe_url(request.url))
        return Forward("unmarked")

    def _refusal(self, request: Request) -> GuardError | None:
        if not self.egress.is_refusing:
            return None
        url = read_url(request.url)
        host = read_host(url.host)
        if self.egress.allows(url.netloc) or is_local(host):
            return None
        return self.egress.refuse(host, "calls")

    def began(self, seq: int, recording: Recording) -> None: ...

    def let_go(self, seq: int, reason: str) -> None: ...

    def keep(self, seq: int, interaction: Interaction) -> None: ...

    @property
    def verdict(self) -> str:
        return "UNMARKED:LIVE" if self.live else "UNMARKED:NO_TRAFFIC"


def passes(request: Request) -> bool:
    """Whether a call is none that anybody pays for: to a local server, and not of an API that has a price.

    A gateway to paid APIs may run on this machine.
    """
    if not is_near_by(read_host(read_url(request.url).host)):
        return False
    from onetake.spend import is_priced_api  # late: most tests without a cassette make no call

    return not is_priced_api(request)

"""The facts of requests that were not replayed, as plain values that travel between processes."""

from __future__ import annotations

from msgspec import Struct


class Difference(Struct, frozen=True, omit_defaults=True):
    """One thing that differs: its path, both values as short texts, and the kind of change.

    `offset` is the character (of bytes: the byte) at which long values begin to differ; the windows
    are what binary values hold 100 bytes either side of it.
    """

    path: str
    recorded: str
    sent: str
    kind: str = "text"
    offset: int | None = None
    recorded_window: str = ""
    sent_window: str = ""


class Miss(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why no recording answers a request.

    `reason` is `no-recording` (nothing of that method, host and path), `exhausted` (every equal recording
    is used already), `expired` (the equal recording is too old), `changed` (one came near; `differences`
    say how), `credential` (recorded for another credential) or `upload` (an upload that was emptied).
    `cause` is the same for all misses that one change would mend, `offset` where in a long value that
    begins; `rule` is TOML that would have made the two equal, if a rule is right. At most 50 differences
    are kept.
    """

    request_line: str
    reason: str
    nearest_line: str = ""
    differences: tuple[Difference, ...] = ()
    cause: str = ""
    offset: int | None = None
    advice: str = ""
    rule: str = ""


class Event(Struct, frozen=True, kw_only=True):
    """A request that was not replayed. `outcome` is `missed` or `recorded`; `count` such requests."""

    test: str
    cassette: str
    outcome: str
    mode: str = ""
    miss: Miss
    count: int = 1

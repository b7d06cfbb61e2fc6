"""How a stream says that it is over.

A client that stops reading there (the OpenAI SDK closes at `[DONE]`) has had the whole answer.
Sources: the streaming guides of OpenAI (chat, responses) and Anthropic (messages).
"""

from __future__ import annotations

import re

# The last event of a stream, whatever line ends it; looked for in the tail only.
_SSE_END = re.compile(
    rb"(?:^|\n)(?:data: ?\[DONE\]"
    rb"|event: ?(?:message_stop|response\.completed|response\.failed|response\.incomplete)\r?\n"
    rb"data:[^\n]*)\r?(?:\n|$)"
)
_TAIL = 262_144  # bytes; response.completed repeats the whole answer in one event


def is_terminated(content_type: str, data: bytes) -> bool:
    """Whether an event stream holds its protocol's last event."""
    if not content_type.lower().startswith("text/event-stream"):
        return False
    return _SSE_END.search(data[-_TAIL:]) is not None

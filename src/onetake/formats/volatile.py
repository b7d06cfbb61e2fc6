"""Whether a new recording says anything that the old one did not."""

from __future__ import annotations

import re

from msgspec.structs import replace

from onetake.messages import Body, Headers, Interaction, Response
from onetake.wire.late import late_pattern

# Lower-case names of answer headers that differ from answer to answer of the same content: dates, request
# ids, traces, rate limits, timings, and what the networks between add.
_VOLATILE = late_pattern(
    r"""
    date | age | expires | set-cookie | retry-after | via | alt-svc | nel | report-to | reporting-endpoints
    | (.*-)?(request|trace|correlation|amzn-?request|amz-request|invocation|vercel|transaction)-?id
    | x-amz-id-2 | x-amz-cf-(id|pop) | x-amzn-trace-id | x-cloud-trace-context | traceparent | tracestate
    | (.*-)?rate-?limit(-.*)?
    | cf-(ray|cache-status) | x-served-by | x-cache(-hits)? | x-timer | x-backend(-server)? | x-hostname
    | server-timing | x-runtime | x-(response|process|processing)-time(-ms)? | (.*-)?processing-ms
    | x-envoy-upstream-service-time | x-kong-.*-latency | x-ms-region | x-inference-.* | x-compute-time
    """,
    re.VERBOSE,
)


def is_volatile_header(name: str) -> bool:
    """Whether the answer header `name` (in lower case) differs from answer to answer of the same content."""
    return _VOLATILE.fullmatch(name) is not None


def same_but_volatile(old: Interaction, new: Interaction) -> bool:
    """Whether only the times of recording, the cuts into chunks and volatile answer headers differ.

    Then the old recording stays, and a review has nothing to show.
    """
    return _constant(old) == _constant(new)


def _constant(interaction: Interaction) -> Interaction:
    answer = interaction.response
    return replace(
        interaction, response=None if answer is None else _without_volatile(answer), at=0, ms=0
    )


def _without_volatile(answer: Response) -> Response:
    lines = tuple(line for line in answer.headers.items if not is_volatile_header(line[0].lower()))
    body = Body(data=answer.body.data, encoding=answer.body.encoding)
    return replace(answer, headers=Headers(lines), body=body)

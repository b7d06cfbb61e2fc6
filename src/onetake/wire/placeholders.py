"""How rooms that know nothing of secrets tell what stands for one in a redacted request.

The kinds and their spellings are those of `redaction.placeholders`.
"""

from __future__ import annotations

import re

from onetake.messages import Headers, Request

_NUMBERED = re.compile(
    rb"(<redacted:[a-z0-9_-]{2,40}):\d{1,4}>|(REDACTED-[a-z0-9_-]{2,40}?)-\d{1,4}\b"
)

BY_VALUE = re.compile(
    r"<redacted:env(?::\d{1,4})?>|REDACTED-env(?:-\d{1,4})?(?![a-z0-9_])"
    # In base64, with the letters and the padding that hold some of its bits.
    r"|[A-Za-z0-9+/_-]?(?:REDACTED0)+(?:REDACTED|REDACTE|REDACT|REDAC|REDA|RED|RE|R)?"
    r"[A-Za-z0-9+/_-]?={0,2}"
)
"""What stands for a value that was known to be secret, not seen to be one."""


def unnumbered(data: bytes) -> bytes:
    """`data` with all placeholders of a kind equal."""
    if b"<redacted:" not in data and b"REDACTED-" not in data:
        return data
    return _NUMBERED.sub(lambda found: found[1] + b">" if found[1] else found[2], data)


def unnumbered_text(text: str) -> str:
    """The same of a URL or a header line."""
    if "redacted:" not in text and "REDACTED-" not in text:
        return text
    return unnumbered(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


def unnumbered_request(request: Request) -> Request:
    """`request` with all placeholders of a kind equal; mostly the same object."""
    body, url = unnumbered(request.body), unnumbered_text(request.url)
    lines = request.headers.items
    if any("redacted:" in value for _, value in lines):
        lines = tuple((name, unnumbered_text(value)) for name, value in lines)
    if body is request.body and url is request.url and lines == request.headers.items:
        return request
    return request.replace(url=url, headers=Headers(lines), body=body)

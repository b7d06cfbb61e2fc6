"""Multipart bodies as the diagnosis sees them."""

from __future__ import annotations

from onetake.messages import Request


def empty_uploads(request: Request) -> list[str]:
    """Names of the parts of `request` that have a file name and no content.

    Such a part is mostly a file that an earlier request has read to its end.
    """
    content_type = request.headers.get("content-type")
    if not content_type.strip().lower().startswith("multipart/"):
        return []
    from onetake.wire.multipart import parse

    try:
        parsed = parse(content_type, request.body)
    except (ValueError, RecursionError):
        return []
    parts = parsed.parts if parsed else ()
    return [part.name or part.filename for part in parts if part.filename and not part.body]

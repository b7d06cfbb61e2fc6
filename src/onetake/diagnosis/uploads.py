"""Uploads as the diagnosis sees them."""

from __future__ import annotations

from onetake.content import read_request
from onetake.messages import Request


def empty_uploads(request: Request) -> list[str]:
    """Return the names of the parts of `request` that have a file name and no content.

    Such a part is mostly a file that an earlier request has read to its end.
    """
    if request.headers.get("content-type").lstrip()[:10].lower() != "multipart/":
        return []
    parts = read_request(request).parts
    return [part.name or part.filename for part in parts if part.filename and not part.content.data]

"""multipart/form-data (RFC 7578), read strictly: what does not fit is refused, not guessed."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message

from fakeprovider.messages import RefusalError, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part; `filename` is None for a plain field."""

    name: str
    filename: str | None
    content: bytes


def parts_of(request: Request) -> list[Part]:
    """The parts in order; RefusalError 400 for any other body."""
    content_type = Message()
    content_type["content-type"] = request.header("content-type", "text/plain")
    boundary = content_type.get_boundary()
    if content_type.get_content_type() != "multipart/form-data" or not boundary:
        raise RefusalError(400, "The content-type must be multipart/form-data with a boundary.")
    mark = b"\r\n--" + boundary.encode("latin-1", "replace")
    _, *sections = (b"\r\n" + request.body).split(mark)
    if not sections or not sections[-1].startswith(b"--"):
        raise RefusalError(400, "The multipart body has no closing boundary.")
    return [_part(section) for section in sections[:-1]]


def _part(section: bytes) -> Part:
    head, blank, content = section.partition(b"\r\n\r\n")
    for line in head.decode("utf-8", "replace").split("\r\n"):
        key, _, value = line.partition(":")
        if blank and key.lower() == "content-disposition":
            disposition = Message()
            disposition["content-disposition"] = value.strip()
            name = disposition.get_param("name", header="content-disposition")
            if isinstance(name, str):
                return Part(name=name, filename=disposition.get_filename(), content=content)
    raise RefusalError(400, "A part of the multipart body has no name.")

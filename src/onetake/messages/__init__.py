"""The values that everything else speaks of: frozen, slotted, free of any client library's types."""

from onetake.messages.http import (
    Body,
    Chunk,
    Ended,
    Failure,
    Headers,
    Request,
    Response,
    media_type,
)
from onetake.messages.interaction import Interaction
from onetake.messages.urls import Url, glob, read_url

__all__ = [
    "Body",
    "Chunk",
    "Ended",
    "Failure",
    "Headers",
    "Interaction",
    "Request",
    "Response",
    "Url",
    "glob",
    "media_type",
    "read_url",
]

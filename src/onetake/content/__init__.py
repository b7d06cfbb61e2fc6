"""What a body is, decided once: every room above asks here, and none of them parses a body by itself.

`read` makes a `Content` of headers and bytes. Its *leaves* are the text values with their spans, for whoever
changes bytes (redaction) or looks at some of them; its *meaning* is a frozen value for whoever compares
(matching, diagnosis), walked by path in `walk`.
"""

from onetake.content.body import (
    DEEPEST,
    Content,
    completed,
    edited,
    opened,
    read,
    read_request,
    read_response,
)
from onetake.content.kinds import Kind, may_be_text
from onetake.content.leaves import Leaf, assignments
from onetake.content.meaning import Meaning, PartFacts, meaning_of, request_meaning
from onetake.content.parts import Part
from onetake.content.plain import plain_value
from onetake.content.quoting import Quoting
from onetake.content.settings import is_settings, settings

__all__ = [
    "DEEPEST",
    "Content",
    "Kind",
    "Leaf",
    "Meaning",
    "Part",
    "PartFacts",
    "Quoting",
    "assignments",
    "completed",
    "edited",
    "is_settings",
    "may_be_text",
    "meaning_of",
    "opened",
    "plain_value",
    "read",
    "read_request",
    "read_response",
    "request_meaning",
    "settings",
]

"""Secret fields of JSON text, found in the text itself.

The text is not parsed and written again: a small reader of tokens notes where secret values stand,
so every other byte stays, and half a document (a cut stream) is read as far as it goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from onetake.redaction.names import EXEMPT, FRAGMENTS, field_kind, is_secret_value
from onetake.redaction.placeholders import is_placeholder, placeholder
from onetake.wire.edits import Edit

_TOKEN = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)("?)|[{}\[\]:,]', re.DOTALL)
_top_level = msgspec.json.Decoder(dict[str, msgspec.Raw])
_FRAGMENTS = (*FRAGMENTS, b"\\u")  # a name may be written in escapes
_strings = msgspec.json.Decoder(str)


def has_fragment(data: bytes) -> bool:
    """Whether any secret field's name may occur in `data`."""
    low = data.lower()
    return any(fragment in low for fragment in _FRAGMENTS)


def places_of_fragments(data: bytes) -> list[int]:
    """Where one may occur, in order."""
    low = data.lower()
    found: list[int] = []
    for fragment in _FRAGMENTS:
        at = low.find(fragment)
        while at >= 0:
            found.append(at)
            at = low.find(fragment, at + 1)
    return sorted(found)


def may_hold_secrets(data: bytes) -> bool:
    """The cheap first question: false only where `json_edits` would find nothing.

    An object's fields are listed, and those that are exempt are passed over: a long prompt costs one
    scan, and so does a long answer whose `usage` counts tokens. A field named twice would hide the
    first, so the lengths must add up to an object written without (or with single) spaces.
    """
    try:
        fields = _top_level.decode(data)
    except (ValueError, RecursionError):
        return has_fragment(data)
    listed = 0
    for name, value in fields.items():
        view = memoryview(value)
        listed += len(name) + len(view)
        if name in EXEMPT:
            continue
        if field_kind(name) is not None:
            return True
        if view[0] in b"{[":
            inner = bytes(view)
            if has_fragment(inner) and any(json_edits(inner)):
                return True
    count = len(fields)
    overhead = len(data) - listed
    if overhead in (4 * count + 1, 6 * count):
        return False
    return has_fragment(data)


class _Frame:
    """One open object or array: what its next string is."""

    __slots__ = ("at_value", "exempt", "is_object", "kind", "name")

    def __init__(self, *, is_object: bool, exempt: bool, kind: str | None) -> None:
        self.is_object = is_object
        self.exempt = exempt
        self.kind = kind  # of the secret that this object is the value of
        self.at_value = False
        self.name = ""

    def secret_kind(self) -> str | None:
        if self.exempt or not self.at_value:
            return None
        if self.kind and self.name == "value":  # {"client_secret": {"value": "..."}}
            return self.kind
        return field_kind(self.name)


def json_edits(data: bytes, offset: int = 0) -> Iterator[Edit]:
    """The edits that redact `data`; `offset` is added to their positions."""
    stack = [_Frame(is_object=True, exempt=False, kind=None)]
    for token in _TOKEN.finditer(data):
        frame = stack[-1]
        first = data[token.start()]
        if first == 0x22:
            if not frame.is_object:
                continue
            if not frame.at_value:
                frame.name = text_of(token[1])
                continue
            kind = frame.secret_kind()
            if kind is None:
                continue
            value = text_of(token[1])
            if is_secret_value(value) and not is_placeholder(value):
                start, end = token.span(1)
                if not token[2]:  # cut within the value, maybe within an escape
                    end = len(data)
                yield Edit(offset + start, offset + end, placeholder(kind).encode(), kind, value)
        elif first in b"{[":
            exempt = frame.exempt or (frame.at_value and frame.name.lower() in EXEMPT)
            kind = frame.secret_kind()
            stack.append(_Frame(is_object=first == 0x7B, exempt=exempt, kind=kind))
        elif first in b"}]":
            if len(stack) > 1:
                stack.pop()
        elif first == 0x3A:
            frame.at_value = True
        else:
            frame.at_value = False


def text_of(raw: bytes) -> str:
    if b"\\" in raw:
        try:
            return _strings.decode(b'"%s"' % raw)
        except ValueError:
            pass
    return raw.decode("utf-8", "replace")

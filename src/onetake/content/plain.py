"""A body as plain values, for whoever wants a few of its fields by name."""

from __future__ import annotations

import msgspec

from onetake.content.body import Content
from onetake.content.kinds import Kind

_MOST_FIELD = 65_536  # bytes of a value that may be a field; a longer one is a file
_MSGPACK = ("application/msgpack", "application/x-msgpack")


def plain_value(content: Content) -> object:
    """Return the value that a body stands for, or None where it has none.

    JSON (and msgpack where it is claimed) gives its value, JSON lines a list. A form or an upload gives a dict
    of the first text of each field, without files. Never raises.
    """
    try:
        match content.kind:
            case Kind.JSON:
                return msgspec.json.decode(content.text)
            case Kind.LINES:
                return [msgspec.json.decode(msgspec.json.encode(line)) for line in content.value]
            case Kind.FORM | Kind.MULTIPART:
                return _fields(content)
            case Kind.EMPTY:
                return None
        return msgspec.msgpack.decode(content.data) if content.media_type in _MSGPACK else None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _fields(content: Content) -> dict[str, str]:
    found: dict[str, str] = {}
    files = {part.label for part in content.parts if part.filename is not None}
    for leaf in content.leaves():
        if not leaf.steps or leaf.steps[0] in files:
            continue
        is_field = leaf.steps[1:] in ((), ("content",))
        if is_field and leaf.end - leaf.start <= _MOST_FIELD:
            found.setdefault(str(leaf.steps[0]), leaf.value.decode("utf-8", "replace"))
    return found

"""Secrets that were seen, looked for where no name gives them away.

Immutable: `with_` gives a new one, so that a reader in another thread always has a whole one.
"""

from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

import msgspec
from msgspec import Struct

from onetake.redaction.names import is_worth_remembering
from onetake.redaction.placeholders import placeholder, url_placeholder
from onetake.wire.edits import Edit

_MOST = 64  # the oldest is forgotten: each is looked for in every body


class Known(Struct, frozen=True):
    """Values and their kinds, oldest first, and every spelling of each."""

    kinds: dict[str, str] = {}
    spellings: dict[bytes, str] = {}

    def __bool__(self) -> bool:
        return bool(self.spellings)

    def with_(self, edits: Iterable[Edit]) -> Known:
        new = {
            edit.value: edit.kind
            for edit in edits
            if edit.value not in self.kinds and is_worth_remembering(edit.value)
        }
        if not new:
            return self
        kinds = {**self.kinds, **new}
        spelled = dict(self.spellings)
        for value, kind in new.items():
            for spelling in spellings(value):
                spelled.setdefault(spelling, kind)
        for forgotten in list(kinds)[:-_MOST]:
            del kinds[forgotten]
            for spelling in spellings(forgotten):
                spelled.pop(spelling, None)
        return Known(kinds, spelled)

    def edits(self, data: bytes, *, in_url: bool) -> list[Edit]:
        """The edits that replace every known value in `data`."""
        found = [spelling for spelling in self.spellings if spelling in data]
        if not found:
            return []
        # The longest first: a spelling may be the start of another.
        expression = re.compile(b"|".join(map(re.escape, sorted(found, key=len, reverse=True))))
        edits: list[Edit] = []
        for match in expression.finditer(data):
            kind = self.spellings[match[0]]
            new = url_placeholder(kind) if in_url else placeholder(kind)
            edits.append(Edit(*match.span(), new.encode(), kind, ""))
        return edits


def spellings(value: str, *, coded: bool = True) -> set[bytes]:
    """`value` as it is and in the escapes of URLs and JSON; with `coded` also in base64."""
    raw = value.encode("utf-8", "surrogatepass")
    quoted = quote(raw, safe=""), quote(raw), quote_plus(raw)
    based = (
        ()
        if not coded
        else (
            b64encode(raw),
            b64encode(raw).rstrip(b"="),
            urlsafe_b64encode(raw),
            urlsafe_b64encode(raw).rstrip(b"="),
        )
    )
    try:
        escaped = msgspec.json.encode(value)[1:-1]
    except ValueError:
        escaped = raw
    lower = tuple(re.sub(r"%[0-9A-F]{2}", lambda m: m[0].lower(), text) for text in quoted)
    return {raw, escaped, *based, *(text.encode() for text in (*quoted, *lower))}

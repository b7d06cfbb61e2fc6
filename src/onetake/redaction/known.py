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
from onetake.redaction.placeholders import FILLING, placeholder, url_placeholder
from onetake.wire.edits import Edit

_MOST = 64  # the oldest is forgotten: each is looked for in every body


class Known(Struct, frozen=True):
    """Values and their kinds, oldest first, and every spelling of each."""

    kinds: dict[str, str] = {}
    spellings: dict[bytes, str] = {}
    coded: frozenset[bytes] = frozenset()  # what of them is in base64 that holds more

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
        coded = set(self.coded)
        for value, kind in new.items():
            coded |= cores(value)
            for spelling in spellings(value):
                spelled.setdefault(spelling, kind)
        for forgotten in list(kinds)[:-_MOST]:
            del kinds[forgotten]
            coded -= cores(forgotten)
            for spelling in spellings(forgotten):
                spelled.pop(spelling, None)
        return Known(kinds, spelled, frozenset(coded))

    def edits(
        self, data: bytes, *, in_url: bool, within: bool = False, kind: str = ""
    ) -> list[Edit]:
        """The edits that replace every known value in `data`; `within` also where it is part of base64.

        `kind` is put in the place of their own.
        """
        found = [spelling for spelling in self.spellings if spelling in data]
        if within:
            found += [core for core in self.coded if core not in self.spellings and core in data]
        if not found:
            return []
        # The longest first: a spelling may be the start of another.
        expression = re.compile(b"|".join(map(re.escape, sorted(found, key=len, reverse=True))))
        edits: list[Edit] = []
        for match in expression.finditer(data):
            known_as = self.spellings.get(match[0])
            if known_as is None:
                edits.append(Edit(*match.span(), filling(len(match[0])), "base64", ""))
                continue
            named = kind or known_as
            new = url_placeholder(named) if in_url else placeholder(named)
            edits.append(Edit(*match.span(), new.encode(), named, ""))
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


def filling(size: int) -> bytes:
    """What stands for a secret within base64: as long, and base64 too."""
    return (FILLING * (size // len(FILLING) + 1))[:size]


def cores(value: str) -> set[bytes]:
    """The base64 letters that depend on nothing but `value`, wherever it begins; in both alphabets.

    Also of a text in which it stands escaped.
    """
    found: set[bytes] = set()
    for raw in spellings(value, coded=False):
        for before in range(3):
            letters = b64encode(b"\0" * before + raw)
            core = letters[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]
            found.add(core)
            if b"+" in core or b"/" in core:
                found.add(core.replace(b"+", b"-").replace(b"/", b"_"))
                found.add(core.replace(b"+", b"%2B").replace(b"/", b"%2F"))
                found.add(core.replace(b"/", b"\\/"))
    return found

"""Secrets that were seen, looked for where no name gives them away.

Immutable: `with_` gives a new one, so that a reader in another thread always has a whole one.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from onetake.redaction.names import is_worth_remembering
from onetake.redaction.placeholders import placeholder, url_placeholder
from onetake.redaction.spelled import filling, sightings
from onetake.wire.edits import Edit

_MOST = 64  # the oldest is forgotten: each is looked for in every body


class Known(Struct, frozen=True):
    """Values and their kinds, oldest first."""

    kinds: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self.kinds)

    def with_(self, edits: Iterable[Edit]) -> Known:
        new = {
            edit.value: edit.kind
            for edit in edits
            if edit.value not in self.kinds and is_worth_remembering(edit.value)
        }
        if not new:
            return self
        return Known(dict(list({**self.kinds, **new}.items())[-_MOST:]))

    def edits(
        self, data: bytes, *, in_url: bool, within: bool = False, kind: str = ""
    ) -> list[Edit]:
        """The edits that replace every known value in `data`; `within` also where it is part of base64.

        `kind` is put in the place of their own.
        """
        edits: list[Edit] = []
        for one in sightings(data, tuple(self.kinds), whole=True, within=within):
            if one.value is None:
                new = filling(one.end - one.start)
                edits.append(Edit(one.start, one.end, new, "base64", ""))
                continue
            named = kind or self.kinds[one.value]
            text = url_placeholder(named) if in_url else placeholder(named)
            edits.append(Edit(one.start, one.end, text.encode(), named, ""))
        return edits

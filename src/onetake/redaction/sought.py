"""Secrets that are found because their values are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from onetake.redaction.placeholders import BY_VALUE
from onetake.redaction.secret import Secret, merged
from onetake.redaction.spelled import Sighting, anchors_of, filling, sightings, spelled

# Every letter of base64, in both alphabets.
_LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")


class Sought(Struct, frozen=True):
    """The values that are looked for in a text, each with its kind."""

    kinds: Mapping[str, str]
    whole: bool = False
    """Whether the base64 of a value is one of its spellings."""
    within: bool = False
    """Whether a part of more base64 counts."""
    lines: tuple[str, ...] = ()
    """Lines of values with several: they are looked for as they are and nothing else, as they are many."""
    by_value: bool = False
    """Whether nothing may be told of a value but that it was known."""

    def may_stand_in(self, texts: Sequence[bytes]) -> bool:
        """Return whether a value may stand in one of `texts`: a quick test that misses none."""
        return any(
            anchor in text for anchor in anchors_of(tuple(self.kinds)) for text in texts
        ) or any(
            line.encode("utf-8", "surrogatepass") in text for line in self.lines for text in texts
        )

    def secrets(self, data: bytes) -> Sequence[Secret]:
        """Return where the values stand in `data`, in order."""
        found: list[Secret] = []
        for one in sightings(data, tuple(self.kinds), whole=self.whole, within=self.within):
            value = one.value
            if value is not None and self.whole and _is_part_of_base64(data, one, value):
                if not self.within:
                    continue
                value = None
            if value is None:
                new = filling(one.end - one.start)
                found.append(Secret(one.start, one.end, "base64", "", new, is_known=True))
            else:
                kind = "" if self.by_value else self.kinds[value]
                found.append(Secret(one.start, one.end, kind, value, is_known=True))
        return merged(found, self._lines_in(data)) if self.lines else found

    def _lines_in(self, data: bytes) -> Iterator[Secret]:
        kind = "" if self.by_value else BY_VALUE
        for line in self.lines:
            text = line.encode("utf-8", "surrogatepass")
            at = data.find(text)
            while at >= 0:
                yield Secret(at, at + len(text), kind, line, is_known=True)
                at = data.find(text, at + len(text))


def _is_part_of_base64(data: bytes, one: Sighting, value: str) -> bool:
    """Return whether the base64 of `value` stands there, with more base64 before or behind it."""
    text = data[one.start : one.end]
    if text not in spelled(value).whole:
        return False
    around = data[max(0, one.start - 1) : one.start] + data[one.end : one.end + 1]
    return not text.endswith(b"=") and any(byte in _LETTERS for byte in around)

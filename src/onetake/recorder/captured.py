"""Ids that a program makes and later looks for in answers: carried from its requests into what is replayed.

A program that names an object by a uuid asks for that name again. Its request is found in the loose tier,
but the recorded answers hold the uuid of the recording. What a loose hit showed to be the same value is
therefore put in its place, in that answer and in every later one of the opening. Only ids are carried,
which mean nothing but themselves: no times, and nothing shorter than 16 characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from onetake.matching import TIMES
from onetake.messages import Headers, Interaction
from onetake.redaction.edits import Edit, apply, shift

_SHORTEST = 16


class Captured:
    """Of one opening. Not thread-safe: its owner holds a lock."""

    def __init__(self) -> None:
        self._now: dict[bytes, bytes] = {}  # what is sent now, by what was recorded
        self._any: re.Pattern[bytes] | None = None

    def learn(self, values: Iterable[tuple[str, str, str]]) -> None:
        """(kind, recorded value, value sent now) of a loose hit."""
        for kind, recorded, sent in values:
            if kind not in TIMES and len(recorded) >= _SHORTEST and recorded != sent:
                self._now[recorded.encode()] = sent.encode()
                self._any = None

    def carry(self, interaction: Interaction) -> Interaction:
        """`interaction` with the ids of now in its answer; the same object where it holds none."""
        response = interaction.response
        if not self._now or response is None:
            return interaction
        body = response.body
        edits = self._edits(body.data)
        headers = Headers(tuple((name, self._text(value)) for name, value in response.headers))
        if not edits and headers == response.headers:
            return interaction
        data = apply(body.data, edits)
        if not body.encoding and len(data) != len(body.data) and "content-length" in headers:
            headers = headers.replacing("content-length", str(len(data)))
        body = type(body)(data=data, chunks=shift(body.chunks, edits), encoding=body.encoding)
        return interaction.replace(response=response.replace(headers=headers, body=body))

    def _edits(self, data: bytes) -> list[Edit]:
        if self._any is None:
            self._any = re.compile(b"|".join(map(re.escape, self._now)))
        return [
            Edit(*found.span(), self._now[found[0]], "", "") for found in self._any.finditer(data)
        ]

    def _text(self, text: str) -> str:
        data = text.encode("utf-8", "surrogatepass")
        edits = self._edits(data)
        return apply(data, edits).decode("utf-8", "surrogatepass") if edits else text

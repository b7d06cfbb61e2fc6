"""Ids that a program makes and later looks for in answers: carried from its requests into what is replayed.

A program that names an object by a uuid asks for that name again. Its request is found in the loose tier,
but the recorded answers hold the uuid of the recording. What a loose hit showed to be the same value is
therefore put in its place, in that answer and in the later ones of the opening, and the other way round in
what the opening records. Only ids are carried, which mean nothing but themselves, and only in texts: no
times, and nothing shorter than 16 characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from onetake.content import Content, Kind, completed, may_be_text, read_response
from onetake.matching import TIMES
from onetake.messages import Body, Headers, Interaction, Request, Response
from onetake.wire.edits import Edit, apply, shift

_SHORTEST = 16
_FILES = ("application/octet-stream", "application/vnd.amazon.eventstream")
_WHOLE = rb"(?<![0-9A-Za-z])(?:%s)(?![0-9A-Za-z])"


class Captured:
    """The values that one opening has captured. Not thread-safe: its owner holds a lock."""

    def __init__(self) -> None:
        self._now: dict[bytes, bytes] = {}  # what is sent now, by what was recorded
        self._recorded: dict[bytes, bytes] = {}
        self._any: dict[bool, re.Pattern[bytes]] = {}

    @property
    def is_empty(self) -> bool:
        """Tell whether no id has to be put into answers."""
        return not self._now

    def learn(self, values: Iterable[tuple[str, str, str]]) -> None:
        """(kind, recorded value, value sent now) of a loose hit."""
        for kind, recorded, sent in values:
            if kind in TIMES or len(recorded) < _SHORTEST or recorded == sent:
                continue
            self._forget(_bytes(recorded), _bytes(sent))
            self._now[_bytes(recorded)] = _bytes(sent)
            self._recorded[_bytes(sent)] = _bytes(recorded)

    def _forget(self, recorded: bytes, sent: bytes) -> None:
        self._recorded.pop(self._now.pop(recorded, b""), None)
        self._now.pop(self._recorded.pop(sent, b""), None)
        self._any.clear()

    def carry(self, interaction: Interaction, request: Request) -> Interaction:
        """`interaction` with the ids of now in its answer; the same object where it holds none.

        An id that `request`, which it answers, sends as it was recorded stands for itself from now on.
        """
        if not self._now:
            return interaction
        for recorded in [one for one in self._now if _holds(request, one)]:
            self._forget(recorded, self._now[recorded])
        return self._with_answer(interaction, self._now)

    def restore(self, interaction: Interaction) -> Interaction:
        """`interaction` of now with the ids of the recordings that it belongs to, in request and answer."""
        if not self._recorded:
            return interaction
        request = interaction.request
        body, _ = self._replaced(request.body, self._recorded)
        url = self._text(request.url, self._recorded)
        headers = self._lines(request.headers, self._recorded)
        if (url, headers, body) != (request.url, request.headers, request.body):
            if len(body) != len(request.body) and "content-length" in headers:
                headers = headers.replacing("content-length", str(len(body)))
            request = request.replace(url=url, headers=headers, body=body)
            interaction = interaction.replace(request=request)
        return self._with_answer(interaction, self._recorded)

    def _with_answer(self, interaction: Interaction, new: Mapping[bytes, bytes]) -> Interaction:
        response = interaction.response
        if not new or response is None:
            return interaction
        changed = self._answer(response, new)
        return interaction if changed is response else interaction.replace(response=changed)

    def _answer(self, response: Response, new: Mapping[bytes, bytes]) -> Response:
        body, edits = response.body, list[Edit]()
        content = read_response(response)
        if _is_text(content):
            _, edits = self._replaced(body.data, new)
            edits = list(completed(content, edits))
            data = apply(body.data, edits)
        headers = self._lines(response.headers, new)
        if not edits and headers == response.headers:
            return response
        if edits:
            if not body.encoding and len(data) != len(body.data) and "content-length" in headers:
                headers = headers.replacing("content-length", str(len(data)))
            body = Body(data=data, chunks=shift(body.chunks, edits), encoding=body.encoding)
        return response.replace(headers=headers, body=body)

    def _replaced(self, data: bytes, new: Mapping[bytes, bytes]) -> tuple[bytes, list[Edit]]:
        is_back = new is self._recorded
        if is_back not in self._any:
            self._any[is_back] = re.compile(_WHOLE % b"|".join(map(re.escape, new)))
        found = self._any[is_back].finditer(data)
        edits = [Edit(*one.span(), new[one[0]]) for one in found]
        return (apply(data, edits), edits) if edits else (data, edits)

    def _lines(self, headers: Headers, new: Mapping[bytes, bytes]) -> Headers:
        return Headers(tuple((name, self._text(value, new)) for name, value in headers))

    def _text(self, text: str, new: Mapping[bytes, bytes]) -> str:
        data, edits = self._replaced(_bytes(text), new)
        return data.decode("utf-8", "surrogatepass") if edits else text


def _is_text(content: Content) -> bool:
    """Return whether ids may stand in a body. Bytes that are sent as a file are left alone."""
    if content.media_type in _FILES:
        return content.kind is Kind.EVENTS
    return may_be_text(content.media_type) and content.kind is not Kind.BINARY


def _holds(request: Request, text: bytes) -> bool:
    return text in request.body or text in _bytes(request.url)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")

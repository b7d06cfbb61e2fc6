"""Secrets that a stream says in pieces: a model that repeats a key gives some letters of it with each event.

The texts that programs put together are read along the events, a lane for each choice and output, and a
secret is looked for in each lane as a whole. Its first piece then holds the placeholder and the others lose
what they had of it, so every event stays, and stays what it was.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from onetake.content import Content, Kind
from onetake.redaction.secret import Secret
from onetake.wire.event_stream import payloads

Span: TypeAlias = tuple[int, int]

# What clients of OpenAI, Anthropic, Google, Cohere, Ollama, Hugging Face and Bedrock join.
_TEXTS = (
    *("arguments", "completion", "content", "delta", "generated_text", "generation", "outputText"),
    *("partial_json", "reasoning", "reasoning_content", "refusal", "response", "text", "thinking"),
    *("token", "transcript"),
)
_NUMBERS = ("content_index", "contentBlockIndex", "index", "output_index", "summary_index")
_TEXT = rb'"(%b)"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"' % "|".join(_TEXTS).encode()
_NUMBER = rb'"(?:%b)"\s*:\s*(\d{1,9})' % "|".join(_NUMBERS).encode()
_STREAMS = (Kind.SSE, Kind.LINES, Kind.EVENTS)


@cache
def _said() -> re.Pattern[bytes]:
    return re.compile(_TEXT, re.DOTALL)


@cache
def _numbered() -> re.Pattern[bytes]:
    return re.compile(_NUMBER)


@cache
def _token() -> re.Pattern[bytes]:
    return re.compile(rb"%b|%b|(\n)" % (_TEXT, _NUMBER), re.DOTALL)


class Pieces(Struct, frozen=True):
    """The texts that a stream says in pieces: where those of each stand in its bytes, and each as a whole."""

    lanes: tuple[tuple[Span, ...], ...] = ()
    wholes: tuple[bytes, ...] = ()

    def secrets(self, way: Callable[[bytes], Sequence[Secret]]) -> Iterator[tuple[Secret, bool]]:
        """Yield the stretches of every secret that `way` finds in more than one piece, in order.

        Each comes with whether it is the first of its secret, in whose place something is to stand.
        """
        found = [
            one
            for spans, whole in zip(self.lanes, self.wholes, strict=True)
            for one in _across(spans, way(whole))
        ]
        return iter(sorted(found, key=lambda one: one[0].start))


NO_PIECES = Pieces()
"""The pieces of what is no stream."""


def pieces_of(content: Content) -> Pieces:
    """Return the texts that `content` says in pieces: none where it is no stream."""
    text = content.text
    if content.kind is Kind.JSON:
        is_stream = text[:1] == b"["
    else:  # a stream of lines that was cut is none of JSON as a whole
        is_stream = content.kind in _STREAMS or (text[:1] in (b"{", b"[") and b"\n{" in text)
    if not is_stream:
        return NO_PIECES
    lanes = [tuple(spans) for spans in _lanes(content).values() if len(spans) > 1]
    wholes = [b"".join([text[start:end] for start, end in spans]) for spans in lanes]
    return Pieces(tuple(lanes), tuple(wholes))


def _lanes(content: Content) -> dict[tuple[bytes, ...], list[Span]]:
    """Return the pieces of each text, by its name and the numbers of its choice or output."""
    text = content.text
    lanes: dict[tuple[bytes, ...], list[Span]] = {}
    events = list(payloads(text)) if content.kind is Kind.EVENTS else [(0, len(text))]
    if set(_numbered().findall(text)) <= {b"0"}:  # mostly: one choice, one output
        for start, end in events:
            for token in _said().finditer(text, start, end):
                lanes.setdefault((token[1],), []).append(token.span(2))
        return lanes
    for start, end in events:
        named: list[tuple[bytes, Span]] = []  # of this line
        numbers: list[bytes] = []
        for token in _token().finditer(text, start, end):
            if token[1]:
                named.append((token[1], token.span(2)))
            elif token[3]:
                numbers.append(token[3])
            elif named or numbers:
                _sort_in(lanes, named, numbers)
                named, numbers = [], []
        _sort_in(lanes, named, numbers)
    return lanes


def _sort_in(
    lanes: dict[tuple[bytes, ...], list[Span]],
    named: list[tuple[bytes, Span]],
    numbers: list[bytes],
) -> None:
    for name, span in named:
        lanes.setdefault((name, *numbers), []).append(span)


def _across(spans: Sequence[Span], secrets: Sequence[Secret]) -> Iterator[tuple[Secret, bool]]:
    if not secrets:
        return
    starts: list[int] = []  # of each piece in the whole text
    at = 0
    for start, end in spans:
        starts.append(at)
        at += end - start
    for found in secrets:
        first = bisect_right(starts, found.start) - 1
        last = bisect_right(starts, found.end - 1) - 1
        for number in range(first, last + 1) if first < last else ():
            start, end = spans[number]
            begin = start + max(0, found.start - starts[number])
            stop = min(end, start + found.end - starts[number])
            if number == first or begin < stop:
                yield replace(found, start=begin, end=stop), number == first

"""Secrets that a stream says in pieces: a model that repeats a key gives some letters of it with each event.

The texts that programs put together are read along the events, a lane for each choice and output, and a
secret is looked for in each lane as a whole. Its first piece then holds the placeholder and the others lose
what they had of it, so every event stays, and stays what it was.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from onetake.messages import media_type
from onetake.wire.edits import Edit

Span: TypeAlias = tuple[int, int]
Lanes: TypeAlias = dict[tuple[bytes, ...], list[Span]]
"""Where the pieces of each text stand, by its name and the numbers of its choice or output."""

Search: TypeAlias = Callable[[bytes], Sequence[Edit]]
"""The edits that take secrets out of a text."""

# What clients of OpenAI, Anthropic, Google, Cohere, Ollama, Hugging Face and Bedrock join.
_TEXTS = (
    *("arguments", "completion", "content", "delta", "generated_text", "generation", "outputText"),
    *("partial_json", "reasoning", "reasoning_content", "refusal", "response", "text", "thinking"),
    *("token", "transcript"),
)
_NUMBERS = ("content_index", "contentBlockIndex", "index", "output_index", "summary_index")
_TEXT = rb'"(%b)"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"' % "|".join(_TEXTS).encode()
_NUMBER = rb'"(?:%b)"\s*:\s*(\d{1,9})' % "|".join(_NUMBERS).encode()
_SAID = re.compile(_TEXT, re.DOTALL)
_NUMBERED = re.compile(_NUMBER)
_TOKEN = re.compile(rb"%b|%b|(\n)" % (_TEXT, _NUMBER), re.DOTALL)
_LINES = ("event-stream", "ndjson", "jsonl", "json-seq", "json-lines")
_EVENT = re.compile(rb"\s*(?:data|event|id|retry)?:")


def _is_stream(content_type: str, body: bytes) -> bool:
    """Whether `body` is events, lines or a list of JSON, each of which may hold a piece of a text."""
    claim = media_type(content_type)
    is_said = body[:1] == b"[" or any(one in claim for one in _LINES)
    return is_said or _EVENT.match(body) is not None


def piece_edits(body: bytes, lanes: Lanes, search: Search) -> list[Edit]:
    """The edits that take out of `body` what `search` finds in more than one piece of a text, in order."""
    edits: list[Edit] = []
    for pieces in lanes.values():
        if len(pieces) > 1:
            edits += _across(body, pieces, search)
    return sorted(edits, key=lambda one: one.start)


def lanes_of(content_type: str, body: bytes) -> Lanes:
    """The texts that `body` says in pieces: none where it is no stream."""
    lanes: Lanes = {}
    if not _is_stream(content_type, body):
        return lanes
    if set(_NUMBERED.findall(body)) <= {b"0"}:  # mostly: one choice, one output
        for token in _SAID.finditer(body):
            lanes.setdefault((token[1],), []).append(token.span(2))
        return lanes
    named: list[tuple[bytes, Span]] = []  # of this line
    numbers: list[bytes] = []
    for token in _TOKEN.finditer(body):
        if token[1]:
            named.append((token[1], token.span(2)))
        elif token[3]:
            numbers.append(token[3])
        elif named or numbers:
            _sort_in(lanes, named, numbers)
            named, numbers = [], []
    _sort_in(lanes, named, numbers)
    return lanes


def _sort_in(lanes: Lanes, named: list[tuple[bytes, Span]], numbers: list[bytes]) -> None:
    for name, span in named:
        lanes.setdefault((name, *numbers), []).append(span)


def _across(body: bytes, pieces: list[Span], search: Search) -> Iterator[Edit]:
    starts: list[int] = []  # of each piece in the whole text
    at = 0
    for start, end in pieces:
        starts.append(at)
        at += end - start
    for found in search(b"".join([body[start:end] for start, end in pieces])):
        first = bisect_right(starts, found.start) - 1
        last = bisect_right(starts, found.end - 1) - 1
        for number in range(first, last + 1) if first < last else ():
            start, end = pieces[number]
            begin = start + max(0, found.start - starts[number])
            stop = min(end, start + found.end - starts[number])
            if number == first:
                yield Edit(begin, stop, found.new, found.kind, found.value)
            elif begin < stop:
                yield Edit(begin, stop, b"")

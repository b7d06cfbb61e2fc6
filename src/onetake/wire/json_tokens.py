"""A reader of JSON tokens that tells where each value stands and by which steps it is reached.

The text is not parsed and written again, so half a document (a cut stream) is read as far as it goes, and
an edit at a span changes no other byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from onetake.wire.late import late_decoder, late_pattern

DEEPEST = 256
"""Levels of nesting that steps tell apart; values further down are given with the first 256 steps."""

_TOKEN = late_pattern(
    rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)("?)|(-?\d[\d.eE+-]*)|(?:true|false|null)|[{}\[\]:,]', re.DOTALL
)
_strings = late_decoder(str)


class Scalar(NamedTuple):
    """A string or a number. The span of a string lies within its quotes; a cut string ends with the data."""

    steps: tuple[str | int, ...]
    start: int
    end: int
    is_string: bool


def read_scalars(
    data: bytes, start: int = 0, end: int | None = None, *, numbers: bool = True
) -> Iterator[Scalar]:
    """Yield each string of the JSON in `data[start:end]`, and each number if wanted, in order. Never raises.

    Names of fields are not yielded; they are steps. Several documents in a row are read as one.
    """
    stop = len(data) if end is None else end
    steps: list[str | int] = []
    objects: list[bool] = []
    at_name = False
    deep = 0
    for token in _TOKEN.finditer(data, start, stop):
        first = data[token.start()]
        if first == 0x22:
            if at_name:
                if not deep:
                    steps[-1] = text_of(token[1])
                continue
            begin, finish = token.span(1)
            yield Scalar(tuple(steps), begin, finish if token[2] else stop, True)
        elif token[3] is not None:
            if numbers and not at_name:
                yield Scalar(tuple(steps), *token.span(3), False)
        elif first in b"{[":
            objects.append(first == 0x7B)
            at_name = objects[-1]
            if len(steps) < DEEPEST:
                steps.append("" if at_name else 0)
            else:
                deep += 1
        elif first in b"}]":
            if objects:
                objects.pop()
                if deep:
                    deep -= 1
                else:
                    steps.pop()
            at_name = False
        elif first == 0x3A:
            at_name = False
        elif first == 0x2C and objects:
            at_name = objects[-1]
            if not at_name and not deep:
                steps[-1] = int(steps[-1]) + 1


def text_of(raw: bytes) -> str:
    """Return the text of what stands between the quotes of a JSON string; broken escapes stay as they are."""
    text = string_of(raw) if b"\\" in raw else None
    return raw.decode("utf-8", "replace") if text is None else text


def string_of(raw: bytes) -> str | None:
    """Return the text of what stands between the quotes of a JSON string; None where it is broken."""
    try:
        return _strings.decode(b'"%s"' % raw)
    except ValueError:
        return None

"""Secrets that a rule names by their path (`redact = ["body.user.ssn", "header.x-thing"]`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote_plus

from onetake.config.paths import Path, Pattern, Step, step_fits
from onetake.messages import Headers
from onetake.redaction.bodies import is_form, is_json
from onetake.redaction.fields import text_of
from onetake.redaction.placeholders import is_placeholder, placeholder, url_placeholder
from onetake.wire.edits import Edit

BY_RULE = "rule"
"""The kind of what a rule names."""

_TOKEN = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)("?)|(-?\d[\d.eE+-]*)|[{}\[\]:,]', re.DOTALL)


def ruled_headers(headers: Headers, paths: Sequence[Path]) -> tuple[Headers, list[Edit]]:
    names = [_lower(path.steps[0]) for path in paths if path.root == "header"]
    if not names:
        return headers, []
    lines, edits = [], list[Edit]()
    for name, value in headers:
        if value and not is_placeholder(value) and any(step_fits(n, name.lower()) for n in names):
            edits.append(Edit(0, 0, b"", BY_RULE, value))
            lines.append((name, placeholder(BY_RULE)))
        else:
            lines.append((name, value))
    return (Headers(tuple(lines)), edits) if edits else (headers, [])


def _lower(name: Pattern) -> Pattern:
    return name.lower() if isinstance(name, str) else name


def ruled_url(url: str, paths: Sequence[Path]) -> tuple[str, list[Edit]]:
    before, mark, query = url.partition("?")
    names = [path.steps[0] for path in paths if path.root == "query"]
    if not names or not mark:
        return url, []
    new, edits = _pairs(query, names)
    return f"{before}?{new}", edits


def ruled_body(content_type: str, body: bytes, paths: Sequence[Path]) -> list[Edit]:
    """The edits of a body, in order. Each line of JSON lines or of an event stream is a body."""
    if is_form(content_type, body):
        names = [path.steps[0] for path in paths if path.root == "form"]
        text = body.decode("latin-1")
        new, edits = _pairs(text, names) if names else (text, [])
        if not edits:
            return []
        return [Edit(0, len(body), new.encode("latin-1"), BY_RULE, "")]
    wanted = [path for path in paths if path.root == "body"]
    if not wanted or not body:
        return []
    if is_json(body):
        return list(_json(body, 0, wanted))
    edits, at = [], 0
    for line in body.splitlines(keepends=True):
        start = line.find(b"{")
        if start >= 0:
            edits += _json(line[start:], at + start, wanted)
        at += len(line)
    return edits


def _pairs(text: str, names: Sequence[Pattern]) -> tuple[str, list[Edit]]:
    pieces, edits = [], list[Edit]()
    for piece in re.split("([&;])", text):
        name, _, value = piece.partition("=")
        plain = unquote_plus(name)
        if value and not is_placeholder(value) and any(step_fits(n, plain) for n in names):
            edits.append(Edit(0, 0, b"", BY_RULE, unquote_plus(value)))
            pieces.append(f"{name}={url_placeholder(BY_RULE)}")
        else:
            pieces.append(piece)
    return "".join(pieces), edits


def _json(data: bytes, offset: int, paths: Sequence[Path]) -> Iterator[Edit]:
    steps: list[Step] = []  # from the root to where the next value stands
    objects: list[bool] = []
    at_name = False
    for token in _TOKEN.finditer(data):
        first = data[token.start()]
        if first == 0x22 and at_name:
            steps[-1] = text_of(token[1])
        elif first == 0x22:
            value = text_of(token[1])
            if value and not is_placeholder(value) and _named(steps, paths):
                end = token.end(1) if token[2] else len(data)
                start, new = token.start(1), placeholder(BY_RULE).encode()
                yield Edit(offset + start, offset + end, new, BY_RULE, value)
        elif token[3] is not None:
            if token[3] != b"0" and _named(steps, paths):
                yield Edit(offset + token.start(), offset + token.end(), b"0", BY_RULE, "")
        elif first in b"{[":
            objects.append(first == 0x7B)
            steps.append("" if objects[-1] else 0)
            at_name = objects[-1]
        elif first in b"}]":
            if objects:
                objects.pop()
                steps.pop()
            at_name = False
        elif first == 0x3A:
            at_name = False
        elif objects:
            at_name = objects[-1]
            if not at_name:
                steps[-1] = int(steps[-1]) + 1


def _named(steps: Sequence[Step], paths: Sequence[Path]) -> bool:
    """Whether one of `paths` names the value there, or what it is part of."""
    return any(path.fits(steps[:n]) for path in paths for n in range(len(steps) + 1))

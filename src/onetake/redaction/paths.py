"""Secrets that a rule names by their path (`redact = ["body.user.ssn", "header.x-thing"]`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote, unquote_plus

import msgspec

from onetake.config.paths import Path, Pattern, Step, step_fits
from onetake.messages import Headers, media_type
from onetake.redaction.bodies import is_form, is_json, placed_parts
from onetake.redaction.fields import text_of
from onetake.redaction.placeholders import is_placeholder, placeholder, url_placeholder
from onetake.wire.edits import Edit

BY_RULE = "rule"
"""The kind of what a rule names."""

_LONGEST = 512  # bytes of a part that is known again in other places

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
    parts = [path for path in paths if path.root == "part"]
    if parts and media_type(content_type).startswith("multipart/"):
        return list(_parts(content_type, body, parts))
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


# The value of a parameter: of the extended form (RFC 8187) what follows the language.
_FILENAME = re.compile(
    rb"""(?i);[ \t]*filename(?:\*[ \t]*=[ \t]*[\w-]*'[\w-]*'([^;\r\n]*)"""
    rb"""|[ \t]*=[ \t]*(?:"((?:[^"\\\r\n]|\\.)*)"|([^;"\r\n]+)))"""
)


def _parts(content_type: str, body: bytes, paths: Sequence[Path]) -> Iterator[Edit]:
    end = 0
    for part, start in placed_parts(content_type, body):
        mine = [path.steps[1:] for path in paths if step_fits(path.steps[0], part.name)]
        if () in mine or ("filename",) in mine:
            yield from _file_names(body, end, start)
        end = start + len(part.body)
        deeper = [Path("body", steps[1:]) for steps in mine if steps[:1] == ("content",)]
        if () in mine or any(not path.steps for path in deeper):
            text = part.body[:_LONGEST].decode("utf-8", "replace")
            if text and not is_placeholder(text):
                known = text if len(part.body) < _LONGEST else ""  # no file is looked for elsewhere
                yield Edit(start, end, placeholder(BY_RULE).encode(), BY_RULE, known)
        elif deeper:
            yield from (
                msgspec.structs.replace(edit, start=edit.start + start, end=edit.end + start)
                for edit in ruled_body("", part.body, deeper)
            )


def _file_names(body: bytes, start: int, end: int) -> Iterator[Edit]:
    """Those in the head of a part, which lies in this stretch: the plain one, and the extended one."""
    new = url_placeholder(BY_RULE).encode()
    for found in _FILENAME.finditer(body, start, end):
        group = found.lastindex or 1
        value = found[group].decode("utf-8", "replace")
        if value and not is_placeholder(value):
            yield Edit(*found.span(group), new, BY_RULE, unquote(value) if group == 1 else value)


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

"""Secrets that a rule names by their path (`redact = ["body.user.ssn", "header.x-thing"]`).

At a place that a rule names always the same placeholder stands, whatever is known of the value, as requests
are compared by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import unquote_plus

from onetake.config.paths import Deep, Path, Pattern, Step, step_fits
from onetake.content import Kind, Leaf
from onetake.redaction.placeholders import is_placeholder, placeholder
from onetake.redaction.secret import Secret

BY_RULE = "rule"
"""The kind of what a rule names."""

_NEW = placeholder(BY_RULE).encode()
_LONGEST = 512  # bytes of a value that is known again in other places
_IN_ORDER = (Kind.LINES, Kind.SSE, Kind.EVENTS)


def ruled_line(line: tuple[str, str], paths: Sequence[Path]) -> Sequence[Secret]:
    """Return the value of a header line where one of `paths` names it."""
    name, value = line
    if not value or is_placeholder(value) or not _names(paths, "header", name.lower()):
        return ()
    return (_secret(0, len(value.encode("utf-8", "surrogatepass")), value),)


def ruled_query(url: str, paths: Sequence[Path]) -> Sequence[Secret]:
    """Return the values of the query of `url` that one of `paths` names."""
    before, mark, query = url.partition("?")
    if not mark or not any(path.root == "query" for path in paths):
        return ()
    return tuple(_pairs(query, len(before.encode("utf-8", "surrogatepass")) + 1, paths))


def _pairs(query: str, at: int, paths: Sequence[Path]) -> Iterator[Secret]:
    query, _, _ = query.partition("#")
    for piece in query.replace(";", "&").split("&"):
        name, _, value = piece.partition("=")
        end = at + len(piece.encode("utf-8", "surrogatepass"))
        if value and not is_placeholder(value) and _names(paths, "query", unquote_plus(name)):
            start = end - len(value.encode("utf-8", "surrogatepass"))
            yield _secret(start, end, unquote_plus(value))
        at = end + 1


def _names(paths: Sequence[Path], root: str, name: str) -> bool:
    return any(
        path.root == root
        and step_fits(_lower(path.steps[0]) if root == "header" else path.steps[0], name)
        for path in paths
        if path.steps
    )


def _lower(name: Pattern) -> Pattern:
    return name.lower() if isinstance(name, str) else name


def _secret(start: int, end: int, value: str) -> Secret:
    return Secret(start, end, BY_RULE, value, _NEW)


def is_ruled(leaf: Leaf, paths: Sequence[Path]) -> bool:
    """Return whether one of `paths` names the value of `leaf`, or what it is part of.

    Each line of JSON lines, and each event of a stream, is a body of its own.
    """
    steps = _without_number(leaf)
    if leaf.is_header:
        return any(
            path.root == leaf.root and _reaches_header(path) and path.fits(steps) for path in paths
        )
    return any(
        path.root == leaf.root and path.fits(steps[:n])
        for path in paths
        for n in range(len(steps) + 1)
    )


def _without_number(leaf: Leaf) -> tuple[Step, ...]:
    is_in_order = leaf.holder.kind in _IN_ORDER and leaf.holder.within is None
    return leaf.steps[1:] if is_in_order else leaf.steps


def _reaches_header(path: Path) -> bool:
    return len(path.steps) > 2 or any(isinstance(step, Deep) for step in path.steps)


def ruled_leaf(leaf: Leaf) -> Secret | None:
    """Return the secret that the value of `leaf` is, where a rule names it. A number becomes 0."""
    raw = leaf.value
    if leaf.is_number:
        return None if raw == b"0" else Secret(0, len(raw), BY_RULE, "", b"0")
    text = raw[:_LONGEST].decode("utf-8", "replace")
    if not text or is_placeholder(text):
        return None
    known = text if len(raw) < _LONGEST else ""  # no file is looked for elsewhere
    return _secret(0, len(raw), known)

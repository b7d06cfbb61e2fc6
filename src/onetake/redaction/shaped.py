"""The secrets that a text holds by their shape, and what stands for those that programs read."""

from __future__ import annotations

from onetake.redaction.book import Book, Secret, written
from onetake.redaction.placeholders import CODED, holds_placeholder
from onetake.redaction.shapes import find


def shaped_secrets(data: bytes) -> list[Secret]:
    """Return the secrets in `data` that have a shape, in order."""
    found: list[Secret] = []
    for one in find(data):
        text = data[one.start : one.end]
        if one.kind == "private-key" and _stands_for_one(text):
            continue
        found.append(Secret(one.start, one.end, one.kind, text.decode("utf-8", "replace")))
    return found


def _stands_for_one(text: bytes) -> bool:
    return any(mark in text for mark in CODED) or holds_placeholder(text)


def without_shapes(data: bytes) -> bytes:
    """Return `data` without the secrets that have a shape."""
    return written(data, shaped_secrets(data), Book())

"""The edits that take secrets out of a text by their shape."""

from __future__ import annotations

from onetake.redaction.placeholders import (
    READABLE,
    holds_placeholder,
    placeholder,
    url_placeholder,
)
from onetake.redaction.shapes import find
from onetake.redaction.tokens import decodable_key, readable_jwt
from onetake.wire.edits import Edit, apply


def shape_edits(data: bytes, *, in_url: bool = False, given_s: float | None = None) -> list[Edit]:
    """The edits that redact `data`, in order. Equal secrets have one number, in order of appearance.

    With `given_s` it is of an answer, given at that moment (UTC seconds): a token in it stays readable.
    """
    found = find(data)
    if not found:
        return []
    numbers: dict[str, dict[bytes, int]] = {}
    edits: list[Edit] = []
    for one in found:
        secret = data[one.start : one.end]
        of_kind = numbers.setdefault(one.kind, {})
        kind = f"{one.kind}:{of_kind.setdefault(secret, len(of_kind) + 1)}"
        new = (url_placeholder(kind) if in_url else placeholder(kind)).encode()
        if one.kind == "private-key":
            if b"PHJlZGFjdGVkO" in secret or holds_placeholder(secret):
                continue
            new = decodable_key(secret, kind)
        elif one.kind == "jwt" and given_s is not None:
            if READABLE.encode() in secret:
                continue
            new = readable_jwt(secret, given_s) or new
        edits.append(Edit(one.start, one.end, new, kind, secret.decode("utf-8", "replace")))
    return edits


def shaped_text(text: str, *, in_url: bool = False) -> tuple[str, list[Edit]]:
    """`text` without the secrets that have a shape, and what they were."""
    data = text.encode("utf-8", "surrogatepass")
    edits = shape_edits(data, in_url=in_url)
    return (apply(data, edits).decode("utf-8", "surrogatepass"), edits) if edits else (text, edits)


def without_shapes(data: bytes) -> bytes:
    """`data` without the secrets that have a shape."""
    return apply(data, shape_edits(data))

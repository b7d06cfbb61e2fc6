"""JSON read into values that can be compared: a fraction or an exponent stays the text that it was."""

from __future__ import annotations

from typing import Any

import msgspec

# A float stays the text it was (`1.0` is not `1.00`); the encoder writes it back verbatim.
_decode = msgspec.json.Decoder(float_hook=msgspec.Raw).decode
_validate = msgspec.json.Decoder(msgspec.Raw).decode
_encode = msgspec.json.Encoder(order="deterministic").encode
_BLANK = b" \t\r\n\x1e"  # with the record separator of RFC 7464


def parse_json(data: bytes | str) -> tuple[Any] | None:
    """Read one JSON document. Returns its value in a tuple, as it may be None, or None for other texts."""
    try:
        value = _decode(data)
        _encode(value)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return None
    return (value,)


def is_json(data: bytes) -> bool:
    """Return whether `data`, which is UTF-8, is one JSON document. No values are made, which is quick."""
    try:
        _validate(data)
    except (ValueError, RecursionError):
        return False
    return True


def parse_lines(body: bytes) -> list[Any] | None:
    """Read JSON lines and JSON text sequences (RFC 7464). Returns a value for each line that is not blank.

    Returns None where a line is not JSON, or where there is no line at all.
    """
    values: list[Any] = []
    for line in body.split(b"\n"):
        line = line.strip(_BLANK)  # noqa: PLW2901
        if line:
            parsed = parse_json(line)
            if parsed is None:
                return None
            values.append(parsed[0])
    return values or None


def write_json(value: object) -> bytes:
    """Return the canonical text of a JSON value: equal values have equal texts."""
    return _encode(value)


def canonical_json(data: bytes) -> bytes | None:
    """Return the canonical text of the JSON in `data`, or None where it is not JSON that can be compared."""
    try:
        return _encode(_decode(data))
    except (ValueError, RecursionError):
        return None

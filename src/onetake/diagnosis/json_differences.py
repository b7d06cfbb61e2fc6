"""What differs between two JSON values, each difference with its path.

Lists are aligned before they are compared, so that one message put in front is one difference and
not as many as there are messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from typing import Any

import msgspec
from msgspec import Raw

from onetake.config.paths import step_text
from onetake.diagnosis.excerpts import likeness
from onetake.diagnosis.kinds import MISSING, Number

_encoder = msgspec.json.Encoder(order="deterministic", enc_hook=lambda number: Raw(number.encode()))
_MOST_ALIGNED = 400
_MOST_OFFSETS = 20


def to_json(value: Any) -> Any:
    """`value` as matching reads it, with fractions and exponents as `Number`."""
    if isinstance(value, msgspec.Raw):
        return Number(bytes(value).decode("ascii", "replace"))
    if isinstance(value, dict):
        return {name: to_json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [to_json(item) for item in value]
    return value


def shown(value: Any) -> str:
    """A value as it is printed in a difference."""
    if value is MISSING:
        return "(absent)"
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return f'"{value}"'
    return _canonical(value).decode("utf-8", "replace")


def json_differences(path: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    """(path, value in `one`, value in `other`), `MISSING` where a side has none."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in dict.fromkeys((*one, *other)):
            yield from json_differences(
                f"{path}{step_text(name)}", one.get(name, MISSING), other.get(name, MISSING)
            )
    elif isinstance(one, list) and isinstance(other, list):
        yield from _list_differences(path, one, other)
    elif type(one) is not type(other) or one != other:
        yield path, one, other


def _list_differences(
    path: str, one: list[Any], other: list[Any]
) -> Iterator[tuple[str, Any, Any]]:
    texts = [_canonical(item) for item in one], [_canonical(item) for item in other]
    blocks: Iterable[tuple[str, int, int, int, int]]
    if len(one) > _MOST_ALIGNED or len(other) > _MOST_ALIGNED:
        blocks = [("replace", 0, len(one), 0, len(other))]
    else:
        blocks = SequenceMatcher(None, *texts, autojunk=False).get_opcodes()
    for tag, start, end, other_start, other_end in blocks:
        if tag == "equal":
            continue
        paired = min(end - start, other_end - other_start)
        skip, other_skip = _best_offsets(texts[0][start:end], texts[1][other_start:other_end])
        for i in range(start, end):
            if not start + skip <= i < start + skip + paired:
                yield f"{path}[{i}]", one[i], MISSING
        for j in range(other_start, other_end):
            i = start + skip + j - other_start - other_skip
            if other_start + other_skip <= j < other_start + other_skip + paired:
                yield from json_differences(f"{path}[{j}]", one[i], other[j])
            else:
                yield f"{path}[{j}]", MISSING, other[j]


def _best_offsets(one: list[bytes], other: list[bytes]) -> tuple[int, int]:
    """Where the shorter list lies in the longer so that most of it is alike: one of the two is 0."""
    if len(one) > len(other):
        none, offset = _best_offsets(other, one)
        return offset, none
    spare = min(len(other) - len(one), _MOST_OFFSETS)

    def alike(offset: int) -> float:
        return sum(likeness(one[i], other[i + offset]) for i in range(min(len(one), _MOST_OFFSETS)))

    return 0, max(range(spare + 1), key=alike) if one else 0


def _canonical(value: Any) -> bytes:
    try:
        return _encoder.encode(value)
    except (TypeError, ValueError, RecursionError):
        return repr(value).encode("utf-8", "replace")

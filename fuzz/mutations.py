"""Documents made wrong: bytes turned, cut and put twice; JSON with values where none belong."""

from __future__ import annotations

import json
import struct
from random import Random
from typing import Any

LIMIT = 1 << 16  # bytes of an input

_DEEP: Any = None
for _ in range(400):
    _DEEP = [_DEEP]
_ODD: tuple[Any, ...] = (
    None, True, "", 0, -1, 1.5, [], {}, [[]], [None], {"": ""}, 2**31, 2**63, 2**64, -(2**63), 10**400,
    1e308, "\r\nx: y", "\0", "\x1b[31m", "\u202e", "../../x", "/etc/passwd", "C:\\x", "a" * 5000,
    "sha256-" + "0" * 64, "sha256-../x", [0] * 500, {"json": {}}, {"text": ["a", 1]}, {"base64": "!"},
    {"blob": "x", "size": -1}, {"multipart": {}}, _DEEP,
)  # fmt: skip
_PIECES = (
    b"[" * 3000, b'{"a":' * 3000, b'"\\ud800"', b"\\u0000", b"\x1b[31m", b"\r\n", b"\0", b"\xff\xfe", b"9" * 5000,
    b"1e999", b"-", b'"', b"\\", b"{", b"}", b",", b":", b"--", b"\n\n", b"data: ", b"../", b"%00", b"<<<<<<< ",
)  # fmt: skip


def mutated(data: bytes, random: Random) -> bytes:
    """`data` with a few changes, which follow from the state of `random` alone."""
    for _ in range(random.randrange(1, 5)):
        changed = _changed_json(data, random) if random.random() < 0.5 else None
        data = (changed if changed is not None else _changed_bytes(data, random))[:LIMIT]
    return data


def _changed_bytes(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    end = min(len(data), at + random.choice((1, 2, 4, 16, 256)))
    match random.randrange(7):
        case 0:
            return data[:at] + bytes([random.randrange(256)]) + data[at + 1 :]
        case 1:
            return data[:at] + data[end:]
        case 2:
            return data[:at] + data[at:end] * random.choice((2, 3, 100)) + data[end:]
        case 3:
            return data[:at] + random.choice(_PIECES) + data[at:]
        case 4:
            return data[:at] + random.randbytes(random.randrange(1, 9)) + data[end:]
        case 5:
            number = random.choice((0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF))
            return data[:at] + struct.pack(random.choice(("<I", ">I")), number) + data[at + 4 :]
    return data[:at]


def _changed_json(data: bytes, random: Random) -> bytes | None:
    """One value of one line of JSON replaced, moved or put twice; None where no line is JSON."""
    lines = (
        [data]
        if data[:1] in (b"{", b"[") and data[-1:] in (b"}", b"]", b"\n")
        else data.split(b"\n")
    )
    number = random.randrange(len(lines))
    try:
        whole = json.loads(lines[number])
        if not isinstance(whole, dict | list):
            return None
        places = list(_places(whole))
    except (ValueError, RecursionError):
        return None
    if not places:
        return None
    holder, key = random.choice(places)
    try:
        match random.randrange(4):
            case 0 if isinstance(holder, dict):
                holder[random.choice(("", "json", "text", "blob", "onetake", "body", "ms"))] = (
                    holder.pop(key)
                )
            case 1:
                other, its = random.choice(places)
                holder[key] = json.loads(json.dumps(other[its]))
            case _:
                holder[key] = random.choice(_ODD)
        text = json.dumps(whole, separators=(",", ":"), ensure_ascii=random.random() < 0.5)
        lines[number] = text.encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):
        return None
    return b"\n".join(lines)


def _places(whole: Any) -> Any:
    waiting = [whole]
    while waiting:
        holder = waiting.pop()
        items = list(holder.items()) if isinstance(holder, dict) else list(enumerate(holder))
        for key, value in items[:200]:
            yield holder, key
            if isinstance(value, dict | list):
                waiting.append(value)

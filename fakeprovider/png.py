"""A small valid picture of any size in bytes."""

from __future__ import annotations

import random
import struct
import zlib

_EDGE = 4
_CHUNK_OVERHEAD = 12


def _chunk(kind: bytes, data: bytes) -> bytes:
    crc = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


def picture(seed: str, size_bytes: int = 0) -> bytes:
    """A PNG whose colour depends on `seed`, padded to `size_bytes` if that is more than it needs.

    The padding is a private ancillary chunk of noise, which decoders skip and nothing compresses. A
    gap too small for a chunk is filled behind the end of the picture.
    """
    source = random.Random(seed)
    row = b"\0" + source.randbytes(3) * _EDGE
    head = b"\x89PNG\r\n\x1a\n" + _chunk(
        b"IHDR", struct.pack(">IIBBBBB", _EDGE, _EDGE, 8, 2, 0, 0, 0)
    )
    tail = _chunk(b"IDAT", zlib.compress(row * _EDGE)) + _chunk(b"IEND", b"")
    gap = size_bytes - len(head) - len(tail)
    if gap >= _CHUNK_OVERHEAD:
        return head + _chunk(b"noIs", source.randbytes(gap - _CHUNK_OVERHEAD)) + tail
    return head + tail + b"\0" * gap

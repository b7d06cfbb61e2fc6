"""Secrets in what is packed within a body: a part of an upload, or all of it, that is a gzip file (RFC 1952).

Where something is taken out the content is put back without compression: a request is compared by these
bytes, and no two compressors write the same. Of other archives nothing is opened.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator

from onetake.messages import media_type
from onetake.redaction.bodies import placed_parts
from onetake.wire.edits import Edit
from onetake.wire.encodings import decoder

_MAGIC = b"\x1f\x8b\x08"
_HEAD = _MAGIC + b"\0\0\0\0\0\0\xff"  # no flags, no time, of no system
_MOST = 65_535  # bytes of a block that is only stored (RFC 1951, section 3.2.4)


def packed_edits(
    content_type: str, body: bytes, change: Callable[[bytes], bytes]
) -> Iterator[Edit]:
    """The edits that make what is packed in `body` what `change` makes of it, in order."""
    if _MAGIC not in body:
        return
    contents = [(body, 0)]
    if media_type(content_type).startswith("multipart/"):
        contents = [(part.body, start) for part, start in placed_parts(content_type, body)]
    for content, start in contents:
        plain = _unpacked(content) if content.startswith(_MAGIC) else None
        new = plain and change(plain)
        if new and new != plain:
            yield Edit(start, start + len(content), stored(new))


def _unpacked(content: bytes) -> bytes | None:
    """What is in it; None where it is broken, or larger than what is decoded."""
    coder = decoder("gzip")
    try:
        return coder.feed(content) + coder.finish() if coder else None
    except (ValueError, zlib.error):
        return None


def stored(data: bytes) -> bytes:
    """A gzip file with `data` as it is: equal bytes give equal bytes everywhere."""
    blocks = [data[at : at + _MOST] for at in range(0, len(data), _MOST)] or [b""]
    pieces = [_HEAD]
    for number, block in enumerate(blocks, 1):
        size = len(block)
        pieces += (struct.pack("<BHH", number == len(blocks), size, size ^ 0xFFFF), block)
    pieces.append(struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF))
    return b"".join(pieces)

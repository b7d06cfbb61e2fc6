"""Texts packed for stores that are far away.

The first byte says how: 0 plain, 1 one zstd frame (RFC 8878), 4 encrypted by
`stores.rows.keyring`, which takes that off before it comes here. What a number stands for never changes.
"""

from __future__ import annotations

from typing import Any

from onetake.errors import CassetteError, StoreError
from onetake.formats.foreign import RESTORE
from onetake.wire.encodings import zstd_library

_PLAIN, _ZSTD = b"\x00", b"\x01"
ENCRYPTED = b"\x04"
"""How what is encrypted begins; behind it one byte for the version, and the id of the key."""
_SMALLEST_ENCRYPTED = 38  # bytes, of what is encrypted and empty

# Measured on chats of 4 to 10 kB, streamed or not: level 9 gives a tenth less than 3 for 20 to 60 us more
# a chat; 12 and above give 1 % more for ten times the time. A large text has no use for the better search.
_LEVEL = 9
_LEVEL_OF_LARGE, _LARGE = 3, 1 << 18
# Unpacked: what claims or gives more is taken for an attack, and what is larger is not compressed.
_MAX_SIZE = 1 << 26
_ALWAYS, _MOST_TIMES = 1 << 22, 1000  # bytes that may be more than so many times what is packed
_WINDOW_LOG = 25  # bytes that a reader may have to hold; ours needs 4 MiB


def pack(data: bytes) -> bytes:
    """Pack `data` as one zstd frame, or plain where that is smaller or no zstd library is there."""
    library, plain = zstd_library(), pack_plain(data)
    if library is None or len(data) > _MAX_SIZE:
        return plain
    frame = _compressed(library, data)
    is_readable = len(data) <= _limit(len(frame))  # `unpack` would take it for an attack
    return _ZSTD + frame if is_readable and len(frame) < len(data) else plain


def pack_plain(data: bytes) -> bytes:
    """Pack `data` in the form that takes no time."""
    return _PLAIN + data


def key_id(data: bytes) -> str:
    """Return the id, in hex, of the key that the encrypted `data` needs."""
    return data[2:10].hex()


def check(data: bytes) -> None:
    """Raise the error that `unpack` would, as far as the first bytes of `data` tell it."""
    form = data[:1]
    if form == ENCRYPTED and len(data) >= _SMALLEST_ENCRYPTED:
        raise StoreError(
            f"What lies in the store is encrypted with the key {key_id(data)}, and encrypt is not set.",
            remedy='Set encrypt = "env:ONETAKE_KEY" and put the key into that variable.',
        )
    if form not in (_PLAIN, _ZSTD):
        raise CassetteError(
            "A packed recording is in a form that is not known.",
            remedy="Upgrade onetake, or delete it to record anew.",
        )
    if form == _ZSTD and zstd_library() is None:
        raise CassetteError(
            "A recording is packed with zstd, and no library for it is there.",
            remedy="Run: pip install 'onetake[zstd]'",
        )


def unpack(data: bytes) -> bytes:
    """Return what was packed.

    Raises `CassetteError` for anything else, and where zstd is needed but missing, and `StoreError` for
    what is encrypted.
    """
    check(data)
    if data[:1] == _PLAIN:
        return data[1:]
    library = zstd_library()
    try:
        return _decompressed(library, data[1:])
    except library.ZstdError as error:
        raise CassetteError(f"A packed recording is corrupt: {error}.", remedy=RESTORE) from error


def _compressed(library: Any, data: bytes) -> bytes:
    level = _LEVEL if len(data) < _LARGE else _LEVEL_OF_LARGE
    options = {
        library.CompressionParameter.compression_level: level,
        library.CompressionParameter.checksum_flag: 1,
    }
    frame: bytes = library.compress(data, options=options)
    return frame


def _decompressed(library: Any, frame: bytes) -> bytes:
    """Return the content of exactly one frame, of at most `_limit` bytes."""
    limit = _limit(len(frame))
    claimed = library.get_frame_info(frame).decompressed_size
    if claimed is not None and claimed > limit:
        raise _too_large(limit)
    options = {library.DecompressionParameter.window_log_max: _WINDOW_LOG}
    decompressor = library.ZstdDecompressor(options=options)
    content: bytes = decompressor.decompress(frame, max_length=limit + 1)
    if len(content) > limit:
        raise _too_large(limit)
    if not decompressor.eof:
        raise CassetteError("A packed recording breaks off.", remedy=RESTORE)
    if decompressor.unused_data:
        raise CassetteError("A packed recording has more bytes than its own.", remedy=RESTORE)
    return content


def _limit(packed: int) -> int:
    """Return how many bytes a frame of `packed` bytes may have when it is unpacked."""
    return min(_MAX_SIZE, max(_ALWAYS, _MOST_TIMES * packed))


def _too_large(limit: int) -> CassetteError:
    return CassetteError(
        f"A packed recording has more than {limit} bytes when unpacked.", remedy=RESTORE
    )

"""Texts packed for stores that are far away.

The first byte says how: 0 plain, 1 zstd (RFC 8878), 2 zstd with dictionary 1. A dictionary is what
makes a single chat small: most of it is keys and headers that every chat has. What a number stands
for never changes; a better dictionary gets the next one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from onetake.errors import CassetteError
from onetake.formats.foreign import RESTORE
from onetake.wire.encodings import zstd_library

_PLAIN, _ZSTD, _ZSTD_DICTIONARY_1 = range(3)

_LEVEL = 3
_MAX_SIZE = 1 << 30  # unpacked: what claims or gives more is taken for an attack


def pack(data: bytes) -> bytes:
    """The smallest packed form; plain where no zstd library is there."""
    forms = [bytes([_PLAIN]) + data]
    if (library := zstd_library()) is not None:
        options = {
            library.CompressionParameter.compression_level: _LEVEL,
            library.CompressionParameter.checksum_flag: 1,
        }
        for form in (_ZSTD, _ZSTD_DICTIONARY_1):
            packed = library.compress(data, options=options, zstd_dict=_dictionary(library, form))
            forms.append(bytes([form]) + packed)
    return min(forms, key=len)


def unpack(data: bytes) -> bytes:
    """What was packed. Raises `CassetteError` for anything else, and where zstd is needed but missing."""
    form = data[0] if data else None
    if form == _PLAIN:
        return data[1:]
    if form not in (_ZSTD, _ZSTD_DICTIONARY_1):
        raise CassetteError(
            "A packed recording is in a form that is not known.",
            remedy="Upgrade onetake, or delete it to record anew.",
        )
    library = zstd_library()
    if library is None:
        raise CassetteError(
            "A recording is packed with zstd, and no library for it is there.",
            remedy="Run: pip install 'onetake[zstd]'",
        )
    try:
        return _decompressed(library, data[1:], _dictionary(library, form))
    except library.ZstdError as error:
        raise CassetteError(f"A packed recording is corrupt: {error}.", remedy=RESTORE) from error


def _decompressed(library: Any, frame: bytes, dictionary: Any) -> bytes:
    """The content of exactly one frame, of at most `_MAX_SIZE` bytes."""
    claimed = library.get_frame_info(frame).decompressed_size
    if claimed is not None and claimed > _MAX_SIZE:
        raise _too_large()
    decompressor = library.ZstdDecompressor(zstd_dict=dictionary)
    content: bytes = decompressor.decompress(frame, max_length=_MAX_SIZE + 1)
    if len(content) > _MAX_SIZE:
        raise _too_large()
    if not decompressor.eof:
        raise CassetteError("A packed recording breaks off.", remedy=RESTORE)
    if decompressor.unused_data:
        raise CassetteError("A packed recording has more bytes than its own.", remedy=RESTORE)
    return content


def _too_large() -> CassetteError:
    return CassetteError(
        f"A packed recording has more than {_MAX_SIZE} bytes when unpacked.", remedy=RESTORE
    )


@lru_cache(maxsize=4)  # two threads may both make one at first: either serves
def _dictionary(library: Any, form: int) -> Any:
    if form != _ZSTD_DICTIONARY_1:
        return None
    from onetake.formats.dictionary import DICTIONARY_1  # late: large, and for remote stores only

    return library.ZstdDict(DICTIONARY_1, is_raw=True)

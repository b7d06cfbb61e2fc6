"""Texts packed for stores that are far away.

The first byte says how: 0 plain, 1 zstd (RFC 8878), 2 zstd with dictionary 1, 3 zstd with a `Dictionary`
that lies beside what it packs, whose digest comes first; 4 is encrypted by `stores.keyring`, which takes
that off before it comes here. Dictionary 1 is what makes a single chat small:
most of it is keys and headers that every chat has. One of the chats' own makes many of them small. What
a number stands for never changes; a better dictionary gets the next one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, Self

from onetake.errors import CassetteError, StoreError
from onetake.formats.foreign import RESTORE
from onetake.wire.encodings import zstd_library

_PLAIN, _ZSTD, _ZSTD_DICTIONARY_1, _ZSTD_BESIDE = range(4)
_BESIDE = bytes([_ZSTD_BESIDE])
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
# Measured on 200 chats whose prose is not repeated: four times the 64 KiB gives 1.4 % of the plain size.
_DICTIONARY_SIZE = 1 << 18
_SAMPLED_FROM = 8  # texts; for fewer, tables of how often each byte comes cost more than they give
_SHORTEST, _TABLES_SIZE = 8, 1 << 12  # bytes, of zstd's dictionaries
_MADE_WITH_TABLES = b"\x37\xa4\x30\xec"  # RFC 8878, section 6
_DIGEST_SIZE = 8


class Dictionary:
    """What several texts share, for packing them one by one. Safe to share between threads.

    It is known by its `digest`, and unpacked when it is first used.
    """

    __slots__ = ("digest", "packed")

    def __init__(self, packed: bytes, digest: str) -> None:
        """As it was kept."""
        self.packed = packed
        self.digest = digest

    @classmethod
    def of(cls, texts: Sequence[bytes]) -> Self | None:
        """Of the first of `texts`; None where no zstd library is there, or nothing is in them."""
        content = b"".join(texts)[:_DICTIONARY_SIZE]
        library = zstd_library()
        if library is None or len(content) < _SHORTEST:
            return None
        if len(texts) >= _SAMPLED_FROM:
            raw = library.ZstdDict(content, is_raw=True)
            room = len(content) + _TABLES_SIZE
            with suppress(library.ZstdError):  # some texts give no tables
                content = library.finalize_dict(raw, texts, room, _LEVEL).dict_content
        return cls(pack(content), _digest(content))

    def pack(self, data: bytes) -> bytes:
        """As the function does, against this dictionary."""
        plain = pack_plain(data)
        if len(data) > _MAX_SIZE:
            return plain
        packed = _compressed(zstd_library(), data, self.made)
        packed = _BESIDE + bytes.fromhex(self.digest) + packed
        return min(packed, plain, key=len) if _is_readable(packed, data) else plain

    @property
    def made(self) -> Any:
        """As the library takes it. Raises `CassetteError` where it is broken."""
        return _made(self.packed, self.digest)


@lru_cache(maxsize=4)  # openings of one cassette follow one another
def _made(packed: bytes, digest: str) -> Any:
    content, library = unpack(packed), zstd_library()
    if library is not None and _digest(content) == digest:
        with suppress(library.ZstdError, ValueError):
            return library.ZstdDict(content, is_raw=not content.startswith(_MADE_WITH_TABLES))
    raise CassetteError("The dictionary of packed recordings is broken.", remedy=RESTORE)


_NONE: Mapping[str, Dictionary] = {}


def pack(data: bytes) -> bytes:
    """The smallest packed form; plain where no zstd library is there."""
    forms = [pack_plain(data)]
    if len(data) <= _MAX_SIZE and (library := zstd_library()) is not None:
        forms += [
            bytes([form]) + _compressed(library, data, _dictionary(library, form))
            for form in (_ZSTD, _ZSTD_DICTIONARY_1)
        ]
    return min((one for one in forms if _is_readable(one, data)), key=len)


def pack_plain(data: bytes) -> bytes:
    """The form that takes no time."""
    return bytes([_PLAIN]) + data


def needed(data: bytes) -> str | None:
    """The digest of the dictionary without which `data` cannot be unpacked."""
    return data[1 : 1 + _DIGEST_SIZE].hex() if data[:1] == _BESIDE else None


def key_id(data: bytes) -> str:
    """Of something encrypted: which key it needs, in hex."""
    return data[2:10].hex()


def head(data: bytes) -> bytes:
    """All of `data` that `check` looks at."""
    return data[: 1 + _DIGEST_SIZE] if data[:1] == _BESIDE else data[:1]


def check(data: bytes, beside: Mapping[str, Dictionary]) -> None:
    """Raises the `CassetteError` that `unpack` would, as far as it is known before unpacking."""
    form = data[0] if data else None
    if form == _PLAIN:
        return
    if data[:1] == ENCRYPTED and len(data) >= _SMALLEST_ENCRYPTED:
        raise StoreError(
            f"What lies in the store is encrypted with the key {key_id(data)}, and encrypt is not set.",
            remedy='Set encrypt = "env:ONETAKE_KEY" and put the key into that variable.',
        )
    if form not in (_ZSTD, _ZSTD_DICTIONARY_1, _ZSTD_BESIDE):
        raise CassetteError(
            "A packed recording is in a form that is not known.",
            remedy="Upgrade onetake, or delete it to record anew.",
        )
    if zstd_library() is None:
        raise CassetteError(
            "A recording is packed with zstd, and no library for it is there.",
            remedy="Run: pip install 'onetake[zstd]'",
        )
    if (digest := needed(data)) is not None and digest not in beside:
        raise CassetteError(
            f"A packed recording needs the dictionary {digest}, which is missing.",
            remedy=RESTORE,
        )


def unpack(data: bytes, beside: Mapping[str, Dictionary] = _NONE) -> bytes:
    """What was packed, with the dictionaries that lie `beside` it by their digests.

    Raises `CassetteError` for anything else, and where zstd or a dictionary is needed but missing, and
    `StoreError` for what is encrypted.
    """
    check(data, beside)
    form = data[0]
    if form == _PLAIN:
        return data[1:]
    library: Any = zstd_library()
    if (digest := needed(data)) is not None:
        frame, dictionary = data[1 + _DIGEST_SIZE :], beside[digest].made
    else:
        frame, dictionary = data[1:], _dictionary(library, form)
    try:
        return _decompressed(library, frame, dictionary)
    except library.ZstdError as error:
        raise CassetteError(f"A packed recording is corrupt: {error}.", remedy=RESTORE) from error


def _compressed(library: Any, data: bytes, dictionary: Any) -> bytes:
    level = _LEVEL if len(data) < _LARGE else _LEVEL_OF_LARGE
    options = {
        library.CompressionParameter.compression_level: level,
        library.CompressionParameter.checksum_flag: 1,
        library.CompressionParameter.dict_id_flag: 0,
    }
    # "Digested" is prepared once for all texts.
    prepared = None if dictionary is None else dictionary.as_digested_dict
    packed: bytes = library.compress(data, options=options, zstd_dict=prepared)
    return packed


def _decompressed(library: Any, frame: bytes, dictionary: Any) -> bytes:
    """The content of exactly one frame, of at most `_limit` bytes."""
    limit = _limit(len(frame))
    claimed = library.get_frame_info(frame).decompressed_size
    if claimed is not None and claimed > limit:
        raise _too_large(limit)
    options = {library.DecompressionParameter.window_log_max: _WINDOW_LOG}
    decompressor = library.ZstdDecompressor(zstd_dict=dictionary, options=options)
    content: bytes = decompressor.decompress(frame, max_length=limit + 1)
    if len(content) > limit:
        raise _too_large(limit)
    if not decompressor.eof:
        raise CassetteError("A packed recording breaks off.", remedy=RESTORE)
    if decompressor.unused_data:
        raise CassetteError("A packed recording has more bytes than its own.", remedy=RESTORE)
    return content


def _limit(packed: int) -> int:
    """How large what takes so many bytes may be unpacked."""
    return min(_MAX_SIZE, max(_ALWAYS, _MOST_TIMES * packed))


def _is_readable(packed: bytes, data: bytes) -> bool:
    """Whether `unpack` will not take it for an attack."""
    return packed[:1] == bytes([_PLAIN]) or len(data) <= _limit(len(packed) - 1 - _DIGEST_SIZE)


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=_DIGEST_SIZE).hexdigest()


def _too_large(limit: int) -> CassetteError:
    return CassetteError(
        f"A packed recording has more than {limit} bytes when unpacked.", remedy=RESTORE
    )


@lru_cache(maxsize=4)  # two threads may both make one at first: either serves
def _dictionary(library: Any, form: int) -> Any:
    if form != _ZSTD_DICTIONARY_1:
        return None
    from onetake.formats.dictionary import DICTIONARY_1  # late: large, and for remote stores only

    return library.ZstdDict(DICTIONARY_1, is_raw=True)

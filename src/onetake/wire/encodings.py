"""Content codings: decode what arrives chunk by chunk, encode it again on replay.

A replayed body is a valid encoding that is flushed at each recorded boundary, so that any client
decodes the same bytes in the same pieces as when they were recorded. It is hardly compressed: that of 200 kB
would cost 8 ms, and wrapping them in stored blocks costs 0.1 ms.
Codings: gzip and deflate (RFC 1950-1952), br (RFC 7932) and zstd (RFC 8878) where a library is there.

What grows like a bomb when it is decoded is not decoded: `TooLargeError` is raised before more memory is taken,
and who reads keeps the bytes as they came.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from typing import Any, Protocol

_MOST_TIMES = 100  # larger than what came; texts reach 20, lists of equal numbers 50
_ALWAYS = 4 << 20  # bytes that may be more than that
_MOST = 32 << 20  # bytes, whatever came
_FASTEST_ZSTD = -5  # hardly compresses
_WINDOW_LOG = 23  # of zstd in HTTP: 8 MB (RFC 9659)


class TooLargeError(ValueError):
    """The content is larger than what is decoded here."""


class Coder(Protocol):
    """Feeds bytes through; `finish` returns what is left. Raises any error of its library.

    A decoder raises `TooLargeError` too, and is of no use from then on.
    """

    def feed(self, data: bytes) -> bytes: ...

    def finish(self) -> bytes: ...


class Decoder(Coder, Protocol):
    """A coder that decodes."""

    def is_whole(self) -> bool:
        """Return whether what was fed ended exactly where the coding says that it ends."""


class _Room:
    """How much more may be decoded: at most `_MOST_TIMES` what came, and `_MOST` in all."""

    def __init__(self) -> None:
        self._came = self._made = 0

    def left(self, came: int = 0) -> int:
        """Return how many bytes may still be made, `came` more having come; one more than fits, to tell by."""
        self._came += came
        return min(_MOST, max(_ALWAYS, _MOST_TIMES * self._came)) - self._made + 1

    def took(self, data: bytes) -> bytes:
        """Count what was made. Raises `TooLargeError`."""
        self._made += len(data)
        if self.left() <= 0:
            raise TooLargeError(f"more than {self._made} bytes of {self._came}")
        return data


class _Zlib:
    """Decodes gzip (several members) and deflate, with the raw deflate that some servers send."""

    def __init__(self, wbits: int) -> None:
        self._wbits = wbits
        self._inflater = zlib.decompressobj(wbits)
        self._started = False
        self._room = _Room()
        self._members = 1

    def feed(self, data: bytes) -> bytes:
        out: list[bytes] = []
        room = self._room.left(len(data))
        while data:
            try:
                out.append(self._room.took(self._inflater.decompress(data, room)))
            except zlib.error:
                if self._started or self._wbits != zlib.MAX_WBITS:
                    raise
                self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
                out.append(self._room.took(self._inflater.decompress(data, room)))
            self._started = True
            room = self._room.left()
            data = self._inflater.unconsumed_tail or self._inflater.unused_data
            if self._inflater.unused_data:
                self._inflater = zlib.decompressobj(self._wbits)
                self._members += 1
        return b"".join(out)

    def finish(self) -> bytes:
        return self._inflater.flush()

    def is_whole(self) -> bool:
        return self._inflater.eof and self._members == 1


class _GzipStored:
    """Wraps bytes in stored blocks (RFC 1951, 3.2.4) of gzip (RFC 1952): nothing is compressed."""

    def __init__(self) -> None:
        self._started = False
        self._checksum = self._size = 0

    def feed(self, data: bytes) -> bytes:
        self._checksum = zlib.crc32(data, self._checksum)
        self._size += len(data)
        return self._begin() + _stored_blocks(data)

    def finish(self) -> bytes:
        end = self._checksum.to_bytes(4, "little") + (self._size & 0xFFFFFFFF).to_bytes(4, "little")
        return self._begin() + _LAST_BLOCK + end

    def _begin(self) -> bytes:
        head = b"" if self._started else b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
        self._started = True
        return head


class _DeflateStored:
    """Wraps bytes in stored blocks of the zlib format (RFC 1950)."""

    def __init__(self) -> None:
        self._started = False
        self._checksum = 1

    def feed(self, data: bytes) -> bytes:
        self._checksum = zlib.adler32(data, self._checksum)
        return self._begin() + _stored_blocks(data)

    def finish(self) -> bytes:
        return self._begin() + _LAST_BLOCK + self._checksum.to_bytes(4, "big")

    def _begin(self) -> bytes:
        head = b"" if self._started else b"\x78\x01"
        self._started = True
        return head


_LAST_BLOCK = b"\x01\0\0\xff\xff"  # stored, final and empty


def _stored_blocks(data: bytes) -> bytes:
    """Return `data` as stored blocks, none of them final; each ends at a byte, so a reader has all of it."""
    if len(data) <= _LONGEST_BLOCK:
        return _block_head(len(data)) + data if data else b""
    pieces: list[bytes | memoryview] = []
    view = memoryview(data)
    for at in range(0, len(data), _LONGEST_BLOCK):
        piece = view[at : at + _LONGEST_BLOCK]
        pieces += [_block_head(len(piece)), piece]
    return b"".join(pieces)


_LONGEST_BLOCK = 0xFFFF


def _block_head(size: int) -> bytes:
    return b"\0" + size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little")


class _ZlibOut:
    def __init__(self, wbits: int) -> None:
        self._deflater = zlib.compressobj(6, zlib.DEFLATED, wbits)

    def feed(self, data: bytes) -> bytes:
        return self._deflater.compress(data) + self._deflater.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._deflater.flush()


class _Brotli:
    """`step` decodes with a limit for what comes out."""

    def __init__(self, decompressor: Any, step: Callable[..., bytes]) -> None:
        self._decompressor = decompressor
        self._step = step
        self._room = _Room()

    def feed(self, data: bytes) -> bytes:
        out: list[bytes] = []
        room = self._room.left(len(data))
        while True:
            piece = self._room.took(self._step(data, output_buffer_limit=room))
            out.append(piece)
            if not piece:  # it says that it accepts more while it still has 32 kB and more to give
                return b"".join(out)
            data, room = b"", self._room.left()

    def finish(self) -> bytes:
        finished = getattr(self._decompressor, "is_finished", None)
        if finished is not None and not finished():
            raise ValueError("brotli stream is not finished")
        return b""

    def is_whole(self) -> bool:
        return True  # `finish` and `feed` raise where it is not


class _BrotliOut:
    def __init__(self, compressor: Any) -> None:
        self._compressor = compressor

    def feed(self, data: bytes) -> bytes:
        return bytes(self._compressor.process(data) + self._compressor.flush())

    def finish(self) -> bytes:
        return bytes(self._compressor.finish())


class _Zstd:
    def __init__(self, library: Any) -> None:
        self._library = library
        self._options = {library.DecompressionParameter.window_log_max: _WINDOW_LOG}
        self._decompressor = library.ZstdDecompressor(options=self._options)
        self._room = _Room()
        self._ended = False

    def feed(self, data: bytes) -> bytes:
        out: list[bytes] = []
        room = self._room.left(len(data))
        while data or not self._decompressor.needs_input:
            out.append(self._room.took(self._decompressor.decompress(data, max_length=room)))
            room = self._room.left()
            data = b""
            self._ended = self._decompressor.eof
            if self._ended:
                data = self._decompressor.unused_data
                self._decompressor = self._library.ZstdDecompressor(options=self._options)
        return b"".join(out)

    def finish(self) -> bytes:
        return b""

    def is_whole(self) -> bool:
        return self._ended


class _ZstdOut:
    def __init__(self, compressor: Any) -> None:
        self._compressor = compressor

    def feed(self, data: bytes) -> bytes:
        return bytes(self._compressor.compress(data, self._compressor.FLUSH_BLOCK))

    def finish(self) -> bytes:
        return bytes(self._compressor.flush())


def _brotli() -> Any:
    try:
        import brotli
    except ImportError:
        try:
            import brotlicffi as brotli
        except ImportError:
            return None
    return brotli


def zstd_library() -> Any:
    """The standard library's module (from Python 3.14), else its backport, else None."""
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:  # not tried in vain: an import that fails is slow each time
            from backports import zstd
    except ImportError:
        return None
    return zstd


def decoder(coding: str) -> Decoder | None:
    """A decoder for one content-encoding value, or None where it cannot be decoded here."""
    match coding.strip().lower():
        case "gzip" | "x-gzip":
            return _Zlib(zlib.MAX_WBITS | 16)
        case "deflate":
            return _Zlib(zlib.MAX_WBITS)
        case "br" if library := _brotli():
            decompressor = library.Decompressor()
            step = getattr(decompressor, "decompress", None) or decompressor.process
            if hasattr(decompressor, "can_accept_more_data"):  # from 1.2 on: else there is no limit
                return _Brotli(decompressor, step)
        case "zstd" if library := zstd_library():
            return _Zstd(library)
    return None


def encoder(coding: str, *, packs: bool = False) -> Coder | None:
    """Return an encoder that flushes after each `feed`, or None where the library is missing.

    It gives what any client decodes at the least cost; with `packs` the result is small instead, for bytes that
    are kept.
    """
    match coding.strip().lower():
        case "gzip" | "x-gzip":
            return _ZlibOut(zlib.MAX_WBITS | 16) if packs else _GzipStored()
        case "deflate":
            return _ZlibOut(zlib.MAX_WBITS) if packs else _DeflateStored()
        case "br" if library := _brotli():
            return _BrotliOut(library.Compressor() if packs else library.Compressor(quality=0))
        case "zstd" if library := zstd_library():
            return _ZstdOut(library.ZstdCompressor(None if packs else _FASTEST_ZSTD))
    return None


def encoded(data: bytes, codings: str) -> bytes:
    """Encode `data` with the codings of a `content-encoding` value, one after the other.

    Equal bytes give equal bytes: gzip is written without a time. Where a library is missing, that coding is
    left out.
    """
    for coding in codings.split(",") if codings else ():
        coder = encoder(coding)
        if coder is not None:
            data = coder.feed(data) + coder.finish()
    return data

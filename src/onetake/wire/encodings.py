"""Content codings: decode what arrives chunk by chunk, encode it again on replay.

A replayed body is a valid encoding that is flushed at each recorded boundary, so that any client
decodes the same bytes in the same pieces as when they were recorded.
Codings: gzip and deflate (RFC 1950-1952), br (RFC 7932) and zstd (RFC 8878) where a library is there.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from typing import Any, Protocol


class Coder(Protocol):
    """Feeds bytes through; `finish` returns what is left. Raises any error of its library."""

    def feed(self, data: bytes) -> bytes: ...

    def finish(self) -> bytes: ...


class _Zlib:
    """Decodes gzip (several members) and deflate, with the raw deflate that some servers send."""

    def __init__(self, wbits: int) -> None:
        self._wbits = wbits
        self._inflater = zlib.decompressobj(wbits)
        self._started = False

    def feed(self, data: bytes) -> bytes:
        out = b""
        while data:
            try:
                out += self._inflater.decompress(data)
            except zlib.error:
                if self._started or self._wbits != zlib.MAX_WBITS:
                    raise
                self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
                out += self._inflater.decompress(data)
            self._started = True
            data = self._inflater.unused_data
            if data:
                self._inflater = zlib.decompressobj(self._wbits)
        return out

    def finish(self) -> bytes:
        return self._inflater.flush()


class _ZlibOut:
    def __init__(self, wbits: int) -> None:
        self._deflater = zlib.compressobj(6, zlib.DEFLATED, wbits)

    def feed(self, data: bytes) -> bytes:
        return self._deflater.compress(data) + self._deflater.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._deflater.flush()


class _Brotli:
    def __init__(self, decompressor: Any) -> None:
        self._decompressor = decompressor
        self._step: Callable[[bytes], bytes] = (
            getattr(decompressor, "decompress", None) or decompressor.process
        )

    def feed(self, data: bytes) -> bytes:
        return self._step(data)

    def finish(self) -> bytes:
        finished = getattr(self._decompressor, "is_finished", None)
        if finished is not None and not finished():
            raise ValueError("brotli stream is not finished")
        return b""


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
        self._decompressor = library.ZstdDecompressor()

    def feed(self, data: bytes) -> bytes:
        out = b""
        while data:
            out += self._decompressor.decompress(data)
            if not self._decompressor.eof:
                break
            data = self._decompressor.unused_data
            if data:
                self._decompressor = self._library.ZstdDecompressor()
        return out

    def finish(self) -> bytes:
        return b""


class _ZstdOut:
    def __init__(self, library: Any) -> None:
        self._compressor = library.ZstdCompressor()

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


def decoder(coding: str) -> Coder | None:
    """A decoder for one content-encoding value, or None where it cannot be decoded here."""
    match coding.strip().lower():
        case "gzip" | "x-gzip":
            return _Zlib(zlib.MAX_WBITS | 16)
        case "deflate":
            return _Zlib(zlib.MAX_WBITS)
        case "br" if library := _brotli():
            return _Brotli(library.Decompressor())
        case "zstd" if library := zstd_library():
            return _Zstd(library)
    return None


def encoder(coding: str) -> Coder | None:
    """An encoder that flushes after each `feed`, or None where the library is missing."""
    match coding.strip().lower():
        case "gzip" | "x-gzip":
            return _ZlibOut(zlib.MAX_WBITS | 16)
        case "deflate":
            return _ZlibOut(zlib.MAX_WBITS)
        case "br" if library := _brotli():
            return _BrotliOut(library.Compressor())
        case "zstd" if library := zstd_library():
            return _ZstdOut(library)
    return None

"""Bodies as programs send them compressed: another run writes the same content in other bytes."""

from __future__ import annotations

import gzip
import json
import sys
import uuid
import zlib
from types import SimpleNamespace
from typing import Any

CODINGS = ("gzip", "deflate", "br", "zstd", "gzip, br")


def packed(data: bytes, coding: str, run: int) -> bytes:
    """Compress `data` as the `run`-th run does: at another time, or at another level."""
    match coding:
        case "gzip":
            return gzip.compress(data, mtime=1_769_000_000 + 2 * run)
        case "deflate":
            return zlib.compress(data, run)
        case "br":
            import brotli

            made: bytes = brotli.compress(data, quality=run)
            return made
        case "zstd":
            return _zstd(data, run)
    for one in coding.split(", "):
        data = packed(data, one, run)
    return data


def packed_json(coding: str, run: int, **fields: Any) -> bytes:
    """Return JSON of `fields`, a new uuid among them, in another order in every other run."""
    value = {"model": "m", "id": str(uuid.uuid4()), "input": ["x"] * 20} | fields
    names = sorted(value, reverse=bool(run % 2))
    return packed(json.dumps({name: value[name] for name in names}).encode(), coding, run)


def let_gzip_write(run: int) -> None:
    """Make gzip write the time of the `run`-th run, each two seconds after the one before."""
    vars(gzip)["time"] = SimpleNamespace(time=lambda: 1_769_000_000.0 + 2 * run)


def _zstd(data: bytes, level: int) -> bytes:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd.compress(data, level)

"""How stores name what has no safe or short name of its own, and how the cassette of a test is called."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

_FORBIDDEN = re.compile(r"""[<>?%*:|"'/\\\0]""")

# 255 bytes in the usual file systems, less room for `.json` and for `-` + 8 hex on a collision.
_LIMIT_BYTES = 240


def to_name(data: bytes) -> str:
    """A name that was kept as UTF-8; of any other bytes something is made that can be shown."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "backslashreplace")


def digest(text: str, size: int = 16) -> str:
    """The BLAKE2b digest of any text, `size` bytes as hex."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).hexdigest()


def digest_of_text(raw: bytes) -> str:
    """How a recording is called by its text (`Stored.raw`), wherever it lies: 8 bytes as hex."""
    return hashlib.blake2b(raw, digest_size=8).hexdigest()


def digest_in_order(texts: Iterable[bytes]) -> str:
    """The SHA-256 digest, as hex, of all recordings of a cassette in their order."""
    whole = hashlib.sha256()
    for raw in texts:
        whole.update(b"%d:" % len(raw))
        whole.update(raw)
    return whole.hexdigest()


def file_safe(raw: str) -> str:
    """`raw` without the characters that file names cannot have, within a file system's limit."""
    safe = _FORBIDDEN.sub("-", raw)
    encoded = safe.encode("utf-8", "surrogatepass")
    if len(encoded) <= _LIMIT_BYTES:
        return safe
    digest = hashlib.md5(encoded, usedforsecurity=False).hexdigest()
    kept = encoded[: _LIMIT_BYTES - len(digest) - 3].decode("utf-8", "ignore")
    return f"{kept}...{digest}"


def name_of_test(test_id: str) -> str:
    """The name in a shared store of the cassette that `tests/test_a.py::TestC::test_one[x]` records.

    `tests/test_a.py` alone gives `tests/test_a`, the beginning of all its tests' names.
    """
    head, bracket, parameters = test_id.partition("[")
    module, *inner = head.split("::")
    test = ".".join(inner[-2:]) + bracket + parameters
    return f"{module.removesuffix('.py')}/{test}".removesuffix("/").removeprefix("./")

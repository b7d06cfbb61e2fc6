"""How stores name what has no safe or short name of its own."""

from __future__ import annotations

import hashlib


def digest(text: str, size: int = 16) -> str:
    """The BLAKE2b digest of any text, `size` bytes as hex."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).hexdigest()

"""How old a recording may become, and what it is then. Reading and adding change no age."""

from __future__ import annotations

import math
from enum import Enum
from hashlib import blake2b

from msgspec import Struct

_JITTER = 0.1


class Age(Enum):
    FRESH = "fresh"
    STALE = "stale"  # past its soft age: still given, and told
    EXPIRED = "expired"


class Lifetime(Struct, frozen=True):
    """`ttl_s` is the soft age and `max_age_s` the hard one, in seconds.

    Past its soft age a recording is expired too, unless `is_soft`. Both ages are shorter by `jitter`
    (0 to 0.1), so that what was recorded in one run does not expire in one.
    """

    ttl_s: float = math.inf
    max_age_s: float = math.inf
    is_soft: bool = False
    jitter: float = 0.0

    @property
    def is_endless(self) -> bool:
        return self.ttl_s == self.max_age_s == math.inf

    def age_of(self, at: float, now_s: float) -> Age:
        """What a recording made at `at` (UTC seconds) is now. Where 0, nobody knows: it has no age."""
        if not at or self.is_endless:
            return Age.FRESH
        age_s = now_s - at
        if age_s > self.max_age_s * (1 - self.jitter):
            return Age.EXPIRED
        if age_s > self.ttl_s * (1 - self.jitter):
            return Age.STALE if self.is_soft else Age.EXPIRED
        return Age.FRESH

    def exceeded(self, age_s: float) -> tuple[str, float]:
        """The name of the limit that an expired recording of that age is past, and the limit."""
        if self.is_soft or age_s > self.max_age_s * (1 - self.jitter):
            return "max_age", self.max_age_s
        return "ttl", self.ttl_s


def jitter_of(cassette: str) -> float:
    """Return a number that is equal on every machine for all recordings of a cassette: they belong together."""
    number = int.from_bytes(blake2b(cassette.encode("utf-8", "replace"), digest_size=4).digest())
    return _JITTER * number / 2**32

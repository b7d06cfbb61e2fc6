"""Who asks: credentials numbered per host in order of first use, or as keyed digests.

Nothing of a credential is kept but the number, so a dummy key replays; each principal has recordings
of its own, so a good key never gets a bad key's answer.
"""

from __future__ import annotations

import hmac
from collections.abc import Container, Iterable, Sequence

from onetake.config.paths import Path
from onetake.messages import Request
from onetake.providers import Principal, principal


def names_in(places: Iterable[Path], root: str) -> tuple[str, ...]:
    """The names, in lower case, of those that begin with `root`."""
    return tuple(str(place.steps[0]).lower() for place in places if place.root == root)


class Principals:
    """The credentials of one opening, by number. Not thread-safe: its owner holds a lock.

    `key` makes digests instead of numbers (`credential = "digest"`).
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key
        self._numbers: dict[str, dict[Principal | None, int]] = {}

    def of(
        self,
        request: Request,
        host: str,
        given: Container[str] = (),
        places: Sequence[Path] = (),
    ) -> int | str:
        """The principal of `request`, which is not redacted yet, for `host`.

        `places` are where the host takes credentials besides the known places (`Rule.credential`).
        `given` holds the tokens that answers gave to the program. A replay gives others, or their
        placeholders, so who has one is told by that alone.
        """
        own = {}
        if places:
            own = {"headers": names_in(places, "header"), "query": names_in(places, "query")}
        who = principal(request, given, **own)
        if self._key is not None:
            if who is None:
                return ""
            text = f"{who.kind}\0{host}\0{who.identity}".encode("utf-8", "surrogatepass")
            return hmac.new(self._key, text, "sha256").hexdigest()[:24]
        numbers = self._numbers.get(host)
        if numbers is None:
            numbers = self._numbers[host] = {}
        return numbers.setdefault(who, len(numbers))

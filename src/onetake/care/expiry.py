"""Which recordings are past their age, by the settings, a rule or the store's URL."""

from __future__ import annotations

from onetake.care.workplace import Workplace
from onetake.cassettes.ages import Age
from onetake.matching import Matcher
from onetake.messages import Request
from onetake.recorder.takes import Lifetimes
from onetake.stores.shelf import Kept


class Expiry:
    """Ages without the jitter of a cassette: none is taken away that a test would still replay."""

    def __init__(self, lifetimes: Lifetimes, matcher: Matcher) -> None:
        self._lifetimes = lifetimes
        self._matcher = matcher

    def is_past(self, one: Kept, now_s: float) -> bool:
        """Whether a recording would be a miss because of its age. Raises `CassetteError`."""
        method, url = (self._matcher.rules and one.stored.line) or ("", "")
        lifetime = self._lifetimes.of(self._matcher.active(Request(method=method, url=url)))
        return not lifetime.is_endless and lifetime.age_of(one.stored.at, now_s) is Age.EXPIRED


def expiry_of(place: Workplace) -> Expiry:
    return Expiry(Lifetimes(place.settings), place.matcher)

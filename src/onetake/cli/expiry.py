"""Which recordings are past their age, by the settings, a rule or the store's URL."""

from __future__ import annotations

from onetake.cassettes.ages import Age, Lifetime
from onetake.config import Settings
from onetake.messages import read_url
from onetake.stores.shelf import Kept


def is_expired(one: Kept, settings: Settings, now_s: float) -> bool:
    """Whether a recording would be a miss because of its age. Raises `CassetteError`."""
    lifetime = _lifetime_of(one, settings)
    if lifetime.is_endless:
        return False
    return lifetime.age_of(one.stored.at, now_s) is Age.EXPIRED


def _lifetime_of(one: Kept, settings: Settings) -> Lifetime:
    ttl_s, max_age_s = settings.lifetime
    line = one.stored.line if settings.rules else None
    if line is not None:
        method, text = line
        url = read_url(text)
        for rule in settings.rules:
            if rule.fits(method, url.netloc, url.path):
                own_ttl_s, own_max_age_s = rule.lifetime
                ttl_s = ttl_s if own_ttl_s is None else own_ttl_s
                max_age_s = max_age_s if own_max_age_s is None else own_max_age_s
    # Without the jitter of its cassette: none is taken away that a test would still replay.
    return Lifetime(ttl_s, max_age_s, settings.refresh == "soft")

"""What the age of a recording makes of it."""

from __future__ import annotations

import pytest

from onetake.cassettes.ages import Age, Lifetime, jitter_of

HOUR = 3600.0
NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("lifetime", "hours", "age"),
    [
        (Lifetime(), 1e6, Age.FRESH),
        (Lifetime(ttl_s=24 * HOUR), 23, Age.FRESH),
        (Lifetime(ttl_s=24 * HOUR), 25, Age.EXPIRED),
        (Lifetime(ttl_s=24 * HOUR, is_soft=True), 25, Age.STALE),
        (Lifetime(ttl_s=24 * HOUR, max_age_s=48 * HOUR, is_soft=True), 49, Age.EXPIRED),
        (Lifetime(max_age_s=24 * HOUR, is_soft=True), 25, Age.EXPIRED),
        (Lifetime(ttl_s=0), 1, Age.EXPIRED),
        (Lifetime(ttl_s=10 * HOUR, jitter=0.1), 9.5, Age.EXPIRED),
    ],
)
def test_ages(lifetime, hours, age):
    assert lifetime.age_of(NOW - hours * HOUR, NOW) is age


def test_what_has_no_moment_has_no_age():
    assert Lifetime(ttl_s=1, max_age_s=1).age_of(0, NOW) is Age.FRESH


def test_cassettes_expire_at_moments_of_their_own():
    jitters = [jitter_of(f"test_a/test_{n}") for n in range(1000)]

    assert jitters == [jitter_of(f"test_a/test_{n}") for n in range(1000)]
    assert min(jitters) < 0.001
    assert 0.099 < max(jitters) < 0.1
    assert len(set(jitters)) == 1000

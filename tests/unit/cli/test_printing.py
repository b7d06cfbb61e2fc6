"""How the commands print sizes and ages."""

from __future__ import annotations

from onetake.cli.printing import to_age, to_ages, to_size


def test_sizes_and_ages_are_short():
    assert [to_size(n) for n in (0, 999, 1_234, 999_960, 40_000_000)] == [
        "0 B",
        "999 B",
        "1.2 kB",
        "1.0 MB",
        "40.0 MB",
    ]
    assert [to_age(at, 1_000_000) for at in (1_000_000, 999_000, 990_000, 100_000, 0)] == [
        "0s",
        "16m",
        "2h",
        "10d",
        "?",
    ]
    assert to_ages([999_990, 0, 100_000], 1_000_000) == "10s-10d"

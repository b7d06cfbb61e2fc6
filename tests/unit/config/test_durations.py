"""Durations as people write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onetake.config import Source, resolve
from onetake.config.durations import parse_duration
from onetake.errors import UsageError


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("90s", 90),
        ("15m", 900),
        ("24h", 86_400),
        ("7d", 604_800),
        ("2w", 1_209_600),
        ("250ms", 0.25),
        ("1d12h", 129_600),
        ("1h 30m", 5_400),
        (" 1.5H ", 5_400),
        ("60", 60),
        ("0", 0),
        (0, 0),
        (2.5, 2.5),
        ("inf", math.inf),
        ("Never", math.inf),
        (math.inf, math.inf),
        (10**400, math.inf),
        ("9" * 400, math.inf),
        ("3h" * 20_000, 216_000_000),
    ],
)
def test_a_duration_is_read_in_seconds(value, seconds):
    assert parse_duration(value, "ttl") == seconds


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "s",
        "1x",
        "-1s",
        "1h-",
        "1,5h",
        "h1",
        "ten",
        -1,
        math.nan,
        True,
        None,
        ["1h"],
        b"1h",
    ],
)
def test_what_is_no_duration_is_refused_by_name(value):
    with pytest.raises(UsageError) as caught:
        parse_duration(value, "Setting 'ttl' in here.toml")

    assert "Setting 'ttl' in here.toml" in caught.value.message
    assert repr(value) in caught.value.message


@given(st.text(max_size=10) | st.floats() | st.integers())
def test_anything_is_a_duration_or_a_usage_error(value):
    try:
        assert parse_duration(value, "it") >= 0
    except UsageError:
        pass


def test_the_window_of_volatile_times_is_a_duration():
    source = Source("here.toml", {"volatile_window": "1h30m"})

    assert resolve([source], ci=False).volatile_window == 5400


def test_a_long_text_that_is_no_duration_is_refused_at_once_and_not_shown_whole():
    with pytest.raises(UsageError) as caught:
        parse_duration("3h" + "9" * 200_000, "ttl")  # an hour, where each digit begins anew

    assert len(caught.value.message) < 200

"""Statuses as people name them."""

from __future__ import annotations

import pytest

from onetake.config.statuses import holds, parse_statuses
from onetake.errors import UsageError


def test_single_ones_classes_and_ranges():
    statuses = parse_statuses([200, "4XX", "500-503"], "here")

    kept = [
        status for status in (200, 201, 399, 400, 499, 500, 503, 504) if holds(statuses, status)
    ]

    assert kept == [200, 400, 499, 500, 503]


def test_none_is_every():
    assert holds((), 599)


@pytest.mark.parametrize("value", ["two hundred", 99, 600, True, "4x", "200-", None])
def test_anything_else_is_refused_by_name(value):
    with pytest.raises(UsageError, match=r"here has .* no status"):
        parse_statuses([value], "here")

"""Searches from one rare byte to the next find what the expression itself finds."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from onetake.redaction.rare import rare_findall, rare_matches

KEY = re.compile(rb"-(?:(?<=sk-)(\w{3,})|(?<=a-)(b))")
PIECES = st.sampled_from([b"sk-abcd", b"a-b", b"-", b"--", b" ", b"s", b"sk-ab ", b"x" * 3_000])


@given(st.lists(PIECES, max_size=40).map(b"".join))
def test_rare_and_frequent_anchors_give_the_same_matches(data):
    found = [(one.span(), one.lastindex) for one in rare_matches(KEY, b"-", data)]
    assert found == [(one.span(), one.lastindex) for one in KEY.finditer(data)]


def test_many_anchors_are_left_to_the_expression():
    data = b"sk-abc " * 1_000
    assert len(list(rare_matches(KEY, b"-", data))) == 1_000


@given(st.lists(PIECES, max_size=40).map(b"".join))
def test_groups_are_those_that_findall_gives(data):
    one_group = re.compile(rb"-(\w*)")
    assert rare_findall(one_group, b"-", data) == one_group.findall(data)

"""Whose calls a context's are, in whichever order cassettes are left."""

from __future__ import annotations

from contextvars import copy_context
from itertools import permutations

import pytest

from onetake.recorder import Entry, Recorder
from onetake.runtime import context


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_innermost_that_is_open_has_the_calls(tmp_path, order):
    recorder = Recorder(root=tmp_path, store="memory:")
    outside = context.bound()
    opened = [recorder.open(f"cassette-{number}") for number in range(3)]
    entries = [Entry(one, one.opening) for one in opened]

    is_open = [True] * 3
    for number in order:
        entries[number].leave(passed=True)
        is_open[number] = False
        left = [one.opening for one, still in zip(opened, is_open, strict=True) if still]
        assert context.bound() is (left[-1] if left else outside)


def test_a_generator_that_ends_inside_another_cassette_takes_no_calls_with_it(tmp_path):
    recorder = Recorder(root=tmp_path, store="memory:")
    outside = context.bound()

    def steps():
        with recorder.use_cassette("of the generator"):
            yield

    running = steps()
    next(running)
    with recorder.use_cassette("inner") as inner:
        running.close()
        assert context.bound() is inner.opening
    assert context.bound() is outside


def test_one_that_is_left_in_another_context_has_no_calls_in_the_first(tmp_path):
    recorder = Recorder(root=tmp_path, store="memory:")
    with recorder.use_cassette("outer") as outer:
        inner = recorder.open("inner")
        elsewhere = copy_context()  # a task, that knows of the outer one alone
        entry = Entry(inner, inner.opening)
        elsewhere.run(entry.leave, passed=True)

        assert context.bound() is outer.opening
        assert context.current() is outer.opening

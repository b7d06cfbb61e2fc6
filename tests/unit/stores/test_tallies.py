"""What programs came to is read when their process ends, unless what waits would hold too much memory."""

from __future__ import annotations

import pytest

from onetake.cassettes.tallies import Tally
from onetake.config import Settings
from onetake.spend import Spent
from onetake.stores import tallies


@pytest.fixture
def place(tmp_path):
    yield tallies.Place("", tmp_path, "a-run")
    tallies.send()


class Reading:
    """What was spent by one opening; it says whether it was read."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self):
        self.times += 1
        return [Spent(outcome="replayed", host="api.example.com")]


def test_answers_are_read_when_the_process_ends(place):
    reading = Reading()

    tallies.add("main", Tally(replayed=1), reading, place, size=1_000)
    before = reading.times
    tallies.send()

    assert (before, reading.times) == (0, 1)
    [line] = tallies.recall(Settings(), place.root)
    assert line.tests["main"].replayed == 1
    assert line.tests["main"].unpriced_saved == 1


def test_answers_of_a_large_cassette_do_not_wait(place):
    reading = Reading()

    tallies.add("main", Tally(replayed=1), reading, place, size=1 << 30)

    assert reading.times == 1


def test_few_openings_wait(place):
    readings = [Reading() for _ in range(1_000)]

    for reading in readings:
        tallies.add("main", Tally(replayed=1), reading, place)

    assert 0 < sum(reading.times == 0 for reading in readings) < 100
    tallies.send()
    assert {reading.times for reading in readings} == {1}

"""A cassette that gains recordings from run to run, judged on the second such run."""

from __future__ import annotations

from onetake.cassettes.growth import RunLine, by_run, calls_that_grew, runs_running
from onetake.cassettes.verdicts import verdict

CHAT = ("POST", "api.example.test", "/v1/chat")
OTHER = ("POST", "api.example.test", "/v1/images")


def line(run: str, *grew: str, recorded: int = 1, replayed: int = 0) -> RunLine:
    return RunLine(run=run, at=1, recorded=recorded, replayed=replayed, grew=grew)


def test_a_call_recorded_beside_an_unused_one_of_its_place_grows() -> None:
    assert calls_that_grew([CHAT, CHAT], [CHAT]) == 2


def test_a_new_endpoint_and_a_first_recording_are_no_growth() -> None:
    assert calls_that_grew([OTHER], [CHAT]) == 0
    assert calls_that_grew([CHAT], []) == 0


def test_one_run_is_no_chain_and_two_running_are() -> None:
    assert runs_running([line("1")], line("2", "t"), "t") == 1
    assert runs_running([line("1"), line("2", "t")], line("3", "t"), "t") == 2
    assert runs_running([line("2", "t"), line("3", "t")], line("4", "t"), "t") == 3


def test_several_openings_of_one_run_are_one_run() -> None:
    before = [line("1"), line("2", "t")]

    assert runs_running(before, line("2", "t"), "t") == 1


def test_of_several_processes_of_a_run_one_that_grew_is_enough() -> None:
    before = [line("1"), line("2", "t"), line("2")]

    assert runs_running(before, line("3", "t"), "t") == 2


def test_a_run_that_recorded_without_growing_ends_the_chain() -> None:
    before = [line("1", "t"), line("2")]

    assert runs_running(before, line("3", "t"), "t") == 1


def test_runs_that_only_replayed_are_passed_over() -> None:
    before = [line("1", "t"), line("2", recorded=0, replayed=3)]

    assert runs_running(before, line("3", "t"), "t") == 2


def test_another_test_of_the_cassette_does_not_count() -> None:
    before = [line("1", "other")]

    assert runs_running(before, line("2", "t"), "t") == 1


def test_the_lines_of_a_run_become_one() -> None:
    first = RunLine(run="1", at=1, replayed=1, recorded=2, grew=("a",))
    second = RunLine(run="1", at=2, replayed=3, recorded=4, grew=("a", "b"))

    assert by_run([first, second, line("2")]) == [
        RunLine(run="1", at=1, replayed=4, recorded=6, grew=("a", "b")),
        line("2"),
    ]


def test_growth_is_worse_than_age_and_age_than_a_part() -> None:
    counts = {"replayed": 1, "recorded": 1, "overflow": 1, "stale": 1, "live": 1}
    found = []
    for name in ("live", "overflow", "stale", "recorded"):
        found.append(verdict(counts, persisted=True))
        counts[name] = 0

    assert found == ["LIVE", "OVERFLOW", "STALE", "PARTIAL"]

from __future__ import annotations

from onetake.cassettes.tallies import RunTally, Tally, by_run, by_test
from onetake.reports.run_history import bar, costliest, in_lines, to_data


def run(name: str, at: int, **tests: Tally) -> RunTally:
    return RunTally(run=name, at=at, tests=tests)


def test_lines_of_one_run_are_one_run():
    lines = [
        run("a", 5, one=Tally(recorded=1, paid=0.5)),
        run("b", 6, one=Tally(replayed=1, saved=0.5)),
        run("a", 7, one=Tally(recorded=2, unpriced=2), two=Tally(live=1)),
    ]

    found = by_run(lines)

    assert [(one.run, one.at) for one in found] == [("b", 6), ("a", 7)]
    assert found[1].tests == {
        "one": Tally(recorded=3, paid=0.5, unpriced=2),
        "two": Tally(live=1),
    }
    assert by_test(found)["one"].hit_rate == 0.25


def test_a_bar_is_full_or_empty_only_where_all_or_nothing_was_replayed():
    assert [bar(rate) for rate in (0.0, 0.001, 0.5, 0.999, 1.0)] == [
        "..........   0 %",
        "#.........   1 %",
        "#####.....  50 %",
        "#########.  99 %",
        "########## 100 %",
    ]


def test_the_dearest_comes_first_and_unknown_is_not_nothing():
    runs = [
        run(
            "a",
            1,
            cheap=Tally(recorded=9, paid=0.1),
            unknown=Tally(recorded=2, unpriced=2),
            dear=Tally(live=1, paid=2.0, is_unmarked=True),
            free=Tally(),
        )
    ]

    lines = list(in_lines(runs, ["11-26 10:00"]))

    assert [test for test, _ in costliest(runs)] == ["dear", "cheap", "unknown"]
    assert "  dear  (no cassette)" in lines
    assert lines[lines.index("  unknown") + 1].split() == [
        "2",
        "..........",
        "0",
        "%",
        "2?",
        "$0.00",
    ]
    assert to_data(runs)["runs"][0]["paid_calls_of_unknown_price"] == 2


def test_no_line_is_wider_than_a_terminal():
    big = Tally(
        replayed=99_999, recorded=9_999, paid=1234.5, saved=9876.5, unpriced=99, unpriced_saved=99
    )
    runs = [run("a", 1, **{f"tests/{'x' * 200}.py::test": big})]

    assert max(map(len, in_lines(runs, ["11-26 10:00"]))) <= 80
    assert max(map(len, in_lines(runs, ["11-26 10:00"], is_by_test=True))) <= 80


def test_without_a_run_there_is_nothing_to_see():
    assert list(in_lines([], [])) == ["No run is remembered yet: each run of tests adds one."]

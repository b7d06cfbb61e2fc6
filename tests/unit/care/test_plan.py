from __future__ import annotations

from typing import Any

from onetake.care.plan import Expected, Miss, Plan, Sample, estimate, in_lines, to_data


def plan(*expected: Expected, **facts: Any) -> Plan:
    known = {
        "mode": "auto",
        "mode_reason": "default",
        "store": "cassettes/",
        "tests": 3,
        "marked": 3,
    }
    return Plan(expected=expected, **{**known, **facts})


def test_a_new_test_is_taken_for_one_like_those_of_its_module():
    samples = [
        Sample("a.py", 2, 0.2, 0),
        Sample("a.py", 4, 0.4, 0),
        Sample("a.py", 9, 0.0, 9),
        Sample("b.py", 50, 9.0, 0),
    ]

    assert estimate("a.py", samples) == (4, 0.30000000000000004, 0)
    assert estimate("b.py", samples) == (50, 9.0, 0)
    assert estimate("c.py", samples) == (6, 0.4, 0)
    assert estimate("a.py", [Sample("a.py", 3, 0.1, 2)]) == (3, 0.0, 3)
    assert estimate("a.py", []) is None


def test_what_nobody_knows_stands_beside_the_sum():
    some = plan(
        Expected(test="a.py::test_1", reason="expired", calls=2, dollars=0.42),
        Expected(test="a.py::test_2", reason="unmarked", calls=5, unpriced=5),
        Expected(test="a.py::test_3", reason="new", calls=None),
    )

    lines = list(in_lines(some))

    assert " ".join(line.strip() for line in lines[-2:]) == (
        "in all: 7 calls, about $0.42 "
        "(+ 5 calls of unknown price, and 1 test whose calls nobody can count)"
    )
    assert "  a.py::test_3" in lines[lines.index("Nobody knows how many calls these make:") :]
    assert list(in_lines(plan()))[-1] == "in all: no call, $0"


def test_the_plan_is_held_against_max_spend():
    one = Expected(test="a.py::test_1", reason="record", calls=1, dollars=0.5)

    assert list(in_lines(plan(one, max_spend=0.4)))[-1] == "That is more than max_spend ($0.40)."
    assert list(in_lines(plan(one, max_spend=1.0)))[-1] == "That is within max_spend ($1.00)."
    assert [
        to_data(plan(one, max_spend=most))["exceeds_max_spend"] for most in (0.4, 1.0, None)
    ] == [
        True,
        False,
        None,
    ]


def test_no_line_is_wider_than_a_terminal():
    name = f"tests/{'x' * 200}.py::test"
    one = Expected(
        test=name, reason="new", calls=99_999, dollars=12_345.0, unpriced=99, is_estimate=True
    )
    some = plan(one, misses=(Miss(test=name.replace("x", "x "), why="there is none"),))

    assert max(map(len, in_lines(some))) <= 80

"""Many misses of one cause are one group with one remedy."""

from __future__ import annotations

from onetake.diagnosis import Event, Miss, group, to_lines


def event(test: str, cause: str, *, outcome: str = "missed", rule: str = "", count: int = 1):
    miss = Miss(
        request_line="POST https://h/p", reason="changed", cause=cause, advice="Do it.", rule=rule
    )
    return Event(test=test, cassette="c", outcome=outcome, miss=miss, count=count)


def test_groups_come_with_misses_first_then_by_size():
    events = [
        *(event(f"t{n}", "a", outcome="recorded") for n in range(9)),
        event("t", "b"),
        *(event(f"t{n}", "c") for n in range(3)),
    ]

    found = group(events)

    assert [(one.outcome, one.cause, one.count) for one in found] == [
        ("missed", "c", 3),
        ("missed", "b", 1),
        ("recorded", "a", 9),
    ]


def test_one_cause_with_another_rule_is_another_group():
    assert len(group([event("t", "a", rule="x = 1"), event("t", "a", rule="x = 2")])) == 2


def test_a_group_is_told_in_lines_with_its_remedy():
    (one,) = group([event(f"test_{n}", "`body.n` changed") for n in range(7)])

    assert list(to_lines(one)) == [
        "7 misses: `body.n` changed",
        "  in test_0, test_1, test_2, test_3, test_4, and 2 more",
        "  Do it.",
    ]


def test_a_rule_is_ready_to_paste():
    (one,) = group([event("t", "a", rule='[[tool.onetake.rules]]\nignore = ["body.n"]', count=3)])

    assert next(to_lines(one)) == "3 misses: a"
    assert list(to_lines(one))[-2:] == ["    [[tool.onetake.rules]]", '    ignore = ["body.n"]']


def test_what_was_paid_again_is_called_so():
    lines = [next(to_lines(one)) for one in group([event("t", "a", outcome="recorded")])]

    assert lines == ["1 call paid again: a"]

"""What GitHub shows of a run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from onetake.reports.accounts import Account, Reason, Summary
from onetake.reports.dollars import Dollars, Spending
from onetake.reports.github import Annotation, annotations_of, escaped, to_markdown

ROOT = Path("/home/runner/work/repo/repo/python")
WORKSPACE = ROOT.parent


def summary(*accounts: Account) -> Summary:
    found = Summary()
    for one in accounts:
        found.add(one)
    return found


def missed(test: str, **facts: Any) -> Account:
    miss = {
        "request_line": "POST https://api.test/v1",
        "reason": "changed",
        "cause": "body changed",
    }
    event = {"test": test, "cassette": "a", "outcome": "missed", "miss": miss | facts}
    return Account(test=test, verdict="MISS", counts={"missed": 1}, events=(event,), line_number=12)


def unmarked(test: str, live: int = 1, **facts: Any) -> Account:
    verdict = "UNMARKED:LIVE"
    hosts = {"api.test": live}
    return Account(test=test, verdict=verdict, counts={"live": live}, hosts=hosts, **facts)


def commands(found: Summary, workspace: Path | None = WORKSPACE) -> list[str]:
    return [one.command for one in annotations_of(found, ROOT, workspace)]


def test_a_command_is_escaped_as_the_runner_reads_it():
    one = Annotation(level="error", title="a: b, c", text="100 %\r\nx: y, z", file="a,b.py", line=3)

    assert one.command == (
        "::error file=a%2Cb.py,line=3,title=onetake%3A a%3A b%2C c::100 %25%0D%0Ax: y, z"
    )


def test_a_miss_stands_at_its_test_with_cause_and_rule():
    [command] = commands(summary(missed("tests/test_a.py::test_x[a,b]", rule="[[rules]]\nx = 1")))

    assert command == (
        "::error file=python/tests/test_a.py,line=12,title=onetake%3A MISS::"
        "tests/test_a.py::test_x[a,b]: POST https://api.test/v1%0Abody changed%0A"
        "this rule makes them equal:%0A[[rules]]%0Ax = 1"
    )


def test_where_the_line_or_the_file_is_not_known_none_is_told():
    found = summary(unmarked("test_a.py::test_x"), unmarked("test_a/@wide"))

    assert [one.partition("title")[0] for one in commands(found)] == [
        "::warning file=python/test_a.py,",
        "::warning ",
    ]
    assert "file=test_a.py," in commands(found, None)[0]
    assert "file=" not in commands(found, Path("/elsewhere"))[0]


def test_no_more_are_made_than_github_shows():
    many = [
        *(missed(f"a.py::m{n:02}") for n in range(30)),
        *(unmarked(f"a.py::u{n}") for n in range(30)),
    ]
    found = commands(summary(*many))

    assert len(found) == 20
    assert found[9] == "::error title=onetake%3A more::And 21 others."
    assert found[19] == "::warning title=onetake%3A more::And 21 others."


def test_only_the_last_attempt_of_a_test_is_annotated():
    passed = Account(test="a.py::t", verdict="HIT", counts={"replayed": 1})

    assert commands(summary(missed("a.py::t"), passed)) == []


def test_gates_stores_growth_and_age_are_named():
    growth = {"runs": 3, "varies": "run (counter)", "rule": "rule"}
    found = summary(
        Account(
            test="a.py::t",
            verdict="OVERFLOW",
            counts={"stale": 2},
            growth=growth,
            error="disk full",
        )
    )
    found.failed = [Reason(gate="max-live", text="2 calls went live", where=("a: 2",))]
    found.degraded["redis://ci"] = found.calls.__class__(failures=1)
    found.last_errors["redis://ci"] = "refused"

    assert [one.partition("title=onetake%3A ")[2] for one in commands(found)] == [
        "FAILED (max-live)::2 calls went live%0A  a: 2",
        "NOT_PERSISTED::a.py::t: disk full",
        "DEGRADED::redis://ci: 1 failure; last error: refused",
        "OVERFLOW::a.py::t: grew on 3 runs running; varies: run (counter); this rule stops it:%0Arule",
        "STALE::a.py::t: 2 answers replayed past the ttl",
    ]


def test_the_job_summary_tells_verdicts_money_causes_and_leaks():
    found = summary(
        Account(
            test="a.py::t",
            verdict="RECORDED",
            counts={"recorded": 2, "replayed": 3},
        ),
        missed("a.py::m", rule='[[tool.onetake.rules]]\npath = "/v1"'),
        unmarked("a.py::u[a|b]", 4),
        unmarked("a.py::v", 9),
    )
    found.spending = Spending(
        total=Dollars(recorded=0.25, live=0.125, leaked=0.125, saved=1.5, unpriced={"model-x": 1}),
        tests={"a.py::u[a|b]": Dollars(live=0.125, leaked=0.125)},
    )
    found.leaks = Counter({"a.py::u[a|b]": 4, "a.py::v": 9})
    found.failed = [Reason(gate="leak", text="13 live calls", where=("a.py::v: 9",))]
    text = to_markdown(found)

    for expected in (
        "## onetake\n\n| verdict | tests |\n| --- | --- |\n| MISS | 1 |\n| RECORDED | 1 |\n",
        "| paid | 15 | $0.375 |\n| of these recorded | 2 | $0.25 |\n| leaked | 13 | $0.125 |\n",
        "| replayed (saved) | 3 | $1.50 |\n| missed | 1 |  |\n",
        "Price not known, and not in the dollars: model-x x1\n",
        "**Failed (leak): 13 live calls**\n\n- a.py::v: 9\n",
        "1 call missed: body changed; in a.py::m\n",
        '```toml\n[[tool.onetake.rules]]\npath = "/v1"\n```\n',
        "| a.py::u&#91;a&#124;b&#93; | 4 | api.test | &#36;0.125 |\n| a.py::v | 9 | api.test |  |\n",
    ):
        assert expected in text


def test_nothing_that_a_request_says_is_markup():
    assert escaped("<b>|`x`|\n[a](b)  *c*") == (
        "&#60;b&#62;&#124;&#96;x&#96;&#124; &#91;a&#93;(b) &#42;c&#42;"
    )
    fenced = to_markdown(summary(missed("a.py::m", rule="x = '''```'''")))
    assert "````toml\nx = '''```'''\n````\n" in fenced


def test_the_job_summary_is_bounded():
    rules = [missed(f"a.py::m{n}", cause=f"{n}", rule="é" * 30_000) for n in range(9)]
    text = to_markdown(summary(*rules))

    assert 60_000 < len(text.encode()) < 65_000
    assert text.endswith("(More than fits here: see the log.)\n")
    assert text.count("```") % 2 == 0

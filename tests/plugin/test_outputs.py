"""What a run tells JUnit files and GitHub."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

import fakeprovider
from tests.plugin.suite import Suite

_TESTS = """
    import pytest
    from calls import ask, chat

    @pytest.mark.onetake
    @pytest.mark.parametrize("n", range(3))
    def test_marked(n, record_property):
        record_property("own", "kept")
        ask(f"{n}")
        ask(f"{n} again")

    def test_unmarked():
        chat("unmarked")

    def test_without_calls(): ...
"""


def properties(suite: Suite, name: str = "junit.xml") -> dict[str, list[tuple[str, str]]]:
    """Those of each test case, in their order."""
    cases = ET.parse(suite.root / name).getroot().iter("testcase")
    return {
        case.attrib["name"]: [
            (one.attrib["name"], one.attrib["value"]) for one in case.iter("property")
        ]
        for case in cases
    }


@pytest.mark.parametrize("family", ["xunit1", "xunit2"])
@pytest.mark.parametrize("parallel", [(), ("-n2",)], ids=["alone", "workers"])
def test_each_case_of_a_junit_file_has_its_account(
    suite: Suite, family: str, parallel: tuple[str, ...]
) -> None:
    suite.write("test_a.py", _TESTS)
    words = ("--junitxml=junit.xml", "-o", f"junit_family={family}")
    if family == "xunit2":  # pytest warns of record_property there
        words = (*words, "-W", "ignore::pytest.PytestWarning")
    suite.run()
    suite.run(*words, *parallel, plugins=("xdist",) if parallel else ())

    found = properties(suite)
    assert found["test_marked[0]"] == [
        ("own", "kept"),
        ("onetake.verdict", "HIT"),
        ("onetake.replayed", "2"),
        ("onetake.cassette", "cassettes/test_a/test_marked[0].json"),
    ]
    host = suite.url.partition("//")[2]
    assert found["test_unmarked"] == [
        ("onetake.verdict", "UNMARKED:LIVE"),
        ("onetake.live", "1"),
        ("onetake.tokens.paid", "16"),
        ("onetake.hosts", host),
    ]
    assert found["test_without_calls"] == []


def test_a_rerun_tells_its_own_account_once(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest
        from calls import ask

        attempts = []

        @pytest.mark.onetake
        def test_flaky():
            attempts.append(1)
            ask("flaky")
            assert len(attempts) == 2
        """,
    )
    suite.run("--junitxml=junit.xml", "--reruns=1", plugins=("pytest_rerunfailures",))

    found = properties(suite)["test_flaky"]
    assert [name for name, _ in found] == [
        "onetake.verdict",
        "onetake.replayed",
        "onetake.cassette",
    ]
    assert found[0] == ("onetake.verdict", "HIT")


_LEAKING = """
    import pytest
    from calls import ask_quietly, chat

    def test_unmarked():
        chat("unmarked")

    @pytest.mark.onetake(mode="replay")
    def test_missed():
        ask_quietly("one")
"""


@pytest.mark.parametrize("parallel", [(), ("-n2",)], ids=["alone", "workers"])
def test_github_gets_annotations_before_the_summary(
    suite: Suite, parallel: tuple[str, ...]
) -> None:
    suite.write("test_a.py", _LEAKING)
    run = suite.run(
        "--onetake-max-live=0",
        *parallel,
        plugins=("xdist",) if parallel else (),
        GITHUB_ACTIONS="true",
        GITHUB_WORKSPACE=str(suite.root.parent),
        GITHUB_STEP_SUMMARY=str(suite.root / "step.md"),
    )

    assert run.code == 1
    assert run.line("::error title=onetake%3A FAILED (max-live)::1 call went live")
    folder = suite.root.name
    assert run.line(f"::error file={folder}/test_a.py,")
    assert "title=onetake%3A MISS" in run.line(f"::error file={folder}/test_a.py,")
    assert "1 live call without a cassette, to 127.0.0.1" in run.line("::warning file=")
    last = run.output.index("--- onetake ---")
    assert run.output.rindex("::error") < last
    assert run.output.rindex("::warning") < last
    text = (suite.root / "step.md").read_text()
    assert "| MISS | 1 |\n| UNMARKED:LIVE | 1 |\n" in text
    assert "| paid | 1 |" in text


def test_the_job_summary_is_added_to_what_other_steps_said(suite: Suite) -> None:
    suite.write("test_a.py", _LEAKING)
    (suite.root / "step.md").write_text("before\n")
    suite.run(GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(suite.root / "step.md"))

    assert (suite.root / "step.md").read_text().startswith("before\n## onetake\n")


def test_a_job_summary_that_cannot_be_written_is_a_note(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write("test_a.py", _TESTS)
    run = suite.run(GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(suite.root))

    assert run.code == 0
    assert run.line("onetake: no job summary was written: Is a directory")


def test_github_is_told_nothing_where_nobody_reads_it(suite: Suite) -> None:
    suite.write("test_a.py", _LEAKING)
    run = suite.run(GITHUB_STEP_SUMMARY=str(suite.root / "step.md"))

    assert "::" + "error" not in run.output
    assert not (suite.root / "step.md").exists()

"""Recordings and cassettes of vcrpy's suites that no test used: told, and found by `onetake prune`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plugin.suite import Run, Suite
from tests.support.runs import run_python

PLUGIN = ("onetake_vcr.plugin",)
TESTS = """
    import os

    import pytest
    import vcr as vcrpy
    from calls import ask

    FEWER = "FEWER" in os.environ

    @pytest.fixture(scope="module")
    def vcr_config():
        def rename(request):
            request.uri = request.uri.replace("/echo", "/named")
            return request
        return {"match_on": ["method", "uri", "body"], "before_record_request": rename}

    @pytest.mark.vcr
    def test_own():
        for text in ("one", "two", "three"):
            if text != "two" or not FEWER:
                ask(text)

    @pytest.mark.vcr("../shared.yaml")
    def test_with_another():
        ask("four")

    def shared():
        return vcrpy.use_cassette("cassettes/shared.yaml", match_on=["method", "uri", "body"],
            record_mode="none" if FEWER else "new_episodes")

    def test_first():
        with shared():
            ask("first")

    def test_second():
        with shared():
            ask("second")
"""


def run(suite: Suite, *arguments: str, plugins: tuple[str, ...] = (), **extra: str) -> Run:
    return suite.run("-v", *arguments, plugins=(*PLUGIN, *plugins), **extra)


def onetake(root: Path, *arguments: str) -> str:
    return run_python(root, "-m", "onetake", *arguments).stdout


@pytest.fixture
def recorded(suite: Suite) -> Suite:
    suite.write("test_a.py", TESTS)
    first = run(suite, "--record-mode=once")
    assert first.code == 0, first.output
    return suite


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_recordings_that_no_test_used_are_told_and_pruned(
    recorded: Suite, workers: tuple[str, ...]
) -> None:
    all_used = run(recorded)
    fewer = run(recorded, *workers, plugins=("xdist",) if workers else (), FEWER="1")
    told = onetake(recorded.root, "prune", "--unused", "--yes")
    after = run(recorded, FEWER="1")

    assert "unused:" not in all_used.output
    assert fewer.line("unused:") == "unused: 1 recording in 1 cassette (onetake prune --unused)"
    assert "Removed 1 interaction" in told
    assert "two" not in (recorded.root / "cassettes/test_a/test_own.yaml").read_text()
    assert after.code == 0, after.output
    assert "unused:" not in after.output
    assert "orphans:" not in after.output


@pytest.mark.parametrize("end", ["pytest.skip()", "assert False"])
def test_a_test_that_ends_early_leaves_nothing_unused(recorded: Suite, end: str) -> None:
    early = TESTS.replace('for text in ("one"', f'if FEWER: {end}\n        for text in ("one"')
    recorded.write("test_a.py", early)

    assert "unused:" not in run(recorded, FEWER="1").output


def test_a_part_of_the_suite_leaves_nothing_unused(recorded: Suite) -> None:
    assert "unused:" not in run(recorded, "-k", "own", FEWER="1").output


def test_cassettes_that_no_test_opened_are_orphans_of_a_whole_run(recorded: Suite) -> None:
    recorded.write("test_a.py", TESTS.replace("def test_own", "def test_renamed"))
    failing = run(recorded)
    again = run(recorded, "--record-mode=once")

    assert "orphans:" not in failing.output  # test_renamed has no cassette
    assert again.line("orphans:") == (
        "orphans: 1 cassette that no test opened (onetake prune --orphans)"
    )
    onetake(recorded.root, "prune", "--orphans", "--yes")
    names = sorted(one.name for one in (recorded.root / "cassettes").rglob("*.yaml"))
    assert names == ["shared.yaml", "test_renamed.yaml", "test_with_another.yaml"]


def test_a_cassette_that_others_read_too_has_nothing_unused(recorded: Suite) -> None:
    recorded.write("test_a.py", TESTS.replace("def test_first", "def _first"))

    found = run(recorded)

    assert found.code == 0, found.output
    assert "unused:" not in found.output


def test_files_beside_one_that_is_read_in_place_are_nobodys_orphans(recorded: Suite) -> None:
    """The tests of the others may run with vcrpy itself, which tells nothing."""
    recorded.write(
        "test_a.py",
        """
        import onetake
        from calls import ask

        def test_in_place():
            with onetake.use_cassette("cassettes/test_a/test_with_another.yaml", mode="replay"):
                pass
        """,
    )

    assert "orphans:" not in run(recorded).output

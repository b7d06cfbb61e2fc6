"""Recordings that no test used and cassettes that none opened, told only where they are known."""

from __future__ import annotations

import pytest

from onetake.stores.usage import read_usage
from tests.plugin.suite import Suite
from tests.support.runs import run_python

_TESTS = """
    import os

    import onetake
    import pytest
    from calls import ask

    FEWER = "FEWER" in os.environ

    @pytest.mark.onetake
    def test_own():
        ask("one")
        if not FEWER:
            ask("two")
            ask("two")

    @pytest.mark.onetake("shared")
    def test_first():
        ask("first")

    @pytest.mark.onetake("shared")
    def test_second():
        ask("second")
        if not FEWER:
            ask("third")

    @pytest.mark.onetake
    def test_used():
        ask("used")
"""


def whole_usage(suite: Suite):
    return read_usage(
        [max((suite.root / ".onetake/usage").iterdir(), key=lambda p: p.stat().st_mtime_ns)]
    )


@pytest.mark.parametrize("store", ["", "sqlite:store.sqlite"])
def test_unused_is_the_union_over_workers(suite, store):
    suite.write("test_a.py", _TESTS)
    workers = ("-n", "2", "--dist", "loadfile")
    suite.write("test_b.py", _TESTS.replace("first", "fourth").replace("test_own", "test_own_too"))
    first = suite.run(ONETAKE_STORE=store)
    all_used = suite.run("-n", "2", plugins=("xdist",), ONETAKE_STORE=store)
    fewer = suite.run("-v", *workers, plugins=("xdist",), FEWER="1", ONETAKE_STORE=store)

    assert "unused:" not in first.output + all_used.output
    assert fewer.line("unused:") == ("unused: 5 recordings in 3 cassettes (onetake prune --unused)")
    assert fewer.output.count(": 2 of 3") == 2
    found = whole_usage(suite)
    assert found.is_whole
    assert found.all_passed
    assert sorted(len(one.unused) for one in found.cassettes) == [0, 0, 1, 2, 2]


def test_of_a_part_of_the_suite_only_a_tests_own_cassette_is_told(suite):
    suite.write("test_a.py", _TESTS)
    suite.run()

    for words in (("-k", "first or own"), ("test_a.py::test_first", "test_a.py::test_own")):
        run = suite.run(*words, FEWER="1")
        assert run.line("unused:") == "unused: 2 recordings in 1 cassette (onetake prune --unused)"
        assert "orphans:" not in run.output
        assert not whole_usage(suite).is_whole


@pytest.mark.parametrize("end", ["pytest.skip()", "assert False", "pytest.xfail()"])
def test_a_test_that_ends_early_leaves_nothing_unused(suite, end):
    source = _TESTS.replace('ask("one")', f'ask("one")\n        if FEWER: {end}')
    suite.write(
        "test_a.py", source.replace('ask("second")', f'ask("second")\n        if FEWER: {end}')
    )
    suite.run()

    run = suite.run(FEWER="1")

    assert "unused:" not in run.output


def test_orphans_are_told_of_a_whole_run(suite):
    suite.write("test_a.py", _TESTS)
    suite.write("more/test_c.py", _TESTS.replace("from calls", "import calls\n    from calls"))
    suite.run()
    lines = _TESTS.replace("test_own", "test_renamed")
    suite.write("test_a.py", lines)

    plain = suite.run("-v", "-n", "2", plugins=("xdist",))
    narrowed = suite.run("test_a.py")

    assert plain.line("orphans:") == (
        "orphans: 1 cassette that no test opened (onetake prune --orphans)"
    )
    assert "  cassettes/test_a/test_own.json" in plain.output.splitlines()
    assert "orphans:" not in narrowed.output


def test_what_a_skipped_test_owns_is_no_orphan(suite):
    source = """
        import onetake
        import pytest
        from calls import ask

        @pytest.fixture(scope="module")
        def wide():
            ask("wide")

        {mark}
        @pytest.mark.onetake
        def test_own(wide):
            ask("one")

        {mark}
        @pytest.mark.onetake("named")
        def test_named():
            ask("two")

        {mark}
        def test_inside():
            with onetake.use_cassette("inside"):
                ask("three")

        @pytest.mark.onetake
        def test_always():
            ask("four")
    """
    suite.write("test_a.py", source.format(mark=""))
    suite.run()
    assert len(suite.cassettes()) == 5
    suite.write("test_a.py", source.format(mark="@pytest.mark.skip"))

    run = suite.run()

    assert run.outcomes == {"passed": 1, "skipped": 3}
    assert "orphans:" not in run.output
    assert "unused:" not in run.output
    assert whole_usage(suite).is_whole


def test_a_module_that_is_skipped_makes_the_run_a_part(suite):
    suite.write("test_a.py", _TESTS)
    suite.write("test_b.py", _TESTS)
    suite.run()
    suite.write("test_b.py", 'import pytest\npytest.importorskip("no_such_module")\n')

    run = suite.run("-n", "2", plugins=("xdist",))

    assert "orphans:" not in run.output
    assert not whole_usage(suite).is_whole


def test_a_plugin_that_drops_tests_without_a_word_makes_the_run_a_part(suite):
    suite.write("test_a.py", _TESTS)
    suite.run()
    suite.write(
        "conftest.py",
        """
        import sys
        sys.path.insert(0, __file__.rpartition('/')[0])

        def pytest_collection_modifyitems(items):
            items[:] = items[:1]
        """,
    )

    for arguments in ((), ("-n", "2")):
        suite.run(*arguments, plugins=("xdist",))
        assert not whole_usage(suite).is_whole


def test_a_worker_that_dies_makes_the_run_a_part(suite):
    suite.write("test_a.py", _TESTS)
    suite.run()
    suite.write("test_b.py", "import os\n\ndef test_it():\n    os._exit(3)\n")

    run = suite.run("-n", "2", plugins=("xdist",), FEWER="1")

    assert run.code == 1
    assert "orphans:" not in run.output
    assert not whole_usage(suite).is_whole


def prune(suite: Suite, *words: str, store: str = "") -> tuple[int, str]:
    done = run_python(
        suite.root, "-m", "onetake", "prune", *words, **({"ONETAKE_STORE": store} if store else {})
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("store", ["", "sqlite:store.sqlite"])
def test_what_no_test_uses_is_pruned_and_nothing_else(suite, store):
    suite.write("test_a.py", _TESTS)
    suite.run(ONETAKE_STORE=store)
    suite.run(FEWER="1", ONETAKE_STORE=store)

    dry = prune(suite, "--unused", store=store)
    done = prune(suite, "--unused", "--yes", store=store)
    again = suite.run("--onetake-mode=replay", FEWER="1", ONETAKE_STORE=store)
    wanted = suite.run(ONETAKE_STORE=store)

    assert dry[0] == 1
    assert "Would remove 3 interactions of 2 cassettes" in dry[1]
    assert done[0] == 0
    assert "Removed 3 interactions" in done[1]
    assert again.outcomes == {"passed": 4}
    assert "recorded 3" in wanted.output


def test_cassettes_of_no_test_are_pruned_from_all_shards_together(suite):
    suite.write("test_a.py", _TESTS)
    suite.write("test_b.py", _TESTS.replace('"shared"', '"also"'))
    suite.run()
    suite.write("test_a.py", _TESTS.replace("def test_used", "def test_renamed"))
    shards = []
    for number, name in enumerate(("test_a.py", "test_b.py")):
        suite.run(name, ONETAKE_RUN_ID=f"shard-{number}")
        shards += ["--usage", f".onetake/usage/shard-{number}.jsonl"]

    part = prune(suite, "--orphans")
    unsaid = prune(suite, "--orphans", *shards)
    done = prune(suite, "--orphans", "--whole", "--yes", *shards)

    assert part[0] == unsaid[0] == 2
    assert "only known of a whole suite" in part[1]
    assert done[0] == 0
    assert not (suite.root / "cassettes/test_a/test_used.json").exists()
    assert suite.run("--onetake-mode=replay").outcomes == {"passed": 8}


_IGNORING = {
    "a list": 'collect_ignore = ["test_b.py"]',
    "patterns": 'collect_ignore_glob = ["test_b*"]',
    "a hook": "def pytest_ignore_collect(collection_path):\n"
    "    return 'test_b' in str(collection_path) or None",
}


@pytest.mark.parametrize("how", _IGNORING)
def test_a_run_that_ignores_a_module_is_a_part(suite, how):
    suite.write("test_a.py", _TESTS)
    suite.write("test_b.py", _TESTS)
    path = suite.root / "conftest.py"
    before = path.read_text()
    path.write_text(f"{before}\ncollect_ignore_glob = ['setup.py', 'node_modules']\n")
    suite.write("setup.py", "")
    suite.run()
    assert whole_usage(suite).is_whole
    path.write_text(f"{before}\n{_IGNORING[how]}\n")

    run = suite.run()

    assert "orphans:" not in run.output
    assert not whole_usage(suite).is_whole


def test_other_test_paths_than_those_of_the_project_are_a_part(suite):
    suite.write("test_a.py", _TESTS)
    suite.write("more/test_c.py", "def test_it(): pass\n")

    suite.run("-o", "testpaths=test_a.py")

    assert not whole_usage(suite).is_whole


_FORKING = """
    import os

    import pytest
    from calls import ask

    @pytest.mark.onetake
    def test_in_a_child():
        ask("parent")
        if "CHILD" not in os.environ:
            ask("child")
        elif not (child := os.fork()):
            ask("child")
            os._exit(0)
        else:
            os.waitpid(child, 0)
"""


def test_of_what_forked_children_use_nothing_is_called_unused(suite):
    suite.write("test_a.py", _FORKING)
    suite.run()

    run = suite.run("-W", "ignore::DeprecationWarning", "--onetake-mode=replay", CHILD="1")

    assert run.outcomes == {"passed": 1}
    assert "unused:" not in run.output
    assert prune(suite, "--unused")[0] == 0


def test_cassettes_of_programs_are_no_orphans(suite):
    suite.write("test_a.py", _TESTS)
    suite.run()
    for name in ("summaries", "jobs/nightly"):
        path = suite.root / f"cassettes/{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes((suite.root / "cassettes/shared.json").read_bytes())

    run = suite.run()

    assert "orphans:" not in run.output
    assert prune(suite, "--orphans")[0] == 0

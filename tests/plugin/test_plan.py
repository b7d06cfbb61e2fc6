"""`onetake plan`: what the next run would record is said before any call, and comes true."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

import fakeprovider
from tests.plugin.suite import Run, Suite
from tests.support.runs import run_python

_CHAT = """
import os

import httpx

URL = os.environ["PROVIDER_URL"] + "/v1/chat/completions"


def chat(text, model="gpt-4o-mini"):
    message = {"role": "user", "content": text}
    answer = httpx.post(URL, json={"model": model, "messages": [message]})
    answer.raise_for_status()
"""


@pytest.fixture
def suite(suite: Suite) -> Suite:
    suite.write("chats.py", _CHAT)
    return suite


def plan(suite: Suite, *words: str, **extra: str) -> Run:
    """`onetake plan WORDS` in the suite."""
    variables = {"PROVIDER_URL": suite.url, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **extra}
    done = run_python(
        suite.root, "-m", "onetake", "plan", "-p", "onetake.pytest_plugin", *words, **variables
    )
    return Run(done.returncode, done.stdout + done.stderr)


def planned(suite: Suite, *words: str, **extra: str) -> Any:
    done = plan(suite, "--json", *words, **extra)
    assert done.code == 0, done.output
    return json.loads(done.output)


def by_reason(plan: Any) -> dict[str, tuple[int, int]]:
    """Tests and calls."""
    return {one["reason"]: (one["tests"], one["calls"]) for one in plan["reasons"]}


def make_old(suite: Suite, name: str, days: float) -> None:
    """As if every recording in the file had been made so long ago."""
    path = suite.root / name
    old = int(time.time() - days * 86_400)
    path.write_text(re.sub(r'"at": ?\d+', f'"at": {old}', path.read_text()))


def files(root: Path) -> dict[str, bytes]:
    """All but what Python and pytest keep for themselves."""
    caches = {"__pycache__", ".pytest_cache"}
    found = (path for path in root.glob("**/*") if path.is_file() and not caches & set(path.parts))
    return {str(path.relative_to(root)): path.read_bytes() for path in found}


_SUITE = """
    import os

    import pytest
    from calls import ask
    from chats import chat

    STAGE = os.environ["STAGE"]

    @pytest.mark.onetake
    def test_known():
        chat("what never changes")
        chat("and what does not either")

    @pytest.mark.onetake(ttl="7d")
    def test_aging():
        chat("what is the news?")
        chat("and what was it?")

    @pytest.mark.onetake
    def test_growing():
        chat("the same")
        chat(f"a number that counts runs: {STAGE}")

    @pytest.mark.onetake(mode="record")
    def test_anew():
        chat("once more")
        ask("of unknown price")

    @pytest.mark.onetake
    def test_failing():
        ask("that is paid")
        try:
            chat("what is an error", model="fake-500")
        except Exception:
            pass
        assert STAGE == "4"

    def test_unmarked():
        chat("without a cassette")

    if STAGE == "4":
        @pytest.mark.onetake
        def test_new():
            chat("never asked before")
            chat("nor this")
"""


def test_the_plan_comes_true(suite: Suite, provider: fakeprovider.Provider):
    suite.write("test_a.py", _SUITE)
    for stage in "123":
        suite.run(STAGE=stage)
    make_old(suite, "cassettes/test_a/test_aging.json", days=8)
    before = files(suite.root)
    provider.reset()

    found = planned(suite, STAGE="4")

    assert provider.billed() == 0
    assert files(suite.root) == before
    assert by_reason(found) == {
        "new": (1, 2),
        "record": (1, 2),
        "expired": (1, 2),
        "failed": (1, 1),
        "grows": (1, 1),
        "unmarked": (1, 1),
    }
    assert (found["calls"], found["from_quarantine"], found["tests"]) == (9, 1, 7)
    assert found["calls_of_unknown_price"] == 2  # an echo, and what was an error
    done = suite.run(STAGE="4")
    assert provider.billed() == found["calls"]
    assert done.outcomes == {"passed": 7}


def test_prices_are_those_of_today_for_what_was_recorded(suite: Suite):
    suite.write(
        "test_a.py",
        """
        import pytest
        from chats import chat

        @pytest.mark.onetake(mode="record")
        def test_one():
            chat("what does it cost?")
        """,
    )
    suite.run()
    stored = json.loads((suite.root / "cassettes/test_a/test_one.json").read_text())
    usage = stored["interactions"][0]["response"]["body"]["json"]["usage"]
    price = (0.15 * usage["prompt_tokens"] + 0.6 * usage["completion_tokens"]) / 1e6

    found = planned(suite)
    shown = plan(suite).output

    assert found["dollars"] == pytest.approx(price)
    assert (found["calls"], found["calls_of_unknown_price"]) == (1, 0)
    assert "in all: 1 call, about $0.0000" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


@pytest.mark.parametrize(
    "addopts",
    ["-n 2 -p xdist", "-x --maxfail=1 --junitxml=out.xml -v", "--onetake-report=out.json"],
)
def test_options_of_the_project_do_not_matter(suite: Suite, addopts: str):
    suite.write("pytest.ini", f"[pytest]\naddopts = {addopts}\n")
    suite.write("test_a.py", "import pytest\n@pytest.mark.onetake\ndef test_it(): assert 0\n")
    before = set(files(suite.root))

    found = planned(suite)

    assert [one["test"] for one in found["expected"]] == ["test_a.py::test_it"]
    assert (found["calls"], found["tests_of_unknown_calls"]) == (0, 1)
    assert {name for name in files(suite.root) if ".pytest_cache" not in name} == before


def test_in_ci_what_is_missing_is_named(suite: Suite, provider: fakeprovider.Provider):
    suite.write(
        "test_a.py",
        """
        import pytest
        from calls import ask

        @pytest.mark.onetake
        def test_recorded():
            ask("a")

        @pytest.mark.onetake(max_age="30d")
        def test_old():
            ask("b")

        @pytest.mark.onetake
        def test_new():
            ask("c")
        """,
    )
    suite.run("--deselect", "test_a.py::test_new")
    make_old(suite, "cassettes/test_a/test_old.json", days=40)

    found = planned(suite, CI="true")

    assert (found["mode"], found["calls"], found["replayed"]) == ("replay", 0, 1)
    assert {one["test"]: one["why"] for one in found["misses"]} == {
        "test_a.py::test_old": "1 recording of cassettes/test_a/test_old.json is past its age",
        "test_a.py::test_new": "there is no cassettes/test_a/test_new.json",
    }
    assert "would miss: 2 tests" in plan(suite, CI="true").output


def test_only_what_is_chosen_is_planned(suite: Suite):
    suite.write(
        "test_a.py",
        """
        import sys

        import pytest

        @pytest.mark.onetake
        def test_one(): ...

        @pytest.mark.onetake
        def test_two(): ...

        @pytest.mark.skip
        @pytest.mark.onetake
        def test_three(): ...

        @pytest.mark.skipif(sys.version_info > (3,), reason="it is new")
        @pytest.mark.onetake
        def test_four(): ...
        """,
    )

    names = [one["test"] for one in planned(suite, "-k", "not two")["expected"]]

    assert names == ["test_a.py::test_one"]


def test_a_test_that_never_calls_is_not_taken_for_new(suite: Suite):
    suite.write("test_a.py", "def test_quiet(): ...\n")
    suite.run(ONETAKE_AUTO_MARK="1")

    found = planned(suite, ONETAKE_AUTO_MARK="1")

    assert (found["marked"], found["expected"]) == (1, [])
    assert "in all: no call, $0" in plan(suite, ONETAKE_AUTO_MARK="1").output


def test_tests_that_share_a_cassette_are_counted_once(
    suite: Suite, provider: fakeprovider.Provider
):
    suite.write(
        "test_a.py",
        """
        import pytest
        from calls import ask

        @pytest.mark.onetake("shared", mode="record")
        @pytest.mark.parametrize("n", [1, 2, 3])
        def test_it(n):
            ask(f"question {n}")
        """,
    )
    suite.run()
    provider.reset()

    found = planned(suite)
    suite.run()

    assert by_reason(found) == {"record": (3, 3)}
    assert provider.billed() == 3


def test_what_a_fixture_and_the_import_record_is_planned_too(
    suite: Suite, provider: fakeprovider.Provider
):
    suite.write(
        "test_a.py",
        """
        import pytest
        from calls import ask

        ask("while it is imported")

        @pytest.fixture(scope="module")
        def wide():
            ask("for all")

        @pytest.mark.onetake
        def test_it(wide):
            ask("for one")
        """,
    )
    suite.run()
    provider.reset()

    found = planned(suite, "--onetake-mode=record")

    assert provider.billed() == 0
    assert by_reason(found) == {"record": (3, 3)}
    suite.run("--onetake-mode=record")
    assert provider.billed() == 3


def test_what_record_statuses_leaves_out_goes_live_again(
    suite: Suite, provider: fakeprovider.Provider
):
    suite.write(
        "test_a.py",
        """
        import pytest
        from calls import ask
        from chats import chat

        @pytest.mark.onetake(record_statuses=[200])
        def test_it():
            ask("that is kept")
            with pytest.raises(Exception):
                chat("that is not", model="fake-400")
        """,
    )
    suite.run()
    provider.reset()

    found = planned(suite)
    suite.run()

    assert by_reason(found) == {"let-through": (1, 1)}
    assert provider.billed() == 1


def test_settings_of_a_fixture_are_not_known_before_it_runs(suite: Suite):
    suite.write(
        "test_a.py",
        """
        import pytest

        @pytest.fixture(scope="module")
        def onetake_config():
            return {"mode": "record"}

        @pytest.mark.onetake
        def test_it(): ...
        """,
    )

    assert "1 of the tests have a fixture onetake_config" in planned(suite)["notes"][0]


def test_what_cannot_be_collected_is_shown(suite: Suite):
    suite.write("test_a.py", "import nothing_of_that_name\n")

    done = plan(suite, "--json")

    assert done.code == 2
    assert "nothing_of_that_name" in done.output
    assert "There is no plan" in done.output


def test_pytest_says_it_itself(suite: Suite):
    suite.write("test_a.py", "import pytest\n@pytest.mark.onetake\ndef test_it(): assert 0\n")

    run = suite.run("--onetake-plan")

    assert run.code == 0
    assert "Nobody knows how many calls these make:\n  test_a.py::test_it" in run.output


def test_a_plan_never_becomes_a_run(suite: Suite, provider: fakeprovider.Provider):
    suite.write("test_a.py", "from calls import ask\ndef test_it(): ask('paid')\n")

    for words in (["--no-onetake"], ["--collect-only"], ["--setup-show"], ["nowhere.py"]):
        plan(suite, *words)

    assert plan(suite, "--no-onetake").code == 2
    assert provider.billed() == 0


VCR = ("-p", "onetake_vcr.plugin")
OF_VCR = """
    import pytest
    from chats import chat

    @pytest.fixture
    def vcr_config():
        return {"filter_headers": ["authorization"], "match_on": ["method", "uri", "body"]}

    @pytest.mark.vcr
    def test_two():
        chat("one")
        chat("two")

    @pytest.mark.vcr(record_mode="once")
    def test_one():
        chat("three")

    @pytest.mark.vcr(record_mode="all")
    def test_always():
        chat("four")
"""


def test_cassettes_of_a_suite_of_vcrpy_are_looked_at(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write("test_a.py", OF_VCR)
    before = planned(suite, *VCR)
    suite.run("--record-mode=once", plugins=("onetake_vcr.plugin",))
    provider.reset()

    after = planned(suite, *VCR)

    assert before["marked"] == after["marked"] == 3
    assert [one["test"] for one in before["misses"]] == ["test_a.py::test_two"]
    assert by_reason(before) == {"new": (2, 0)}
    assert by_reason(after) == {"record": (1, 1)}
    assert (after["replayed"], after["misses"], after["notes"]) == (3, [], [])
    assert provider.billed() == 0


def test_a_cassette_of_vcrpy_that_grows_will_grow_again(
    suite: Suite, provider: fakeprovider.Provider
) -> None:
    suite.write(
        "test_a.py",
        """
        import time
        import pytest
        from chats import chat

        @pytest.mark.vcr(record_mode="new_episodes", match_on=["method", "uri", "body"])
        def test_a():
            chat(f"the time is {time.time_ns()}")
        """,
    )
    for _ in range(3):
        suite.run(plugins=("onetake_vcr.plugin",))

    assert by_reason(planned(suite, *VCR)) == {"grows": (1, 1)}


@pytest.mark.parametrize(
    "unknown",
    [
        "@pytest.fixture\n    def vcr_config():\n        return {'record_mode': 'all'}",
        "@pytest.fixture\n    def vcr_cassette_dir():\n        return 'elsewhere'",
        "def pytest_recording_configure(config, vcr):\n        vcr.register_persister(None)",
    ],
)
def test_what_a_fixture_says_of_cassettes_of_vcrpy_is_only_known_in_a_run(
    suite: Suite, unknown: str
) -> None:
    of_hook = unknown.startswith("def")
    head = "import pytest\n\n"
    test = f"{head}@pytest.mark.vcr\ndef test_a(): ...\n"
    suite.write("conftest.py" if of_hook else "fixtures.py", head + unknown.replace("\n    ", "\n"))
    suite.write("test_a.py", test if of_hook else "from fixtures import *\n" + test)

    (note,) = planned(suite, *VCR)["notes"]

    assert note.startswith("1 of the tests are marked vcr, and which cassettes")

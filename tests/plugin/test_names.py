"""Where the cassette of a test lies."""

from __future__ import annotations

import json
import re

import pytest

from onetake.pytest_plugin.names import file_safe
from tests.plugin.suite import Suite

NAMES = """
    import pytest
    from calls import ask

    pytestmark = pytest.mark.onetake

    @pytest.mark.parametrize("path", ["a/b:c", "plain"])
    def test_param(path):
        ask(path)

    class TestClass:
        def test_method(self):
            ask("method")

    @pytest.mark.onetake("shared")
    def test_named():
        ask("named")

    @pytest.mark.onetake("own.json")
    def test_file():
        ask("file")
"""


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ("test_a[x-1]", "test_a[x-1]"),
        ("test_a[<>?%*:|\"'/\\]", "test_a[-----------]"),
    ],
)
def test_forbidden_characters_become_dashes(raw: str, safe: str) -> None:
    assert file_safe(raw) == safe


def test_a_long_name_is_cut_and_stays_its_own() -> None:
    one, other = file_safe("é" * 300 + "1"), file_safe("é" * 300 + "2")
    assert one != other
    assert len(f"{one}.json".encode()) <= 255


def test_names_are_those_of_pytest_recording(suite: Suite) -> None:
    suite.write("test_mod.py", NAMES)
    assert suite.run().outcomes == {"passed": 5}
    assert suite.cassettes() == [
        "cassettes/shared.json",
        "cassettes/test_mod/TestClass.test_method.json",
        "cassettes/test_mod/test_param[a-b-c].json",
        "cassettes/test_mod/test_param[plain].json",
    ]
    assert (suite.root / "own.json").exists()


def test_a_store_of_files_keeps_folders_apart(suite: Suite) -> None:
    suite.write("one/test_mod.py", NAMES)
    assert suite.run("--onetake-store=files:recordings").code == 0
    found = {p.name for p in (suite.root / "recordings/one/test_mod").iterdir()}
    assert "test_param[plain].json" in found


ONE = "sk-proj-a1B2c3D4e5F6g7H8i9J0kLmNoPqRsTuV"
OTHER = "sk-proj-Z9y8X7w6V5u4T3s2R1q0PoNmLkJiHgFe"
VALUE = "zq7XWv9kk2"
KEYS = f"""
    import os
    import pytest
    from calls import ask

    KEYS = ["{ONE}", "{OTHER}", os.environ["SOME_API_KEY"], "postgres://me:hunter2hunter2@db/x"]

    @pytest.fixture(scope="module", params=["{ONE}", "{OTHER}"])
    def wide(request):
        ask("wide " + request.param)

    @pytest.mark.onetake
    @pytest.mark.parametrize("key", KEYS)
    @pytest.mark.parametrize("kind", ["fast"])
    def test_key(kind, key):
        ask(key)
        assert not os.environ.get("FAILING")

    @pytest.mark.onetake
    def test_wide(wide):
        pass

    @pytest.mark.parametrize("key", ["{ONE}"])
    def test_unmarked(key):
        pass
"""


def test_a_key_in_the_name_of_a_test_is_in_no_name_of_ours(suite: Suite, provider) -> None:
    suite.write("test_mod.py", KEYS)
    words = ("-q", "--tb=no", "-rN", f"--onetake-report={suite.root}/report.json")
    failed = suite.run(*words, SOME_API_KEY=VALUE, FAILING="1")
    plan = suite.run("--onetake-plan", SOME_API_KEY=VALUE)
    recorded = suite.run(*words, SOME_API_KEY=VALUE)
    calls = dict(provider.counts())
    replayed = suite.run(*words, "--onetake-mode=replay", SOME_API_KEY="another1value2")

    assert failed.outcomes == {"failed": 4, "passed": 3}
    assert recorded.outcomes == {"passed": 7}, recorded.output
    assert replayed.outcomes == {"passed": 7}, replayed.output
    assert provider.counts() == calls == {"POST /echo": 6}  # a failed test was paid once
    names = [name.removeprefix("cassettes/test_mod/") for name in suite.cassettes()]
    assert [re.sub("[0-9a-f]{8}", "8HEX", name) for name in names] == [
        "@wide[REDACTED-openai-key-8HEX].json",
        "@wide[REDACTED-openai-key-8HEX].json",
        "test_key[fast-REDACTED-SOME_API_KEY].json",
        "test_key[fast-REDACTED-openai-key-8HEX].json",
        "test_key[fast-REDACTED-openai-key-8HEX].json",
        "test_key[fast-postgres---REDACTED-userinfo@db-x].json",
    ]
    written = [path for path in suite.root.rglob("*") if path.name != "test_mod.py"]
    texts = [str(path).encode() for path in written]
    texts += [path.read_bytes() for path in written if path.is_file()]
    texts += [run.output.encode() for run in (failed, plan, recorded, replayed)]
    secrets = [ONE, OTHER, VALUE, "another1value2", "hunter2hunter2"]
    assert [one for one in secrets for text in texts if one.encode() in text] == []
    report = json.loads((suite.root / "report.json").read_text())
    assert len({one["test"] for one in report["tests"]}) == len(report["tests"])

"""Where the cassette of a test lies."""

from __future__ import annotations

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
